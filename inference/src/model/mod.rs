//! A model folder in the diffusers layout: which files it has, what its configs say, what it will cost. Everything here
//! is known from small files and headers, before the weights are read.

mod open;

use crate::error::Result;
use crate::graph::{Graph, Precision, optimise, plan_memory, total_work};
use crate::models::{self, ClipTextConfig, TextOutput, UNetConfig, VaeConfig};
use crate::schedulers::SchedulerConfig;
use crate::tokenizer::ClipTokenizer;
use crate::weights::WeightFile;
use protocol::{GenerateRequest, ModelInfo, ResolvedDefaults, SchedulerKind, SizeRule, StepscopeJson};

/// What upstream's pipelines do differently; everything else comes from the configs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `StableDiffusionPipeline`: 1.x, 2.x, Turbo and what was distilled from them.
    Sd,
    /// `LatentConsistencyModelPipeline`: never runs the negative prompt.
    Lcm,
    /// `StableDiffusionXLPipeline`: two text encoders, the picture's size as a condition.
    Xl,
}

/// One of a pipeline's text encoders, with its tokenizer.
pub struct TextEncoder {
    /// Its folder.
    pub folder: &'static str,
    /// Prompts to ids.
    pub tokenizer: ClipTokenizer,
    /// Its `config.json`.
    pub config: ClipTextConfig,
    /// What the pipeline reads from it.
    pub output: TextOutput,
    /// Header of its weights.
    pub file: WeightFile,
}

impl TextEncoder {
    /// Its graph for one prompt.
    pub fn graph(&self) -> Graph {
        models::text_encoder(&self.config, 1, self.tokenizer.context(), self.output)
    }
}

/// A pipeline's configs and the headers of its weights.
pub struct Model {
    /// Folder name.
    pub id: String,
    /// The folder's `stepscope.json`, or defaults.
    pub about: StepscopeJson,
    /// Which pipeline it is.
    pub family: Family,
    /// Whether a negative prompt that was left out becomes zeros instead of the empty text's embeddings.
    pub force_zeros_for_empty_prompt: bool,
    /// `scheduler/scheduler_config.json`.
    pub scheduler: SchedulerConfig,
    /// `scheduler/scheduler_config.json`'s class.
    pub scheduler_class: String,
    /// One, or two for SDXL.
    pub text: Vec<TextEncoder>,
    /// `unet/config.json`.
    pub unet: UNetConfig,
    /// `vae/config.json`.
    pub vae: VaeConfig,
    /// Header of the UNet's weights.
    pub unet_file: WeightFile,
    /// Header of the VAE's weights.
    pub vae_file: WeightFile,
}

/// What a component costs.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ComponentCost {
    /// Its folder.
    pub name: &'static str,
    /// Numbers in its file.
    pub parameters: u64,
    /// Bytes of its file.
    pub bytes: u64,
    /// Bytes of its activations at their largest.
    pub activation_bytes: u64,
    /// Floating-point operations of one call.
    pub flops: u64,
    /// Kernel launches of one call.
    pub dispatches: u64,
}

impl Model {
    /// Pixels a width or height must be a multiple of: what the VAE and the UNet's halvings need.
    pub fn size_multiple(&self) -> u32 {
        let halvings = self.unet.block_out_channels.len() as u32 - 1;
        // Upstream takes any multiple of 8 and resizes skips where a halving was odd; so does the graph. But a picture
        // whose smallest feature map is cut off looks worse at its edges, so the page offers whole ones.
        self.vae.scale_factor() as u32 * (1 << halvings.min(3))
    }

    /// The default width and height.
    pub fn native_size(&self) -> u32 {
        self.unet.sample_size.unwrap_or(64) as u32 * self.vae.scale_factor() as u32
    }

    /// What the page shows of the model.
    pub fn info(&self) -> ModelInfo {
        let native = self.native_size();
        let multiple = self.size_multiple();
        let defaults = &self.about.defaults;
        ModelInfo {
            id: self.id.clone(),
            revision: self.revision(),
            display_name: self.about.display_name.clone().unwrap_or_else(|| self.id.clone()),
            license: self.about.license.clone(),
            parameters: self.files().iter().map(|(_, file)| file.parameters()).sum(),
            bytes: self.files().iter().map(|(_, file)| file.bytes()).sum(),
            defaults: ResolvedDefaults {
                steps: defaults.steps.unwrap_or(20),
                scheduler: defaults.scheduler.unwrap_or_else(|| self.default_scheduler()),
                guidance: defaults.guidance.unwrap_or(7.5),
                width: defaults.width.unwrap_or(native),
                height: defaults.height.unwrap_or(native),
            },
            size: self.about.size.unwrap_or(SizeRule {
                min: native / 2 / multiple * multiple,
                max: 2 * native,
                multiple,
            }),
            trained_steps: self.about.trained_steps,
            example_prompts: self.about.example_prompts.clone(),
            max_prompt_tokens: self.tokens() as u32 - 2,
            vae_scale_factor: self.vae.scale_factor() as u32,
            has_encoder: ["encoder.conv_in.weight", "encoder.layers.0.weight"]
                .iter()
                .any(|name| self.vae_file.has(name)),
            needs_mask: self.needs_mask(),
        }
    }

