//! A graph on the device: buffers over lifetimes, weights, and the list of launches, recorded once and encoded again at
//! every run. Bind groups are made once too; making them anew at each run costs more than the launches themselves.

use super::context::{Buffer, Context};
use super::kernel::{Dispatch, Lowering, Source, dispatch, narrow, widen, zero_tail, zeros_at};
use super::tune::Tuning;
use super::{GpuValue, shader::Variant};
use crate::error::{Error, Result};
use crate::exec::WeightData;
use crate::graph::{Graph, MemoryPlan, NodeId, Op, Precision, WeightId, node_work, plan_memory};
use half::f16;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;
use wgpu::BufferUsages;

/// Bytes between the parameters of two launches: WebGPU's alignment of uniform bindings.
const UNIFORM: u64 = 256;

/// A weight on the device.
#[derive(Clone)]
struct Stored {
    buffer: Rc<Buffer>,
    half: bool,
}

/// A recorded launch.
struct Launch {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 3],
    flops: u64,
}

/// What a run consists of.
struct Recording {
    launches: Vec<Launch>,
    /// The parameters of all launches; the bind groups point into it.
    _uniforms: Rc<Buffer>,
}

/// A graph with its weights and launches.
pub struct GpuModule {
    pub(super) graph: Graph,
    precision: Precision,
    plan: MemoryPlan,
    slots: Vec<Rc<Buffer>>,
    /// The caller's side of inputs and outputs where values are stored as f16; empty where they are f32 throughout.
    walls: HashMap<NodeId, Rc<Buffer>>,
    weights: Vec<Option<Stored>>,
    tuning: Tuning,
    /// Made at the first run, when all weights are there and it is known which are f16.
    recording: OnceCell<Recording>,
}

impl GpuModule {
    /// Allocates; see [`crate::exec::Executor::compile`].
    pub fn new(context: &Context, graph: Graph, donor: Option<&GpuModule>) -> Result<Self> {
        let weights = match donor {
            None => vec![None; graph.weights.len()],
            Some(donor) if donor.graph.weights == graph.weights => donor.weights.clone(),
            Some(_) => return Err(Error::Internal("a module cannot share the weights of another model".into())),
        };
        let precision = if graph.needs_f32 { Precision::F32 } else { context.precision };
        let plan = plan_memory(&graph, precision);
        // New buffers hold zeros, and nothing ever writes behind the longest value of a slot.
        let tail = zero_tail(&graph);
        let slots = plan.slots.iter().map(|slot| context.storage("activations", zeros_at(slot.bytes) + tail));
        let slots = slots.collect::<Result<_>>()?;
        let mut walls = HashMap::new();
        if precision == Precision::F16 {
            let inputs = graph.inputs().filter(|(_, _, ids)| !ids).map(|(id, _, _)| id);
            for id in inputs.chain(graph.outputs.iter().map(|(_, id)| *id)) {
                walls.insert(id, context.storage("inputs and outputs", graph.node(id).len() as u64 * 4)?);
            }
        }
        let (tuning, recording) = (context.tuning, OnceCell::new());
        Ok(Self { graph, precision, plan, slots, walls, weights, tuning, recording })
    }

    /// Uploads a weight. Matrices and tables get rows of a multiple of four numbers, so that the kernels can load four
    /// at a time; positions are a table that is read number by number and stays f32.
    pub fn put(&mut self, context: &Context, id: WeightId, data: WeightData) -> Result<()> {
        let weight = &self.graph.weights[id.0];
        let name = weight.parts.first().map_or("weight", |(name, _)| name);
        let is_positions = |op: &Op| matches!(op, Op::Embedding { positions, .. } if *positions == id);
        let plain = weight.is_vector() || self.graph.nodes.iter().any(|node| is_positions(&node.op));
        let data = if plain { data } else { storable(data, weight.n(), self.precision, context.info.max_binding) };
        let (bytes, half): (Vec<u8>, bool) = match data {
            data if plain => (bytemuck::cast_slice(&data.into_f32()).to_vec(), false),
            WeightData::F16(data) => (bytemuck::cast_slice(&padded(&data, weight.n())).to_vec(), true),
            WeightData::F32(data) => (bytemuck::cast_slice(&padded(&data, weight.n())).to_vec(), false),
        };
        let buffer = context.buffer(name, bytes.len() as u64, BufferUsages::STORAGE | BufferUsages::COPY_DST)?;
        let mut bytes = bytes;
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        context.queue.write_buffer(&buffer.raw, 0, &bytes);
        self.weights[id.0] = Some(Stored { buffer, half });
        self.recording.take();
        Ok(())
    }

