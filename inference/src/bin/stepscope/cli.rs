//! The command line: names, defaults and bounds. Values are parsed by the same functions as the page's form.

use clap::{Args, Parser, Subcommand, ValueEnum};
use protocol::SchedulerKind;
use std::path::PathBuf;

/// Stable Diffusion, step by step.
#[derive(Parser)]
#[command(name = "stepscope", version, about)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Makes a picture.
    Generate(Box<GenerateArgs>),
    /// Tells what a model is made of and what it costs.
    Inspect(InspectArgs),
    /// Finds the number of steps that is enough, by runs of many.
    Sweep(Box<SweepArgs>),
    /// Measures the UNet, the decoder and the previews.
    Bench(BenchArgs),
}

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// candle.
    Cpu,
    /// wgpu.
    Gpu,
}

/// How numbers are stored on the GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// Weights as the files have them, values as f32.
    F32,
    /// Weights and values as f16; arithmetic and the autoencoder stay in f32.
    F16,
}

impl Precision {
    /// Refuses what the CPU does not have, rather than ignore it.
    pub fn check_on_cpu(self) -> inference::Result<()> {
        match self {
            Self::F32 => Ok(()),
            Self::F16 => Err(protocol::FieldError::new("precision", "f16 needs --backend gpu").into()),
        }
    }
}

impl From<Precision> for inference::graph::Precision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::F16 => Self::F16,
        }
    }
}

/// Whose random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RngKind {
    /// torch's CPU generator.
    Cpu,
    /// torch's CUDA generator.
    Philox,
}

/// Which timesteps the steps visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Timesteps {
    /// As the sampler spaces them.
    Spaced,
    /// The ten of Align Your Steps.
    Ays,
}

/// What every run may be given, one picture or many.
#[derive(Args)]
pub struct RunArgs {
    /// Model folder in the diffusers layout.
    #[arg(long)]
    pub model: PathBuf,
    /// What to avoid.
    #[arg(long)]
    pub negative: Option<String>,
    /// Name of the sampler; by default what the model says.
    #[arg(long, value_parser = |text: &str| text.parse::<SchedulerKind>())]
    pub scheduler: Option<SchedulerKind>,
    /// Guidance scale; by default what the model says.
    #[arg(long, value_parser = protocol::parse_guidance)]
    pub guidance: Option<f64>,

    /// Share of the steps that are guided; the others cost half
    #[arg(long, value_parser = protocol::parse_guidance_stop, default_value_t = 1.0)]
    pub guidance_stop: f64,
    /// Pixels; by default what the model says.
    #[arg(long)]
    pub width: Option<u32>,
    /// Pixels; by default what the model says.
    #[arg(long)]
    pub height: Option<u32>,
    /// Noise of DDIM and TCD, 0 to 1.
    #[arg(long, value_parser = protocol::parse_eta)]
    pub eta: Option<f64>,
    /// Which timesteps the steps visit; `ays` needs --steps 10.
    #[arg(long, value_enum, default_value = "spaced")]
    pub timesteps: Timesteps,
    /// (word:1.3), [word] and BREAK mean what AUTOMATIC1111 means by them.
    #[arg(long)]
    pub prompt_weights: bool,
    /// A picture to start from; resized where it has another size than asked for.
    #[arg(long)]
    pub image: Option<PathBuf>,
    /// How much of the picture is done anew: int(steps x strength) steps are executed.
    #[arg(long, default_value = "0.8", requires = "image", value_parser = protocol::parse_strength)]
    pub strength: f64,
    /// White where the picture is painted anew, black where it is kept.
    #[arg(long, requires = "image")]
    pub mask: Option<PathBuf>,
    /// Whose random numbers.
    #[arg(long, value_enum, default_value = "cpu")]
    pub rng: RngKind,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "cpu")]
    pub backend: Backend,
    /// How numbers are stored on the GPU.
    #[arg(long, value_enum, default_value = "f32")]
    pub precision: Precision,
}

