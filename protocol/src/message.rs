//! The messages themselves. A conversation:
//!
//! ```text
//! worker → Ready { version }                          once its listener exists; nothing sent earlier arrives
//! page   → Start { version, engine, models_url, model }
//! worker → Engine(report) , Loading { … } … , Model(info)
//! page   → Generate { job, request, deliver }
//! worker → Started(plan) , Step(report)+pixels … , Done+pixels  |  Cancelled  |  Failed
//! page   → Refine { job, frames }                     when idle: decode kept frames with the VAE
//! worker → Refined { job, step, view, … }+pixels …
//! page   → Split { job, step }                        on request: what the model predicts with and without the prompt
//! worker → Split { job, step, … }+pixels, twice
//! page   → Decode { job }                             after `Sampled`, where `deliver` left the picture out
//! worker → Done+pixels
//! ```
//!
//! A `Generate` while another job runs ends that one with `Cancelled` and then starts. Jobs are numbered by the page;
//! it drops what belongs to a job that it no longer shows.

use crate::{EvalTerms, GenerateRequest, ModelInfo};
use serde::{Deserialize, Serialize};

/// Page to worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToWorker {
    /// First message: choose an engine and load a model.
    Start {
        /// [`crate::PROTOCOL_VERSION`] of the page.
        version: u32,
        /// What `?engine=` asks for.
        engine: EngineChoice,
        /// Absolute address of the folder that holds model folders, with a trailing slash.
        models_url: String,
        /// Folder name of the model to load.
        model: String,
    },
    /// Tries again to load a model after a failure.
    Load {
        /// Folder name of the model.
        model: String,
    },
    /// Makes a picture. Pixels, where `request.init` asks for them: RGBA of the picture, then one byte a pixel of mask.
    Generate {
        /// Number chosen by the page.
        job: u32,
        /// What to make.
        request: GenerateRequest,
        /// What to send of it besides the picture.
        deliver: Deliver,
    },
    /// Stops a job within one step, without decoding. The frames so far stay available to `Refine`.
    Cancel {
        /// The job to stop.
        job: u32,
    },
    /// Decodes kept latents with the VAE, in the order given; any other message goes first. A newer `Refine` replaces
    /// what is left of an older one.
    Refine {
        /// The job whose frames are meant; ignored if it is not the latest one.
        job: u32,
        /// Step numbers, counted from 1.
        steps: Vec<u32>,
        /// Which latents to decode.
        view: View,
    },
    /// Takes the first evaluation of a step apart: runs the model once more on the latents that it started from.
    Split {
        /// The job that is meant; ignored if it is not the latest one.
        job: u32,
        /// Step number, counted from 1.
        step: u32,
    },
    /// Decodes the picture of a job that was started without one and has done its steps.
    Decode {
        /// The job that is meant; ignored if it is not the latest one.
        job: u32,
    },
}

/// What a job sends besides its picture and the figures of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// A preview of every step. Without, `Step` has no pixels and its width and height are 0.
    pub previews: bool,
    /// Latents, to measure distances with: those of the prediction with every `Step`, the final ones with `Done`. They
    /// follow the pixels as little-endian f32, channels last.
    pub latents: bool,
    /// The picture, at the end. Without, the job ends with `Sampled`, and `Decode` brings the picture.
    pub picture: bool,
}

impl Default for Deliver {
    /// What somebody wants who watches.
    fn default() -> Self {
        Self { previews: true, latents: false, picture: true }
    }
}

/// Which latents a frame shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The predicted clean picture, x0.
    #[default]
    Denoised,
    /// The latents themselves, with the noise still in them.
    Noisy,
}

/// What `?engine=` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineChoice {
    /// WebGPU if it is there, passes its self-test and is faster than the CPU.
    #[default]
    Auto,
    /// WebGPU or an error.
    WebGpu,
    /// The CPU path.
    Cpu,
}

/// The engine in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// wgpu kernels.
    WebGpu,
    /// candle in wasm.
    Cpu,
}

/// Which engine was chosen, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineReport {
    /// The engine in use.
    pub kind: EngineKind,
    /// Adapter name, if the browser tells, and tier.
    pub device: String,
    /// One sentence for the user when the engine is not what they might expect: no WebGPU, failed self-test, slower.
    pub notice: Option<String>,
    /// Measured GFLOP/s of the same small job on both: WebGPU, CPU. `None` where it was not measured.
    pub measured: [Option<f64>; 2],
}