    fn stored(&self, id: WeightId) -> Result<&Stored> {
        self.weights[id.0].as_ref().ok_or_else(|| {
            let name = self.graph.weights[id.0].parts.first().map_or("?", |(name, _)| name);
            Error::Internal(format!("weight {name} was not loaded"))
        })
    }

    /// Builds pipelines and bind groups, if that was not done yet.
    pub async fn record(&self, context: &Context) -> Result<()> {
        if self.recording.get().is_none() {
            let recording = context.guarded(|| self.make_recording(context)).await?;
            // A second one in between would have been the same.
            let _ = self.recording.set(recording);
        }
        Ok(())
    }

    fn make_recording(&self, context: &Context) -> Result<Recording> {
        let dispatches = self.dispatches();
        let mut pieces = Vec::new();
        for (id, dispatch) in &dispatches {
            let flops = node_work(&self.graph, *id).flops;
            let parts = dispatch.pieces(flops.div_ceil(self.tuning.flops_per_submit));
            let flops = flops / parts.len() as u64;
            pieces.extend(parts.into_iter().map(|part| (*id, dispatch, part, flops)));
        }
        let bytes = pieces.len() as u64 * UNIFORM;
        let uniforms = context.buffer("parameters", bytes, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
        let mut launches = Vec::new();
        let mut data = vec![0_u8; bytes as usize];
        for (i, (id, dispatch, (params, workgroups), flops)) in pieces.into_iter().enumerate() {
            let offset = i as u64 * UNIFORM;
            let words: &[u8] = bytemuck::cast_slice(&params);
            data[offset as usize..][..words.len()].copy_from_slice(words);
            let size = wgpu::BufferSize::new((words.len() as u64).next_multiple_of(16));
            let params = wgpu::BufferBinding { buffer: &uniforms.raw, offset, size };
            let pipeline = context.pipeline(&dispatch.variant);
            let bind_group = self.bind(context, &pipeline, dispatch, id, params)?;
            launches.push(Launch { pipeline, bind_group, workgroups, flops });
        }
        context.queue.write_buffer(&uniforms.raw, 0, &data);
        Ok(Recording { launches, _uniforms: uniforms })
    }

    /// All launches in order: inputs to how values are stored, the nodes, outputs back.
    fn dispatches(&self) -> Vec<(NodeId, Dispatch)> {
        let half = |id: WeightId| self.weights[id.0].as_ref().is_some_and(|weight| weight.half);
        let (graph, plan, precision, tuning) = (&self.graph, &self.plan, self.precision, self.tuning);
        let lowering = Lowering { graph, plan, precision, tuning };
        let node = |i: usize| {
            let id = NodeId(i);
            let input = matches!(self.graph.node(id).op, Op::Input { .. }) && self.walls.contains_key(&id);
            let dispatch = if input { Some(narrow(&self.graph, id)) } else { dispatch(lowering, id, half) };
            Some((id, dispatch?))
        };
        let mut all: Vec<_> = (0..self.graph.nodes.len()).filter_map(node).collect();
        if self.precision == Precision::F16 {
            all.extend(self.graph.outputs.iter().map(|(_, id)| (*id, widen(&self.graph, *id))));
        }
        all
    }

    fn bind(
        &self,
        context: &Context,
        pipeline: &wgpu::ComputePipeline,
        dispatch: &Dispatch,
        id: NodeId,
        params: wgpu::BufferBinding<'_>,
    ) -> Result<wgpu::BindGroup> {
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(params) }];
        for (binding, source) in &dispatch.bindings {
            let buffer = match source {
                Source::Value(id) => self.slot(*id),
                Source::Output => self.slot(id),
                Source::Weight(id) => &self.stored(*id)?.buffer,
                Source::Wall(id) => self.wall(*id),
                Source::Overflow => &context.overflow,
            };
            entries.push(wgpu::BindGroupEntry { binding: *binding, resource: buffer.raw.as_entire_binding() });
        }
        let layout = pipeline.get_bind_group_layout(0);
        let label = Some(self.graph.node(id).name.as_str());
        Ok(context.device.create_bind_group(&wgpu::BindGroupDescriptor { label, layout: &layout, entries: &entries }))
    }

    fn slot(&self, id: NodeId) -> &Rc<Buffer> {
        &self.slots[self.plan.slot_of[id.0]]
    }

    /// Where the caller writes an input or reads an output.
    fn wall(&self, id: NodeId) -> &Rc<Buffer> {
        self.walls.get(&id).unwrap_or_else(|| self.slot(id))
    }

    /// Copies the inputs in, encodes all launches, submits.
    pub fn run(&self, context: &Context, inputs: &[(&str, &GpuValue)]) -> Result<Vec<GpuValue>> {
        let recording =
            self.recording.get().ok_or_else(|| Error::Internal("a module was run before it was recorded".into()))?;
        let mut encoder = context.device.create_command_encoder(&Default::default());
        for (id, name, _) in self.graph.inputs() {
            let given = inputs.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
            let given = given.ok_or_else(|| Error::Internal(format!("input {name} was not given")))?;
            if given.len != self.graph.node(id).len() {
                return Err(Error::Internal(format!(
                    "input {name} has {} numbers, not {:?}",
                    given.len,
                    self.graph.node(id).shape
                )));
            }
            let bytes = given.len as u64 * 4;
            encoder.copy_buffer_to_buffer(&given.buffer.raw, given.offset, &self.wall(id).raw, 0, bytes);
        }
        let mut rest = recording.launches.as_slice();
        loop {
            let mut flops = 0;
            let count = rest.iter().take_while(|launch| {
                let fits = flops < self.tuning.flops_per_submit;
                flops += launch.flops;
                fits
            });
            let (now, later) = rest.split_at(count.count());
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                for launch in now {
                    pass.set_pipeline(&launch.pipeline);
                    pass.set_bind_group(0, &launch.bind_group, &[]);
                    let [x, y, z] = launch.workgroups;
                    pass.dispatch_workgroups(x, y, z);
                }
            }
            context.queue.submit([encoder.finish()]);
            if later.is_empty() {
                break;
            }
            rest = later;
            encoder = context.device.create_command_encoder(&Default::default());
        }
        let value = |(_, id): &(String, NodeId)| GpuValue {
            buffer: self.wall(*id).clone(),
            offset: 0,
            len: self.graph.node(*id).len(),
        };
        Ok(self.graph.outputs.iter().map(value).collect())
    }

    /// The variants in use, for tests and profiles.
    pub fn variants(&self) -> Vec<Variant> {
        self.dispatches().into_iter().map(|(_, dispatch)| dispatch.variant).collect()
    }
}

