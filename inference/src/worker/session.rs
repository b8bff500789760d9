//! What the worker does with messages: choose an engine, load a model, run jobs, decode kept frames. One thing at a
//! time; an error ends the thing, never the session.

use super::engine::Engine;
use super::{inbox, post};
use crate::error::{Error, Result};
use crate::exec::Executor;
use crate::image::{default_preview, from_rgba, preview, preview_fits, rms_difference, to_rgba};
use crate::model::Model;
use crate::pipeline::{Inputs, Pipeline, Sampled, Start, Step, Watch};
use crate::schedulers::Eval;
use crate::weights::{FetchSource, Source};
use protocol::{
    Deliver, FromWorker, GenerateRequest, PROTOCOL_VERSION, Plan, PreviewFactors, StepReport, ToWorker, View,
};
use web_time::Instant;

/// Latents of one step, kept so that it can be decoded later: 4 KiB each for the embedded model, 128 KiB for SD 1.5.
struct Kept {
    denoised: Vec<f32>,
    noisy: Vec<f32>,
}

/// The latest job's steps.
#[derive(Default)]
struct Frames {
    job: u32,
    size: [usize; 2],
    steps: Vec<Kept>,
    /// What the first evaluation of the first step started from.
    begin: Vec<f32>,
    evals: Vec<Eval>,
    request: Option<GenerateRequest>,
    /// Set while all steps are done and the picture is not decoded.
    sampled: Option<Sampled>,
}

enum Loaded {
    Cpu(Box<Pipeline<crate::exec::cpu::CpuExecutor, FetchSource>>),
    Gpu(Box<Pipeline<crate::exec::gpu::GpuExecutor, FetchSource>>),
}

#[derive(Default)]
struct Session {
    engine: Option<Engine>,
    models_url: String,
    loaded: Option<Loaded>,
    frames: Frames,
}

/// Handles messages for as long as the worker lives.
pub async fn run() {
    let mut session = Session::default();
    loop {
        let (message, pixels) = inbox::next().await;
        let job = match &message {
            ToWorker::Generate { job, .. }
            | ToWorker::Refine { job, .. }
            | ToWorker::Split { job, .. }
            | ToWorker::Decode { job } => Some(*job),
            _ => None,
        };
        match session.handle(message, pixels).await {
            Ok(()) => {}
            Err(Error::Cancelled) => {
                if let Some(job) = job {
                    post::send(&FromWorker::Cancelled { job, steps_done: session.frames.steps.len() as u32 });
                }
            }
            Err(error) => post::send(&FromWorker::Failed { job, failure: error.failure() }),
        }
    }
}

impl Session {
    async fn handle(&mut self, message: ToWorker, pixels: Option<Vec<u8>>) -> Result<()> {
        match message {
            ToWorker::Start { version, engine, models_url, model } => {
                if version != PROTOCOL_VERSION {
                    let reason = format!("the page speaks version {version}, the worker {PROTOCOL_VERSION}; reload");
                    return Err(Error::Internal(reason));
                }
                let (engine, report) = Engine::choose(engine).await?;
                self.engine = Some(engine);
                self.models_url = models_url;
                post::send(&FromWorker::Engine(report));
                self.load(&model).await
            }
            ToWorker::Load { model } => self.load(&model).await,
            ToWorker::Generate { job, request, deliver } => {
                self.frames = Frames { job, ..Frames::default() };
                let frames = &mut self.frames;
                match &mut self.loaded {
                    Some(Loaded::Cpu(pipeline)) => generate(pipeline, frames, &request, deliver, pixels).await,
                    Some(Loaded::Gpu(pipeline)) => generate(pipeline, frames, &request, deliver, pixels).await,
                    None => Err(Error::Internal("a picture was asked for before a model was loaded".into())),
                }
            }
            ToWorker::Refine { job, steps, view } if job == self.frames.job => match &mut self.loaded {
                Some(Loaded::Cpu(pipeline)) => refine(pipeline, &self.frames, &steps, view).await,
                Some(Loaded::Gpu(pipeline)) => refine(pipeline, &self.frames, &steps, view).await,
                None => Ok(()),
            },
            ToWorker::Split { job, step } if job == self.frames.job => match &mut self.loaded {
                Some(Loaded::Cpu(pipeline)) => split(pipeline, &self.frames, step).await,
                Some(Loaded::Gpu(pipeline)) => split(pipeline, &self.frames, step).await,
                None => Ok(()),
            },
            ToWorker::Decode { job } if job == self.frames.job => {
                match (&mut self.loaded, self.frames.sampled.take()) {
                    (Some(Loaded::Cpu(pipeline)), Some(sampled)) => finish(pipeline, job, sampled, false).await,
                    (Some(Loaded::Gpu(pipeline)), Some(sampled)) => finish(pipeline, job, sampled, false).await,
                    _ => Ok(()),
                }
            }
            // A job that has ended meanwhile needs no cancelling, one that is gone nothing else.
            ToWorker::Cancel { .. } | ToWorker::Refine { .. } | ToWorker::Split { .. } | ToWorker::Decode { .. } => {
                Ok(())
            }
        }
    }