#[derive(Args)]
pub struct GenerateArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// What to draw; may be empty.
    #[arg(long)]
    pub prompt: String,
    /// 1 to 150; by default what the model says.
    #[arg(long, value_parser = protocol::parse_steps)]
    pub steps: Option<u32>,
    /// As torch.Generator.manual_seed.
    #[arg(long, default_value = "0", value_parser = protocol::parse_seed)]
    pub seed: u64,
    /// A safetensors file with one tensor `latents` [1,C,h,w] of unit variance, in place of the seed's noise.
    #[arg(long, conflicts_with = "image")]
    pub latents: Option<PathBuf>,
    /// Where to write the picture, a PNG.
    #[arg(long)]
    pub out: PathBuf,
    /// Where to write every step's numbers, a safetensors file.
    #[arg(long)]
    pub trace: Option<PathBuf>,
}

/// What distances are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Metric {
    /// Root mean square difference of the final latents.
    LatentRmse,
    /// Root mean square difference of the pictures, white being 1.
    PixelRmse,
    /// 1 - SSIM of the pictures.
    Dssim,
}

impl From<Metric> for lab::recommend::Metric {
    fn from(metric: Metric) -> Self {
        match metric {
            Metric::LatentRmse => Self::LatentRmse,
            Metric::PixelRmse => Self::PixelRmse,
            Metric::Dssim => Self::Dssim,
        }
    }
}

/// Lists are written as `2,4,8`, `0-3`, `5-50 (+5)` or `5-50 [10]`.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("axis").args(["schedulers", "guidances", "prompts"]).multiple(false))]
pub struct SweepArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// What to draw; may be empty.
    #[arg(long, required_unless_present = "prompts", conflicts_with = "prompts")]
    pub prompt: Option<String>,
    /// Step counts. An error can be told where there is a run of twice as many, so double: 4,8,16,32.
    #[arg(long, default_value = "2,4,8,16,32")]
    pub steps: String,
    /// Seeds; at least 4 for a recommendation.
    #[arg(long, default_value = "0-3")]
    pub seeds: String,
    /// Samplers to compare: euler,dpmpp-2m.
    #[arg(long)]
    pub schedulers: Option<String>,
    /// Guidance scales to compare.
    #[arg(long)]
    pub guidances: Option<String>,
    /// Prompts to compare, one an argument or one a line.
    #[arg(long, num_args = 1..)]
    pub prompts: Option<Vec<String>>,
    /// What distances are measured in.
    #[arg(long, value_enum, default_value = "latent-rmse")]
    pub metric: Metric,
    /// Largest error that is hard to see, in the metric's unit; by default the metric's own.
    #[arg(long, value_parser = parse_tolerance)]
    pub tolerance: Option<f64>,
    /// Prompts that had no part in the recommendation, to check it on; with the sweep's seeds unless told otherwise.
    #[arg(long, num_args = 1..)]
    pub held_out_prompts: Option<Vec<String>>,
    /// Seeds that had no part in it; with the sweep's prompt unless told otherwise.
    #[arg(long)]
    pub held_out_seeds: Option<String>,
    /// Folder for pictures, sheet.png, sweep.csv and recommendation.json. What is finished there is not run again.
    #[arg(long)]
    pub out: PathBuf,
}

fn parse_tolerance(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err(format!("a tolerance must be a number above 0, not '{text}'")),
    }
}

#[derive(Args)]
pub struct InspectArgs {
    /// Model folder in the diffusers layout.
    #[arg(long)]
    pub model: PathBuf,
    /// Machine-readable.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct BenchArgs {
    /// Model folder in the diffusers layout.
    #[arg(long)]
    pub model: PathBuf,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "cpu")]
    pub backend: Backend,
    /// How numbers are stored on the GPU.
    #[arg(long, value_enum, default_value = "f32")]
    pub precision: Precision,
    /// Calls to measure, after one to warm up.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,
    /// Machine-readable.
    #[arg(long)]
    pub json: bool,
}