/// A matrix with rows of `n` numbers as it will be stored: as f16 where values are, or where f32 would not go into one
/// binding of `max_binding` bytes (CLIP's table of tokens is 151 MB, WebGPU promises 134), unless one of its numbers
/// does not fit into f16.
fn storable(data: WeightData, n: usize, precision: Precision, max_binding: u64) -> WeightData {
    let bytes = 4 * (data.len() / n * n.next_multiple_of(4)) as u64;
    let halve = precision == Precision::F16 || bytes > max_binding;
    match data {
        WeightData::F32(data) if halve && data.iter().all(|x| x.abs() <= f16::MAX.to_f32_const()) => {
            WeightData::F16(data.into_iter().map(f16::from_f32).collect())
        }
        data => data,
    }
}

/// Rows of `n` numbers padded with zeros to a multiple of four.
fn padded<T: Copy + Default>(data: &[T], n: usize) -> Vec<T> {
    let width = n.next_multiple_of(4);
    let mut out = vec![T::default(); data.len() / n * width];
    for (out, row) in out.chunks_exact_mut(width).zip(data.chunks_exact(n)) {
        out[..n].copy_from_slice(row);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_halved_where_that_is_wanted_or_needed_and_loses_none() {
        let is_half = |x: f32, precision, max| {
            matches!(storable(WeightData::F32(vec![x; 15]), 5, precision, max), WeightData::F16(_))
        };
        // Three rows of five numbers take eight columns of four bytes.
        assert!(!is_half(0.1, Precision::F32, 96));
        assert!(is_half(0.1, Precision::F32, 95));
        assert!(is_half(0.1, Precision::F16, 96));
        assert!(!is_half(1e5, Precision::F16, 95));
    }

    #[test]
    fn rows_are_padded_to_fours() {
        assert_eq!(padded(&[1, 2, 3, 4, 5, 6], 3), [1, 2, 3, 0, 4, 5, 6, 0]);
        assert_eq!(padded(&[1, 2, 3, 4], 4), [1, 2, 3, 4]);
    }
}