    /// A fingerprint of the files: of their checksums where `stepscope.json` lists them, else of the sizes of the weights,
    /// which is all that is known before they are read.
    fn revision(&self) -> String {
        let mut text: Vec<String> =
            self.about.files.iter().map(|file| format!("{} {}", file.path, file.sha256)).collect();
        if text.is_empty() {
            text = self.files().iter().map(|(name, file)| format!("{name} {}", file.bytes())).collect();
        }
        // FNV-1a: it tells versions apart, and guards nothing.
        let hash = text
            .join("\n")
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("{hash:016x}")
    }

    /// The sampler that the checkpoint ships with, where it is one that we have; else DPM++ 2M.
    fn default_scheduler(&self) -> SchedulerKind {
        match self.scheduler_class.as_str() {
            "EulerDiscreteScheduler" => SchedulerKind::Euler,
            "EulerAncestralDiscreteScheduler" => SchedulerKind::EulerA,
            "DDIMScheduler" => SchedulerKind::Ddim,
            "HeunDiscreteScheduler" => SchedulerKind::Heun,
            "LCMScheduler" => SchedulerKind::Lcm,
            "PNDMScheduler" => SchedulerKind::Pndm,
            "LMSDiscreteScheduler" => SchedulerKind::Lms,
            "KDPM2DiscreteScheduler" => SchedulerKind::Dpm2,
            "KDPM2AncestralDiscreteScheduler" => SchedulerKind::Dpm2A,
            "DPMSolverSDEScheduler" => SchedulerKind::DpmPpSde,
            "UniPCMultistepScheduler" => SchedulerKind::UniPc,
            "DEISMultistepScheduler" => SchedulerKind::Deis,
            "TCDScheduler" => SchedulerKind::Tcd,
            _ => SchedulerKind::DpmPp2M,
        }
    }

    /// Tokens of context of each text encoder, start and end marks counted.
    pub fn tokens(&self) -> usize {
        self.text.first().map_or(0, |encoder| encoder.tokenizer.context())
    }

    /// What a user should know about this request with this model, beyond what the sampler says of it.
    pub fn warnings(&self, request: &GenerateRequest) -> Vec<String> {
        let mut out = Vec::new();
        let steps = request.num_inference_steps;
        if let Some([fewest, most]) = self.about.trained_steps.filter(|[a, b]| !(*a..=*b).contains(&steps)) {
            out.push(format!("This model was made for {fewest} to {most} steps; {steps} will look worse."));
        }
        let told_guidance = self.unet.time_cond_proj_dim.is_some() || self.family == Family::Lcm;
        if told_guidance && request.negative_prompt.as_deref().is_some_and(|text| !text.is_empty()) {
            out.push("This model has guidance built in and never reads the negative prompt.".into());
        } else if request.guidance_scale <= 1.0
            && request.negative_prompt.as_deref().is_some_and(|text| !text.is_empty())
        {
            out.push("Without guidance (a scale above 1) the negative prompt has no effect.".into());
        }
        out
    }

    /// Latents as the sampler has them to what the decoder is given.
    pub fn latents_to_vae(&self, latents: &[f32]) -> Vec<f32> {
        let factor = self.vae.scaling_factor() as f32;
        match self.statistics() {
            Some((mean, std)) => {
                let channel = |(i, x): (usize, &f32)| x * std[i % std.len()] / factor + mean[i % mean.len()];
                latents.iter().enumerate().map(channel).collect()
            }
            None => latents.iter().map(|x| x / factor).collect(),
        }
    }

    /// Latents as the encoder gives them to what the sampler works on.
    pub fn latents_from_vae(&self, latents: &[f32]) -> Vec<f32> {
        let factor = self.vae.scaling_factor() as f32;
        match self.statistics() {
            Some((mean, std)) => {
                let channel = |(i, x): (usize, &f32)| (x - mean[i % mean.len()]) * factor / std[i % std.len()];
                latents.iter().enumerate().map(channel).collect()
            }
            None => latents.iter().map(|x| x * factor).collect(),
        }
    }

    /// Only SDXL's pipelines look at these keys. None of these families looks at `shift_factor`.
    fn statistics(&self) -> Option<(&[f32], &[f32])> {
        self.vae.latent_statistics().filter(|_| self.family == Family::Xl)
    }

    /// Whether the UNet reads a mask and a picture beside the latents.
    pub fn needs_mask(&self) -> bool {
        self.unet.in_channels > self.unet.out_channels
    }

    fn files(&self) -> Vec<(&'static str, &WeightFile)> {
        let text = self.text.iter().map(|encoder| (encoder.folder, &encoder.file));
        text.chain([("unet", &self.unet_file), ("vae", &self.vae_file)]).collect()
    }

    /// What each component costs at a size in pixels, with or without guidance.
    pub fn costs(&self, width: u32, height: u32, guided: bool) -> Result<Vec<ComponentCost>> {
        let scale = self.vae.scale_factor();
        let (h, w) = (height as usize / scale, width as usize / scale);
        let batch = if guided { 2 } else { 1 };
        let unet = models::unet(&self.unet, batch, h, w, self.tokens())?;
        let graphs = self.text.iter().map(TextEncoder::graph).chain([unet, self.vae.decoder(1, h, w)]);
        let cost = |((name, file), graph): ((&'static str, &WeightFile), Graph)| {
            let graph = optimise(graph);
            let work = total_work(&graph);
            ComponentCost {
                name,
                parameters: file.parameters(),
                bytes: file.bytes(),
                activation_bytes: plan_memory(&graph, Precision::F32).bytes(),
                flops: work.flops,
                dispatches: work.dispatches,
            }
        };
        Ok(self.files().into_iter().zip(graphs).map(cost).collect())
    }
}
