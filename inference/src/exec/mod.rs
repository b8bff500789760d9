//! Executors: the same graph on the CPU (candle) or a GPU (wgpu). The pipeline is written once against [`Executor`];
//! nothing above this module knows which one runs.

pub mod cpu;
pub mod gpu;

use crate::error::Result;
use crate::graph::{Graph, WeightId};
use crate::schedulers::Eval;

/// A loaded weight in the layout of [`crate::graph::Weight`]: `[K, N]` row-major, in the precision of its file.
#[derive(Clone, Debug, PartialEq)]
pub enum WeightData {
    /// Half precision, as stored.
    F16(Vec<half::f16>),
    /// Single precision; also what bf16 becomes.
    F32(Vec<f32>),
}

impl WeightData {
    /// As f32, converting if need be.
    pub fn into_f32(self) -> Vec<f32> {
        match self {
            Self::F16(data) => data.into_iter().map(half::f16::to_f32).collect(),
            Self::F32(data) => data,
        }
    }

    /// Numbers in it.
    pub fn len(&self) -> usize {
        match self {
            Self::F16(data) => data.len(),
            Self::F32(data) => data.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Runs graphs and the sampler's arithmetic on one device.
///
/// Calls that hand back a `Value` may only have queued the work; `download` and `finish` wait for it.
#[allow(async_fn_in_trait, reason = "single-threaded by design: one worker, one device")]
pub trait Executor {
    /// A device-resident list of f32 (or token ids), shape known to the caller. Cheap to clone.
    type Value: Clone;
    /// A graph made ready for this device, with its weights.
    type Module;
    /// The sampler's state: x, saved x, history, the last denoised and model output.
    type Sampler;

    /// Prepares an optimised graph: allocates, builds pipelines. Weights come one by one through [`Executor::put`],
    /// or are shared with `donor`, a module of the same component for another batch or size: its graph lists the same
    /// weights in the same order.
    async fn compile(&self, graph: Graph, donor: Option<&Self::Module>) -> Result<Self::Module>;

    /// Puts a weight in its place on the device.
    async fn put(&self, module: &mut Self::Module, id: WeightId, data: WeightData) -> Result<()>;

    /// Copies numbers to the device.
    fn upload(&self, data: &[f32]) -> Result<Self::Value>;

    /// Copies token ids to the device.
    fn upload_ids(&self, ids: &[u32]) -> Result<Self::Value>;

    /// Copies numbers back, waiting for the work that makes them. All values in one go: some browsers take a tenth of
    /// a second for each wait, whatever it is for.
    async fn download_all(&self, values: &[Self::Value]) -> Result<Vec<Vec<f32>>>;

    /// Copies one value back.
    async fn download(&self, value: &Self::Value) -> Result<Vec<f32>> {
        Ok(self.download_all(std::slice::from_ref(value)).await?.pop().unwrap_or_default())
    }

    /// Waits for all queued work and reports a device error, if there was one.
    async fn finish(&self) -> Result<()>;

    /// Runs a module. Every input of the graph must be named; the results come in the order of the graph's outputs and
    /// are the module's own: valid until it runs again.
    async fn run(&self, module: &Self::Module, inputs: &[(&str, &Self::Value)]) -> Result<Vec<Self::Value>>;

    /// A sampler that starts from `latents` (already scaled by `init_noise_sigma`), channels last.
    fn sampler(&self, latents: &[f32]) -> Result<Self::Sampler>;

    /// `x · input_scale`, repeated `batch` times: what the UNet is given.
    fn model_input(&self, sampler: &Self::Sampler, input_scale: f64, batch: usize) -> Result<Self::Value>;

    /// Combines the model's answer by guidance, predicts the clean latents and takes the evaluation's update.
    /// `model_out` holds one batch entry, or two (negative first) combined as `u + guidance · (c - u)`.
    /// `noise` must be there exactly when `eval.noise` asks for some.
    fn guide_and_step(
        &self,
        sampler: &mut Self::Sampler,
        eval: &Eval,
        model_out: &Self::Value,
        guidance: Option<f64>,
        noise: Option<&[f32]>,
    ) -> Result<()>;

    /// Keeps a part of a picture: x becomes `known + mask · (x − known)`, all three of the same length.
    fn blend(&self, sampler: &mut Self::Sampler, known: &Self::Value, mask: &Self::Value) -> Result<()>;

    /// The sampler's x.
    fn latents(&self, sampler: &Self::Sampler) -> Self::Value;

    /// The predicted clean latents of the last evaluation.
    fn denoised(&self, sampler: &Self::Sampler) -> Self::Value;

    /// The model's answer of the last evaluation, after guidance.
    fn noise_pred(&self, sampler: &Self::Sampler) -> Self::Value;
}
