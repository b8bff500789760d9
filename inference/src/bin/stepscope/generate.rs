//! `stepscope generate`: a picture, and on request every number on the way to it.

use crate::cli::{Backend, GenerateArgs, RngKind, RunArgs, Timesteps};
use crate::trace::Trace;
use image::imageops::FilterType;
use inference::exec::{Executor, cpu::CpuExecutor, gpu::GpuExecutor};
use inference::model::Model;
use inference::pipeline::{Inputs, Pipeline, channels_last};
use inference::weights::FolderSource;
use inference::{Error, Result};
use protocol::{FieldError, GenerateRequest, InitImage, ResolvedDefaults};
use safetensors::Dtype;
use std::path::Path;

/// Runs the command.
pub fn run(args: &GenerateArgs) -> Result<()> {
    let source = FolderSource::new(&args.run.model);
    let model = pollster::block_on(Model::open(&source, &args.run.model.to_string_lossy()))?;
    match args.run.backend {
        Backend::Cpu => {
            args.run.precision.check_on_cpu()?;
            pollster::block_on(generate(CpuExecutor, source, model, args))
        }
        Backend::Gpu => pollster::block_on(async {
            let exec = GpuExecutor::with_precision(args.run.precision.into()).await?;
            generate(exec, source, model, args).await
        }),
    }
}

/// What the arguments ask for; steps and seed are the caller's, left out they are the model's and 0.
pub fn request(args: &RunArgs, defaults: &ResolvedDefaults, prompt: &str) -> GenerateRequest {
    GenerateRequest {
        model: String::new(),
        prompt: prompt.to_owned(),
        negative_prompt: args.negative.clone(),
        num_inference_steps: defaults.steps,
        scheduler: args.scheduler.unwrap_or(defaults.scheduler),
        guidance_scale: args.guidance.unwrap_or(defaults.guidance),
        guidance_stop: args.guidance_stop,
        seed: 0,
        width: args.width.unwrap_or(defaults.width),
        height: args.height.unwrap_or(defaults.height),
        eta: args.eta,
        rng: match args.rng {
            RngKind::Cpu => protocol::RngKind::Cpu,
            RngKind::Philox => protocol::RngKind::Philox,
        },
        timesteps: match args.timesteps {
            Timesteps::Spaced => protocol::Timesteps::Spaced,
            Timesteps::Ays => protocol::Timesteps::Ays,
        },
        prompt_weights: args.prompt_weights,
        init: args.image.as_ref().map(|_| InitImage { strength: args.strength, mask: args.mask.is_some() }),
    }
}

/// The picture to start from and its mask, where the arguments name them.
#[derive(Default)]
pub struct Pictures {
    picture: Option<Vec<f32>>,
    mask: Option<Vec<f32>>,
}

impl Pictures {
    /// Reads them at the request's size.
    pub fn read(args: &RunArgs, request: &GenerateRequest) -> Result<Self> {
        let (width, height) = (request.width, request.height);
        let picture = args.image.as_deref().map(|path| read_picture(path, width, height)).transpose()?;
        let mask = args.mask.as_deref().map(|path| read_mask(path, width, height)).transpose()?;
        Ok(Self { picture, mask })
    }

    /// As a run takes them.
    pub fn inputs(&self) -> Inputs<'_> {
        Inputs { latents: None, picture: self.picture.as_deref(), mask: self.mask.as_deref() }
    }
}

async fn generate<E: Executor>(exec: E, source: FolderSource, model: Model, args: &GenerateArgs) -> Result<()> {
    let defaults = model.info().defaults;
    let channels = model.vae.latent_channels();
    let mut request = request(&args.run, &defaults, &args.prompt);
    request.num_inference_steps = args.steps.unwrap_or(defaults.steps);
    request.seed = args.seed;
    let pictures = Pictures::read(&args.run, &request)?;
    let latents = args.latents.as_deref().map(|path| read_latents(path, channels)).transpose()?;
    let mut pipeline = Pipeline::load(exec, source, model).await?;
    let inputs = Inputs { latents: latents.as_deref(), ..pictures.inputs() };
    let mut trace = Trace::new(channels, args.trace.is_some());
    let finished = pipeline.generate(&request, inputs, &mut trace).await?;
    let picture = &finished.picture;
    image::save_buffer(&args.out, &picture.rgba, picture.width, picture.height, image::ExtendedColorType::Rgba8)
        .map_err(|error| written(&args.out, error))?;
    if let Some(path) = &args.trace {
        trace.push("image", vec![request.height as usize, request.width as usize, 3], finished.image);
        trace.write(path)?;
    }
    let [text, steps, decode] = finished.ms;
    println!("{}: {steps:.0} ms of steps, {text:.0} ms of text, {decode:.0} ms of decoding", args.out.display());
    Ok(())
}

/// A file that cannot be read or written.
pub fn written(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::Read { path: path.display().to_string(), reason: error.to_string() }
}

/// A picture file at the size asked for.
fn open_image(path: &Path, width: u32, height: u32) -> Result<image::DynamicImage> {
    let reader = image::ImageReader::open(path).map_err(|error| written(path, error))?;
    let reader = reader.with_guessed_format().map_err(|error| written(path, error))?;
    let picture = reader.decode().map_err(|error| {
        let message = format!("{} is not a PNG, JPEG or WebP that can be read ({error})", path.display());
        FieldError::new("image", message)
    })?;
    if (picture.width(), picture.height()) == (width, height) {
        return Ok(picture);
    }
    eprintln!("stepscope: {} is resized to {width}x{height}", path.display());
    Ok(picture.resize_exact(width, height, FilterType::Lanczos3))
}

/// A picture as `[H, W, 3]` in 0..1.
fn read_picture(path: &Path, width: u32, height: u32) -> Result<Vec<f32>> {
    let bytes = open_image(path, width, height)?.to_rgb8().into_raw();
    Ok(bytes.into_iter().map(|byte| f32::from(byte) / 255.0).collect())
}

/// A mask as `[H, W]` in 0..1.
fn read_mask(path: &Path, width: u32, height: u32) -> Result<Vec<f32>> {
    let bytes = open_image(path, width, height)?.to_luma8().into_raw();
    Ok(bytes.into_iter().map(|byte| f32::from(byte) / 255.0).collect())
}

/// Reads `latents` `[1, C, h, w]`, channels last.
fn read_latents(path: &Path, channels: usize) -> Result<Vec<f32>> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| written(path, error))?;
    let broken = |reason: String| Error::broken(&name, reason);
    let file = safetensors::SafeTensors::deserialize(&bytes).map_err(|error| broken(error.to_string()))?;
    let tensor = file.tensor("latents").map_err(|_| broken("it has no tensor 'latents'".into()))?;
    if tensor.dtype() != Dtype::F32 || tensor.shape().len() != 4 || tensor.shape()[..2] != [1, channels] {
        let reason = format!("latents are {:?} {:?}, not F32 [1, {channels}, h, w]", tensor.dtype(), tensor.shape());
        return Err(broken(reason));
    }
    let numbers = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    Ok(channels_last(&numbers.collect::<Vec<_>>(), channels))
}
