//! A model folder in the diffusers layout: which files it has, what its configs say, what it will cost. Everything here
//! is known from small files and headers, before the weights are read.

use crate::error::{Error, Result};
use crate::graph::{Graph, Precision, optimise, plan_memory, total_work};
use crate::models::{self, ClipTextConfig, UNetConfig, VaeConfig};
use crate::schedulers::SchedulerConfig;
use crate::tokenizer::{ClipTokenizer, TokenizerFiles};
use crate::weights::{Source, WeightFile};
use protocol::{ModelInfo, ResolvedDefaults, SchedulerKind, SizeRule, StepscopeJson};
use serde::Deserialize;

/// A pipeline's configs and the headers of its weights.
pub struct Model {
    /// Folder name.
    pub id: String,
    /// The folder's `stepscope.json`, or defaults.
    pub about: StepscopeJson,
    /// `scheduler/scheduler_config.json`.
    pub scheduler: SchedulerConfig,
    /// `scheduler/scheduler_config.json`'s class.
    pub scheduler_class: String,
    /// Prompts to ids.
    pub tokenizer: ClipTokenizer,
    /// `text_encoder/config.json`.
    pub text: ClipTextConfig,
    /// `unet/config.json`.
    pub unet: UNetConfig,
    /// `vae/config.json`.
    pub vae: VaeConfig,
    /// Header of the text encoder's weights.
    pub text_file: WeightFile,
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

const SAFETENSORS: [&str; 2] = [".safetensors", ".fp16.safetensors"];

fn weight_paths(stem: &str) -> Vec<String> {
    SAFETENSORS.iter().map(|end| format!("{stem}{end}")).collect()
}

impl Model {
    /// Reads configs and headers.
    pub async fn open(source: &impl Source, id: &str) -> Result<Self> {
        check_index(source).await?;
        let about = match source.read_all("stepscope.json").await? {
            Some(bytes) => {
                serde_json::from_slice(&bytes).map_err(|e| Error::broken("stepscope.json", e.to_string()))?
            }
            None => StepscopeJson::default(),
        };
        let text = {
            let path = "text_encoder/config.json";
            ClipTextConfig::from_json(path, &source.read_text(path).await?)?
        };
        let unet = {
            let path = "unet/config.json";
            UNetConfig::from_json(path, &source.read_text(path).await?)?
        };
        let vae = {
            let path = "vae/config.json";
            VaeConfig::from_json(path, &source.read_text(path).await?)?
        };
        if unet.cross_attention_dim != text.hidden_size {
            let reason = format!(
                "cross_attention_dim {} is not the text encoder's {}",
                unet.cross_attention_dim, text.hidden_size
            );
            return Err(Error::broken("unet/config.json", reason));
        }
        if unet.in_channels != vae.latent_channels() {
            return Err(Error::Unsupported {
                path: "unet/config.json".into(),
                key: "in_channels".into(),
                value: unet.in_channels.to_string(),
                reason: format!("text to picture needs the VAE's {}", vae.latent_channels()),
            });
        }
        let path = "scheduler/scheduler_config.json";
        let scheduler_json = source.read_text(path).await?;
        let scheduler = SchedulerConfig::from_json(&scheduler_json).map_err(|e| Error::broken(path, e.to_string()))?;
        let tokenizer = open_tokenizer(source, text.max_position_embeddings).await?;
        let text_file = WeightFile::open(source, &weight_paths("text_encoder/model")).await?;
        let unet_file = WeightFile::open(source, &weight_paths("unet/diffusion_pytorch_model")).await?;
        let vae_file = WeightFile::open(source, &weight_paths("vae/diffusion_pytorch_model")).await?;
        let scheduler_class = class_name(&scheduler_json);
        let id = id.to_owned();
        Ok(Self { id, about, scheduler, scheduler_class, tokenizer, text, unet, vae, text_file, unet_file, vae_file })
    }

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
            max_prompt_tokens: self.text.max_position_embeddings as u32 - 2,
            vae_scale_factor: self.vae.scale_factor() as u32,
            has_encoder: self.vae_file.has("encoder.conv_in.weight") || self.vae_file.has("encoder.layers.0.weight"),
            needs_mask: false,
        }
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
            "UniPCMultistepScheduler" => SchedulerKind::UniPc,
            "DEISMultistepScheduler" => SchedulerKind::Deis,
            "TCDScheduler" => SchedulerKind::Tcd,
            _ => SchedulerKind::DpmPp2M,
        }
    }

    fn files(&self) -> [(&'static str, &WeightFile); 3] {
        [("text_encoder", &self.text_file), ("unet", &self.unet_file), ("vae", &self.vae_file)]
    }

    /// What each component costs at a size in pixels, with or without guidance.
    pub fn costs(&self, width: u32, height: u32, guided: bool) -> Result<Vec<ComponentCost>> {
        let scale = self.vae.scale_factor();
        let (h, w) = (height as usize / scale, width as usize / scale);
        let batch = if guided { 2 } else { 1 };
        let graphs: [Graph; 3] = [
            models::text_encoder(&self.text, 1),
            models::unet(&self.unet, batch, h, w, self.text.max_position_embeddings)?,
            self.vae.decoder(1, h, w),
        ];
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

/// Refuses pipelines of other kinds by name, instead of failing later at some missing file.
async fn check_index(source: &impl Source) -> Result<()> {
    #[derive(Deserialize)]
    struct Index {
        #[serde(rename = "_class_name", default)]
        class_name: String,
    }
    let path = "model_index.json";
    let index: Index =
        serde_json::from_str(&source.read_text(path).await?).map_err(|error| Error::broken(path, error.to_string()))?;
    match index.class_name.as_str() {
        "StableDiffusionPipeline" | "LatentConsistencyModelPipeline" => Ok(()),
        other => Err(Error::Unsupported {
            path: path.into(),
            key: "_class_name".into(),
            value: other.into(),
            reason: "only StableDiffusionPipeline and LatentConsistencyModelPipeline are".into(),
        }),
    }
}

fn class_name(json: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    value.get("_class_name").and_then(|name| name.as_str()).unwrap_or_default().to_owned()
}

async fn open_tokenizer(source: &impl Source, context: usize) -> Result<ClipTokenizer> {
    let tokenizer_json = source.read_all("tokenizer/tokenizer.json").await?;
    let vocab_json = source.read_all("tokenizer/vocab.json").await?;
    let merges_txt = source.read_all("tokenizer/merges.txt").await?;
    let config_json = source.read_all("tokenizer/tokenizer_config.json").await?;
    let special_tokens_map = source.read_all("tokenizer/special_tokens_map.json").await?;
    let files = TokenizerFiles {
        tokenizer_json: tokenizer_json.as_deref(),
        vocab_json: vocab_json.as_deref(),
        merges_txt: merges_txt.as_deref(),
        config_json: config_json.as_deref(),
        special_tokens_map: special_tokens_map.as_deref(),
    };
    ClipTokenizer::from_files(files, context)
}
