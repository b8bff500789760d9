//! The CPU executor: candle's tensors and matrix products, our own loops around them. It is the fallback where there is
//! no WebGPU and the reference twin of every GPU kernel; each function of [`kernels`] and [`attention`] has a WGSL
//! file of the same name.

mod attention;
pub mod kernels;
mod matmul;

use super::{Executor, WeightData};
use crate::error::{Error, Result};
use crate::graph::{Graph, Node, NodeId, Op, WeightId};
use crate::schedulers::{Eval, apply::Sampler};
use candle_core::{DType, Device, Storage, Tensor};

/// Runs graphs on the CPU. Natively candle's matrix product uses all cores; in a browser it uses SIMD on one.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuExecutor;

/// A graph with its weights as f32.
pub struct CpuModule {
    graph: Graph,
    weights: Vec<Option<Tensor>>,
    /// Index of the last node that reads a value; outputs stay.
    last_use: Vec<usize>,
}

/// The sampler's state, kept on the host.
pub struct CpuSampler {
    state: Sampler,
    denoised: Vec<f32>,
    noise_pred: Vec<f32>,
}

/// Reads a contiguous f32 tensor.
fn with_f32<T>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        return Err(Error::Internal("a tensor that is not on the CPU".into()));
    };
    let data = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(f(&data[start..end])),
        None => Err(Error::Internal("a tensor that is not contiguous".into())),
    }
}

fn tensor(data: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor::from_vec(data, shape, &Device::Cpu)?)
}

impl CpuModule {
    fn weight(&self, id: WeightId) -> Result<&Tensor> {
        self.weights[id.0].as_ref().ok_or_else(|| {
            let name = self.graph.weights[id.0].parts.first().map_or("?", |(name, _)| name);
            Error::Internal(format!("weight {name} was not loaded"))
        })
    }

    fn run_node(&self, node: &Node, inputs: &[&Tensor]) -> Result<Tensor> {
        let map = |f: &dyn Fn(&[f32], &mut [f32])| -> Result<Tensor> {
            let mut out = vec![0.0; node.len()];
            with_f32(inputs[0], |x| f(x, &mut out))?;
            tensor(out, &node.shape)
        };
        let channels = node.shape.last().copied().unwrap_or(1);
        let vector = |id: WeightId| -> Result<Vec<f32>> { Ok(self.weight(id)?.flatten_all()?.to_vec1()?) };
        match &node.op {
            Op::Input { name, .. } => Err(Error::Internal(format!("input {name} was not given"))),
            Op::Reshape => Ok(inputs[0].reshape(node.shape.as_slice())?),
            Op::MatMul(op) => {
                let bias = op.bias.map(vector).transpose()?;
                matmul::matmul(op, inputs, self.weight(op.weight)?, bias.as_deref(), &node.shape)
            }
            Op::Attention { heads, head_dim, offsets, causal } => {
                attention::attention(inputs, &node.shape, *heads, *head_dim, *offsets, *causal)
            }
            Op::Embedding { table, positions } => {
                let rows = self.weight(*table)?.index_select(&inputs[0].flatten_all()?, 0)?;
                let positions = self.weight(*positions)?.narrow(0, 0, node.shape[1])?;
                Ok(rows.reshape(node.shape.as_slice())?.broadcast_add(&positions)?)
            }
            Op::GroupNorm { groups, eps, weight, bias, act } => {
                let (weight, bias) = (vector(*weight)?, vector(*bias)?);
                map(&|x, out| kernels::group_norm(x, out, node.shape[0], *groups, *eps, &weight, &bias, *act))
            }
            Op::LayerNorm { eps, weight, bias } => {
                let (weight, bias) = (vector(*weight)?, vector(*bias)?);
                map(&|x, out| kernels::layer_norm(x, out, *eps, &weight, &bias))
            }
            Op::Activate(act) => map(&|x, out| kernels::activate(x, out, *act)),
            Op::Geglu => map(&|x, out| kernels::geglu(x, out, channels)),
            Op::Affine { factor, offset } => map(&|x, out| kernels::affine(x, out, *factor, *offset)),
            Op::Resize => {
                let from = inputs[0].dims();
                map(&|x, out| kernels::resize(x, out, [from[1], from[2]], [node.shape[1], node.shape[2]], channels))
            }
            Op::Add | Op::AddChannels | Op::Concat => {
                let mut out = vec![0.0; node.len()];
                with_f32(inputs[0], |a| {
                    with_f32(inputs[1], |b| match node.op {
                        Op::Add => kernels::add(a, b, &mut out),
                        Op::AddChannels => kernels::add_channels(a, b, &mut out, node.shape[0]),
                        _ => kernels::concat(a, b, &mut out, channels),
                    })
                })??;
                tensor(out, &node.shape)
            }
        }
    }
}

impl Executor for CpuExecutor {
    type Value = Tensor;
    type Module = CpuModule;
    type Sampler = CpuSampler;