    async fn load(&mut self, id: &str) -> Result<()> {
        let engine = self.engine.clone().ok_or_else(|| Error::Internal("a model before an engine".into()))?;
        // Room for the new one: two models at once may not fit.
        self.loaded = None;
        self.frames = Frames::default();
        let model = id.to_owned();
        let loading = move |what: &str, received, total| {
            let (model, what) = (model.clone(), what.to_owned());
            post::send(&FromWorker::Loading { model, what, received, total });
        };
        let source = FetchSource::open(&self.models_url, id, Box::new(loading)).await?;
        let model = Model::open(&source, id).await?;
        let info = model.info();
        self.loaded = Some(match engine {
            Engine::Cpu(exec) => Loaded::Cpu(Box::new(Pipeline::load(exec, source, model).await?)),
            Engine::Gpu(exec) => Loaded::Gpu(Box::new(Pipeline::load(exec, source, model).await?)),
        });
        post::send(&FromWorker::Model(info));
        Ok(())
    }
}

async fn generate<E: Executor, S: Source>(
    pipeline: &mut Pipeline<E, S>,
    frames: &mut Frames,
    request: &GenerateRequest,
    deliver: Deliver,
    init: Option<Vec<u8>>,
) -> Result<()> {
    // A picture that did not come along must not turn into a run without one.
    let wanted =
        request.init.map(|init| (if init.mask { 5 } else { 4 }) * request.width as usize * request.height as usize);
    if wanted != init.as_ref().map(Vec::len) {
        return Err(Error::Internal("the picture to start from did not arrive whole".into()));
    }
    let factors = factors(pipeline.model());
    frames.request = Some(request.clone());
    let job = frames.job;
    let mut reporter = Reporter { job, frames, factors, deliver };
    let pixels = (request.width * request.height) as usize;
    let (picture, mask) = init.as_deref().unwrap_or_default().split_at(init.as_ref().map_or(0, |_| 4 * pixels));
    let picture = from_rgba(picture);
    let mask: Vec<f32> = mask.iter().map(|value| f32::from(*value) / 255.0).collect();
    let inputs = Inputs { latents: None, picture: Some(&picture), mask: Some(&mask) };
    let sampled = pipeline.sample(request, inputs, &mut reporter).await?;
    if deliver.picture {
        return finish(pipeline, job, sampled, deliver.latents).await;
    }
    post::send(&FromWorker::Sampled { job, ms: sampled.ms });
    frames.sampled = Some(sampled);
    Ok(())
}

/// Decodes the picture and sends it.
async fn finish<E: Executor, S: Source>(
    pipeline: &mut Pipeline<E, S>,
    job: u32,
    sampled: Sampled,
    with_latents: bool,
) -> Result<()> {
    let finished = pipeline.finish(sampled).await?;
    let (width, height) = (finished.picture.width, finished.picture.height);
    let message = FromWorker::Done { job, width, height, ms: finished.ms, text_reused: finished.text_reused };
    let latents = if with_latents { bytes(&finished.latents) } else { Vec::new() };
    post::send_pixels(&message, &[&finished.picture.rgba, &latents]);
    Ok(())
}

/// Tells the page of every step, and listens for the end.
struct Reporter<'a> {
    job: u32,
    frames: &'a mut Frames,
    factors: PreviewFactors,
    deliver: Deliver,
}

/// Little-endian f32.
fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