/// Worker to page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromWorker {
    /// The listener exists.
    Ready {
        /// [`crate::PROTOCOL_VERSION`] of the worker.
        version: u32,
    },
    /// An engine was chosen.
    Engine(EngineReport),
    /// Weights are arriving.
    Loading {
        /// Folder name of the model.
        model: String,
        /// What is going on, for the progress bar's caption: a file's path, or `compiling`.
        what: String,
        /// Bytes so far, all files together.
        received: u64,
        /// Bytes in all; 0 if unknown.
        total: u64,
    },
    /// A model is ready.
    Model(ModelInfo),
    /// A job begins.
    Started {
        /// The page's number.
        job: u32,
        /// What will happen.
        plan: Plan,
    },
    /// An outer step is done. Pixels: RGBA of the denoised view, then RGBA of the noisy view, then latents if they were
    /// asked for.
    Step {
        /// The page's number.
        job: u32,
        /// The step.
        report: StepReport,
    },
    /// The picture is done. Pixels: RGBA, then latents if they were asked for.
    Done {
        /// The page's number.
        job: u32,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// Text encoding, all evaluations, VAE decode: milliseconds.
        ms: [f64; 3],
        /// Whether the text was encoded for an earlier job, so that the first of these is next to nothing.
        text_reused: bool,
    },
    /// All steps are done of a job whose picture was not asked for.
    Sampled {
        /// The page's number.
        job: u32,
        /// Text encoding, all evaluations: milliseconds.
        ms: [f64; 2],
    },
    /// A step taken apart. It comes twice: with previews, then decoded by the VAE. Pixels: RGBA of the clean picture as
    /// predicted without the prompt, with it, and by both combined. No pixels for a run without guidance.
    Split {
        /// The page's number.
        job: u32,
        /// Step number, counted from 1.
        step: u32,
        /// Whether the pixels are full VAE decodes.
        decoded: bool,
        /// Pixels, of each picture; 0 for a run without guidance.
        width: u32,
        /// Pixels.
        height: u32,
        /// Root mean square distance of the prediction with the prompt from that without, and of the combined one.
        apart: [f64; 2],
    },
    /// The job was stopped after this many outer steps.
    Cancelled {
        /// The page's number.
        job: u32,
        /// Outer steps done.
        steps_done: u32,
    },
    /// A kept frame, decoded by the VAE. Pixels: RGBA.
    Refined {
        /// The page's number.
        job: u32,
        /// Step number, counted from 1.
        step: u32,
        /// Which latents.
        view: View,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// Something went wrong. Without a job: the engine or the model cannot be used.
    Failed {
        /// The job that failed, if it was one.
        job: Option<u32>,
        /// What and what to do.
        failure: Failure,
    },
}

/// What a job will do, known before its first step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Outer steps: frames that will arrive. Differs from the request for samplers that add or skip steps.
    pub outer_steps: u32,
    /// Steps left out at the noisy end because the run starts from a picture; 0 otherwise.
    pub skipped_steps: u32,
    /// Model evaluations (the honest cost: Heun makes 2N-1).
    pub evaluations: u32,
    /// Whether each evaluation runs the model for the negative prompt too.
    pub guided: bool,
    /// Prompt text that did not fit.
    pub cut: Vec<Cut>,
    /// Sentences that tell what to expect of an unusual combination.
    pub warnings: Vec<String>,
    /// The sampler's numbers for each evaluation, in order.
    pub evals: Vec<EvalTerms>,
}

/// Tokens that did not fit the text encoder's context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// `prompt` or `negative`.
    pub field: String,
    /// How many tokens were dropped.
    pub tokens: u32,
    /// How many fit.
    pub limit: u32,
}

/// One outer step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Counted from 1.
    pub step: u32,
    /// Timestep that the model saw (of the step's first evaluation).
    pub timestep: f64,
    /// Noise level of the step's first evaluation, in σ of the variance-exploding form: √((1-ᾱ)/ᾱ).
    pub sigma: f64,
    /// Milliseconds of the model evaluations and the update, previews not counted.
    pub ms: f64,
    /// How many evaluations those were.
    pub evaluations: u32,
    /// Milliseconds of making and sending the preview.
    pub preview_ms: f64,
    /// Root mean square change of the denoised latents since the previous step; `None` for the first.
    pub change: Option<f64>,
    /// Width of each preview, in pixels.
    pub width: u32,
    /// Height of each preview, in pixels.
    pub height: u32,
}

/// An error that crossed the wall: what it is about, what happened, what the user can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What it is about.
    pub kind: FailureKind,
    /// One sentence that names the thing.
    pub message: String,
    /// One sentence that names the remedy.
    pub hint: String,
}

/// What an error is about; the page decides by this how to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No usable WebGPU although it was asked for.
    NoGpu,
    /// The device ran out of memory.
    OutOfMemory,
    /// The device went away.
    DeviceLost,
    /// A file could not be fetched.
    Network,
    /// A file is broken, or says something that is not supported.
    BadModel,
    /// The request itself.
    BadRequest,
    /// A fault of ours.
    Bug,
}