    async fn compile(&self, graph: Graph, donor: Option<&CpuModule>) -> Result<CpuModule> {
        let weights = match donor {
            None => vec![None; graph.weights.len()],
            Some(donor) if donor.graph.weights == graph.weights => donor.weights.clone(),
            Some(_) => return Err(Error::Internal("a module cannot share the weights of another model".into())),
        };
        let mut last_use = vec![0; graph.nodes.len()];
        for (i, node) in graph.nodes.iter().enumerate() {
            for input in &node.inputs {
                last_use[input.0] = i;
            }
        }
        for (_, NodeId(output)) in &graph.outputs {
            last_use[*output] = usize::MAX;
        }
        Ok(CpuModule { graph, weights, last_use })
    }

    async fn put(&self, module: &mut CpuModule, id: WeightId, data: WeightData) -> Result<()> {
        let weight = &module.graph.weights[id.0];
        let shape = [weight.k(), weight.n()];
        module.weights[id.0] = Some(tensor(data.into_f32(), &shape)?);
        Ok(())
    }

    fn upload(&self, data: &[f32]) -> Result<Tensor> {
        tensor(data.to_vec(), &[data.len()])
    }

    fn upload_ids(&self, ids: &[u32]) -> Result<Tensor> {
        Ok(Tensor::from_slice(ids, ids.len(), &Device::Cpu)?)
    }

    async fn download_all(&self, values: &[Tensor]) -> Result<Vec<Vec<f32>>> {
        values.iter().map(|value| with_f32(value, <[f32]>::to_vec)).collect()
    }

    async fn finish(&self) -> Result<()> {
        Ok(())
    }

    async fn run(&self, module: &CpuModule, inputs: &[(&str, &Tensor)]) -> Result<Vec<Tensor>> {
        let graph = &module.graph;
        let mut values: Vec<Option<Tensor>> = vec![None; graph.nodes.len()];
        for (i, node) in graph.nodes.iter().enumerate() {
            let value = match &node.op {
                Op::Input { name, ids } => {
                    let given = inputs.iter().find(|(given, _)| given == name).map(|(_, value)| *value);
                    let given = given.ok_or_else(|| Error::Internal(format!("input {name} was not given")))?;
                    let dtype = if *ids { DType::U32 } else { DType::F32 };
                    if given.dtype() != dtype || given.elem_count() != node.len() {
                        return Err(Error::Internal(format!("input {name} is {given:?}, not {:?}", node.shape)));
                    }
                    given.reshape(node.shape.as_slice())?
                }
                _ => {
                    let missing = || Error::Internal(format!("{} lost an input", node.name));
                    let inputs: Option<Vec<&Tensor>> = node.inputs.iter().map(|id| values[id.0].as_ref()).collect();
                    module.run_node(node, &inputs.ok_or_else(missing)?)?
                }
            };
            values[i] = Some(value);
            for input in &node.inputs {
                if module.last_use[input.0] == i {
                    values[input.0] = None;
                }
            }
        }
        let lost = |name: &str| Error::Internal(format!("output {name} was lost"));
        graph.outputs.iter().map(|(name, id)| values[id.0].clone().ok_or_else(|| lost(name))).collect()
    }

    fn sampler(&self, latents: &[f32]) -> Result<CpuSampler> {
        let state = Sampler::new(latents.to_vec());
        Ok(CpuSampler { state, denoised: vec![0.0; latents.len()], noise_pred: vec![0.0; latents.len()] })
    }

    fn model_input(&self, sampler: &CpuSampler, input_scale: f64, batch: usize) -> Result<Tensor> {
        let scale = input_scale as f32;
        let scaled: Vec<f32> = sampler.state.x.iter().map(|x| x * scale).collect();
        self.upload(&scaled.repeat(batch))
    }

    fn guide_and_step(
        &self,
        sampler: &mut CpuSampler,
        eval: &Eval,
        model_out: &Tensor,
        guidance: Option<f64>,
        noise: Option<&[f32]>,
    ) -> Result<()> {
        sampler.noise_pred = with_f32(model_out, |out| match guidance {
            None => out.to_vec(),
            Some(guidance) => {
                let (negative, positive) = out.split_at(out.len() / 2);
                negative.iter().zip(positive).map(|(u, c)| u + guidance as f32 * (c - u)).collect()
            }
        })?;
        sampler.denoised = sampler.state.step(eval, &sampler.noise_pred, noise);
        Ok(())
    }

    fn blend(&self, sampler: &mut CpuSampler, known: &Tensor, mask: &Tensor) -> Result<()> {
        let known = with_f32(known, <[f32]>::to_vec)?;
        let mask = with_f32(mask, <[f32]>::to_vec)?;
        for ((x, known), mask) in sampler.state.x.iter_mut().zip(known).zip(mask) {
            *x = known + mask * (*x - known);
        }
        Ok(())
    }

    fn latents(&self, sampler: &CpuSampler) -> Tensor {
        host(&sampler.state.x)
    }

    fn denoised(&self, sampler: &CpuSampler) -> Tensor {
        host(&sampler.denoised)
    }

    fn noise_pred(&self, sampler: &CpuSampler) -> Tensor {
        host(&sampler.noise_pred)
    }
}

/// A vector as a tensor. A vector of its own length cannot be refused, so the error case is an empty tensor.
fn host(data: &[f32]) -> Tensor {
    Tensor::from_slice(data, data.len(), &Device::Cpu).unwrap_or_else(|error| unreachable!("{error}"))
}
