//! `stepscope generate`: a picture, and on request every number on the way to it.

use crate::cli::{Backend, GenerateArgs};
use inference::exec::{Executor, cpu::CpuExecutor, gpu::GpuExecutor};
use inference::model::Model;
use inference::pipeline::{Pipeline, Start, Step, Watch, channels_first, channels_last};
use inference::weights::FolderSource;
use inference::{Error, Result};
use protocol::GenerateRequest;
use safetensors::tensor::{Dtype, TensorView};
use std::path::Path;

/// Runs the command.
pub fn run(args: &GenerateArgs) -> Result<()> {
    let source = FolderSource::new(&args.model);
    let model = pollster::block_on(Model::open(&source, &args.model.to_string_lossy()))?;
    match args.backend {
        Backend::Cpu => {
            args.precision.check_on_cpu()?;
            pollster::block_on(generate(CpuExecutor, &source, model, args))
        }
        Backend::Gpu => pollster::block_on(async {
            let exec = GpuExecutor::with_precision(args.precision.into()).await?;
            generate(exec, &source, model, args).await
        }),
    }
}

async fn generate<E: Executor>(exec: E, source: &FolderSource, model: Model, args: &GenerateArgs) -> Result<()> {
    let defaults = model.info().defaults;
    let channels = model.vae.latent_channels();
    let request = GenerateRequest {
        model: String::new(),
        prompt: args.prompt.clone(),
        negative_prompt: args.negative.clone(),
        num_inference_steps: args.steps.unwrap_or(defaults.steps),
        scheduler: args.scheduler.unwrap_or(defaults.scheduler),
        guidance_scale: args.guidance.unwrap_or(defaults.guidance),
        seed: args.seed,
        width: args.width.unwrap_or(defaults.width),
        height: args.height.unwrap_or(defaults.height),
        eta: args.eta,
        rng: protocol::RngKind::Cpu,
        timesteps: protocol::Timesteps::Spaced,
        prompt_weights: false,
        init: None,
    };
    let latents = args.latents.as_deref().map(|path| read_latents(path, channels)).transpose()?;
    let mut pipeline = Pipeline::load(exec, source, model).await?;
    let mut trace = Trace { channels, wanted: args.trace.is_some(), size: [0; 2], guided: false, tensors: Vec::new() };
    let finished = pipeline.generate(&request, latents.as_deref(), &mut trace).await?;
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

fn written(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::Read { path: path.display().to_string(), reason: error.to_string() }
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

/// Collects every tensor of a run, in torch's layout.
struct Trace {
    channels: usize,
    wanted: bool,
    size: [usize; 2],
    guided: bool,
    tensors: Vec<(String, Vec<usize>, Vec<u8>)>,
}

impl Trace {
    fn push(&mut self, name: &str, shape: Vec<usize>, data: Vec<f32>) {
        let bytes = data.into_iter().flat_map(f32::to_le_bytes).collect();
        self.tensors.push((name.to_owned(), shape, bytes));
    }

    fn push_latents(&mut self, name: &str, data: &[f32]) {
        let shape = vec![1, self.channels, self.size[0], self.size[1]];
        self.push(name, shape, channels_first(data, self.channels));
    }

    fn write(&self, path: &Path) -> Result<()> {
        let views: std::result::Result<Vec<_>, _> = self
            .tensors
            .iter()
            .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect();
        views
            .and_then(|views| safetensors::serialize_to_file(views, None, path))
            .map_err(|error: safetensors::SafeTensorError| written(path, error))
    }
}

impl Watch for Trace {
    fn wants_noise_pred(&self) -> bool {
        self.wanted
    }

    async fn start(&mut self, start: Start<'_>) -> Result<()> {
        for cut in &start.cut {
            eprintln!(
                "stepscope: {} tokens of the {} beyond the limit of {} were cut",
                cut.tokens, cut.field, cut.limit
            );
        }
        for warning in &start.plan.warnings {
            eprintln!("stepscope: {warning}");
        }
        if self.wanted {
            (self.size, self.guided) = (start.size, start.guided);
            let batch = if start.guided { 2 } else { 1 };
            let tokens = start.tokens;
            let shape = vec![batch, tokens, start.prompt_embeds.len() / batch / tokens];
            self.push("prompt_embeds", shape, start.prompt_embeds.to_vec());
            self.push_latents("latents.init", start.latents);
        }
        Ok(())
    }

    async fn step(&mut self, step: Step<'_>) -> Result<()> {
        if let Some(noise_pred) = &step.noise_pred {
            self.push_latents(&format!("noise_pred.{}", step.index), noise_pred);
            self.push_latents(&format!("latents.{}", step.index), &step.latents);
        }
        Ok(())
    }
}