impl Watch for Reporter<'_> {
    async fn start(&mut self, start: Start<'_>) -> Result<()> {
        self.frames.size = start.size;
        self.frames.begin = start.latents.to_vec();
        self.frames.evals = start.plan.evals.clone();
        let plan = Plan {
            outer_steps: start.plan.outer_steps as u32,
            skipped_steps: start.plan.skipped_steps as u32,
            evaluations: start.plan.evals.len() as u32,
            guided: start.guided,
            cut: start.cut,
            warnings: start.warnings,
            evals: start.plan.evals.iter().map(Eval::terms).collect(),
        };
        post::send(&FromWorker::Started { job: self.job, plan });
        self.breathe().await
    }

    async fn step(&mut self, step: Step<'_>) -> Result<()> {
        let begin = Instant::now();
        let [height, width] = self.frames.size;
        let previews = self
            .deliver
            .previews
            .then(|| [&step.denoised, &step.latents].map(|latents| preview(latents, height, width, &self.factors)));
        let change = self.frames.steps.last().map(|last| rms_difference(&last.denoised, &step.denoised));
        let report = StepReport {
            step: step.index as u32 + 1,
            timestep: step.eval.timestep,
            sigma: step.eval.sigma,
            ms: step.ms,
            evaluations: step.evaluations as u32,
            preview_ms: begin.elapsed().as_secs_f64() * 1000.0,
            change,
            width: previews.as_ref().map_or(0, |[clean, _]| clean.width),
            height: previews.as_ref().map_or(0, |[clean, _]| clean.height),
        };
        let latents = if self.deliver.latents { bytes(&step.denoised) } else { Vec::new() };
        let [clean, noisy] = previews.as_ref().map_or([&[][..]; 2], |[clean, noisy]| [&clean.rgba, &noisy.rgba]);
        post::send_pixels(&FromWorker::Step { job: self.job, report }, &[clean, noisy, &latents]);
        self.frames.steps.push(Kept { denoised: step.denoised, noisy: step.latents });
        self.breathe().await
    }

    async fn breathe(&mut self) -> Result<()> {
        inbox::breathe().await;
        if inbox::ends(self.job) { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// How latents of this model become a rough picture.
fn factors(model: &Model) -> PreviewFactors {
    let channels = model.vae.latent_channels();
    let own = model.about.preview.clone().filter(|factors| preview_fits(factors, channels));
    own.unwrap_or_else(|| default_preview(channels))
}

/// Takes a step apart, and sends what is found: previews at once, then full decodes unless something else is asked for.
async fn split<E: Executor, S: Source>(pipeline: &mut Pipeline<E, S>, frames: &Frames, step: u32) -> Result<()> {
    let job = frames.job;
    let Some(index) = (step as usize).checked_sub(1).filter(|index| *index < frames.steps.len()) else { return Ok(()) };
    let from = index.checked_sub(1).map_or(&frames.begin, |before| &frames.steps[before].noisy);
    let (Some(eval), Some(request)) = (frames.evals.iter().find(|eval| eval.outer_step == index), &frames.request)
    else {
        return Err(Error::Internal(format!("step {step} has no evaluation")));
    };
    let Some(split) = pipeline.split(request, eval, from).await? else {
        let message = FromWorker::Split { job, step, decoded: true, width: 0, height: 0, apart: [0.0; 2] };
        post::send(&message);
        return Ok(());
    };
    let apart = [&split.with, &split.combined].map(|other| rms_difference(&split.without, other));
    let factors = factors(pipeline.model());
    let all = [split.without, split.with, split.combined];
    let previews = all.each_ref().map(|latents| preview(latents, frames.size[0], frames.size[1], &factors));
    let (width, height) = (previews[0].width, previews[0].height);
    let message = FromWorker::Split { job, step, decoded: false, width, height, apart };
    post::send_pixels(&message, &previews.each_ref().map(|picture| picture.rgba.as_slice()));
    let scale = pipeline.model().vae.scale_factor();
    let (height, width) = ((frames.size[0] * scale) as u32, (frames.size[1] * scale) as u32);
    let mut decoded = Vec::new();
    for latents in &all {
        inbox::breathe().await;
        if inbox::any() {
            return Ok(());
        }
        decoded.push(to_rgba(&pipeline.decode(latents, frames.size).await?, width, height));
    }
    let message = FromWorker::Split { job, step, decoded: true, width, height, apart };
    post::send_pixels(&message, &decoded.iter().map(|picture| picture.rgba.as_slice()).collect::<Vec<_>>());
    Ok(())
}

/// Decodes kept frames until something else is asked for.
async fn refine<E: Executor, S: Source>(
    pipeline: &mut Pipeline<E, S>,
    frames: &Frames,
    steps: &[u32],
    view: View,
) -> Result<()> {
    let scale = pipeline.model().vae.scale_factor();
    for &step in steps {
        let Some(kept) = (step as usize).checked_sub(1).and_then(|i| frames.steps.get(i)) else { continue };
        let latents = match view {
            View::Denoised => &kept.denoised,
            View::Noisy => &kept.noisy,
        };
        let image = pipeline.decode(latents, frames.size).await?;
        let (height, width) = ((frames.size[0] * scale) as u32, (frames.size[1] * scale) as u32);
        let picture = to_rgba(&image, width, height);
        post::send_pixels(&FromWorker::Refined { job: frames.job, step, view, width, height }, &[&picture.rgba]);
        inbox::breathe().await;
        if inbox::any() {
            return Ok(());
        }
    }
    Ok(())
}
