//! The GPU executor: wgpu, our own WGSL, natively and in a browser. Each kernel is one file in `shaders/` and has its
//! twin on the CPU in `exec/cpu`.

mod context;
mod kernel;
mod module;
mod peak;
mod sampler;
pub mod shader;
pub mod tune;

pub use context::GpuInfo;
pub use kernel::{Dispatch, Lowering, Source, dispatch, narrow, widen};
pub use module::GpuModule;
pub use sampler::{GpuSampler, StepParams};

use super::{Executor, WeightData};
use crate::error::Result;
use crate::graph::{Graph, Precision, WeightId};
use crate::schedulers::Eval;
use context::{Buffer, Context};
use std::rc::Rc;

/// Runs graphs on a GPU. Cheap to clone: all clones share the device.
#[derive(Clone)]
pub struct GpuExecutor {
    context: Rc<Context>,
}

/// Numbers on the device: a piece of a buffer.
#[derive(Clone)]
pub struct GpuValue {
    buffer: Rc<Buffer>,
    /// In bytes.
    offset: u64,
    /// In numbers of four bytes.
    len: usize,
}

impl GpuExecutor {
    /// Opens the default adapter, for values and weights as [`Precision::F32`] and the model's files have them. Works
    /// with WebGPU's default features and limits.
    ///
    /// # Errors
    /// [`crate::Error::NoGpu`] where there is none.
    pub async fn new() -> Result<Self> {
        Self::with_precision(Precision::F32).await
    }

    /// Opens the default adapter and says how values between kernels are stored. With [`Precision::F16`] weights are
    /// too; arithmetic, whatever goes in or comes out, and graphs that need it stay in f32.
    ///
    /// # Errors
    /// [`crate::Error::NoGpu`] where there is none, [`crate::Error::Precision`] where it has no `shader-f16`.
    pub async fn with_precision(precision: Precision) -> Result<Self> {
        Ok(Self { context: Rc::new(Context::open(precision).await?) })
    }

    /// The same with the tiles of another kind of device, so that tests reach them all.
    ///
    /// # Errors
    /// As [`GpuExecutor::with_precision`].
    pub async fn with_tuning(precision: Precision, tuning: tune::Tuning) -> Result<Self> {
        let mut context = Context::open(precision).await?;
        context.tuning = tuning;
        Ok(Self { context: Rc::new(context) })
    }

    /// What is known of the adapter.
    pub fn info(&self) -> &GpuInfo {
        &self.context.info
    }

    fn upload_bytes(&self, bytes: &[u8]) -> Result<GpuValue> {
        let buffer = self.context.storage("upload", bytes.len() as u64)?;
        self.context.queue.write_buffer(&buffer.raw, 0, bytes);
        Ok(GpuValue { buffer, offset: 0, len: bytes.len() / 4 })
    }
}

impl Executor for GpuExecutor {
    type Value = GpuValue;
    type Module = GpuModule;
    type Sampler = GpuSampler;

    async fn compile(&self, graph: Graph, donor: Option<&GpuModule>) -> Result<GpuModule> {
        let module = self.context.guarded(|| GpuModule::new(&self.context, graph, donor)).await?;
        if donor.is_some() {
            module.record(&self.context).await?;
        }
        Ok(module)
    }

    async fn put(&self, module: &mut GpuModule, id: WeightId, data: WeightData) -> Result<()> {
        // Waiting costs a round trip to the device; for small weights that would be most of the time.
        const SMALL: usize = 1 << 18;
        if data.len() < SMALL {
            return module.put(&self.context, id, data);
        }
        self.context.guarded(|| module.put(&self.context, id, data)).await?;
        // Lets the copies on their way go, lest a whole model wait in memory for the first run.
        self.context.queue.submit([]);
        Ok(())
    }

    fn upload(&self, data: &[f32]) -> Result<GpuValue> {
        self.upload_bytes(bytemuck::cast_slice(data))
    }

    fn upload_ids(&self, ids: &[u32]) -> Result<GpuValue> {
        self.upload_bytes(bytemuck::cast_slice(ids))
    }

    async fn download_all(&self, values: &[GpuValue]) -> Result<Vec<Vec<f32>>> {
        let pieces: Vec<_> = values.iter().map(|v| (&*v.buffer, v.offset, v.len as u64 * 4)).collect();
        let bytes = self.context.read(&pieces).await?;
        let mut rest = bytes.as_slice();
        let take = |value: &GpuValue| {
            let (now, later) = rest.split_at(4 * value.len);
            rest = later;
            bytemuck::pod_collect_to_vec(now)
        };
        Ok(values.iter().map(take).collect())
    }

    async fn finish(&self) -> Result<()> {
        // Reading anything back waits for everything before it, on every backend alike.
        let marker = self.upload(&[0.0])?;
        self.download(&marker).await.map(drop)
    }

    async fn run(&self, module: &GpuModule, inputs: &[(&str, &GpuValue)]) -> Result<Vec<GpuValue>> {
        module.record(&self.context).await?;
        module.run(&self.context, inputs)
    }

    fn sampler(&self, latents: &[f32]) -> Result<GpuSampler> {
        GpuSampler::new(&self.context, latents)
    }

    fn model_input(&self, sampler: &GpuSampler, input_scale: f64, batch: usize) -> Result<GpuValue> {
        sampler.model_input(&self.context, input_scale, batch)
    }

    fn guide_and_step(
        &self,
        sampler: &mut GpuSampler,
        eval: &Eval,
        model_out: &GpuValue,
        guidance: Option<f64>,
        noise: Option<&[f32]>,
    ) -> Result<()> {
        let noise = self.upload(noise.unwrap_or(&[0.0; 4]))?;
        sampler.step(&self.context, eval, model_out, guidance, &noise)
    }

    fn blend(&self, sampler: &mut GpuSampler, known: &GpuValue, mask: &GpuValue) -> Result<()> {
        sampler.blend(&self.context, known, mask)
    }

    fn latents(&self, sampler: &GpuSampler) -> GpuValue {
        sampler.part(0)
    }

    fn denoised(&self, sampler: &GpuSampler) -> GpuValue {
        sampler.part(2)
    }

    fn noise_pred(&self, sampler: &GpuSampler) -> GpuValue {
        sampler.part(3)
    }
}
