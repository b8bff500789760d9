//! Reads a model folder: the index says which pipeline it is and so which parts there must be.

use super::{Family, Model, TextEncoder};
use crate::error::{Error, Result};
use crate::models::{ClipTextConfig, TextOutput, UNetConfig, VaeConfig};
use crate::schedulers::SchedulerConfig;
use crate::tokenizer::{ClipTokenizer, TokenizerFiles};
use crate::weights::{Source, WeightFile};
use protocol::StepscopeJson;
use serde::Deserialize;

/// `model_index.json`, as far as it matters here.
#[derive(Deserialize)]
struct Index {
    #[serde(rename = "_class_name", default)]
    class_name: String,
    force_zeros_for_empty_prompt: Option<bool>,
    #[serde(default)]
    requires_aesthetics_score: bool,
    text_encoder: Option<serde_json::Value>,
}

const INDEX: &str = "model_index.json";
const SCHEDULER: &str = "scheduler/scheduler_config.json";
const UNET: &str = "unet/config.json";
const SAFETENSORS: [&str; 2] = [".safetensors", ".fp16.safetensors"];

fn weight_paths(stem: &str) -> Vec<String> {
    SAFETENSORS.iter().map(|end| format!("{stem}{end}")).collect()
}

impl Model {
    /// Reads configs and headers.
    pub async fn open(source: &impl Source, id: &str) -> Result<Self> {
        let index: Index = serde_json::from_str(&source.read_text(INDEX).await?)
            .map_err(|error| Error::broken(INDEX, error.to_string()))?;
        let family = family(&index)?;
        let about = match source.read_all("stepscope.json").await? {
            Some(bytes) => {
                serde_json::from_slice(&bytes).map_err(|e| Error::broken("stepscope.json", e.to_string()))?
            }
            None => StepscopeJson::default(),
        };
        let text = match family {
            Family::Sd | Family::Lcm => vec![text_encoder(source, "text_encoder", TextOutput::Last).await?],
            Family::Xl => vec![
                text_encoder(source, "text_encoder", TextOutput::Penultimate).await?,
                text_encoder(source, "text_encoder_2", TextOutput::PenultimateAndProjection).await?,
            ],
        };
        let unet = UNetConfig::from_json(UNET, &source.read_text(UNET).await?)?;
        let path = "vae/config.json";
        let vae = VaeConfig::from_json(path, &source.read_text(path).await?)?;
        check_fit(&text, &unet, &vae)?;
        let scheduler_json = source.read_text(SCHEDULER).await?;
        let read = SchedulerConfig::from_json(&scheduler_json);
        let mut scheduler = read.map_err(|error| Error::broken(SCHEDULER, error.to_string()))?;
        if family == Family::Sd {
            correct(&mut scheduler);
        }
        let unet_file = WeightFile::open(source, &weight_paths("unet/diffusion_pytorch_model")).await?;
        let vae_file = WeightFile::open(source, &weight_paths("vae/diffusion_pytorch_model")).await?;
        Ok(Self {
            id: id.to_owned(),
            about,
            family,
            force_zeros_for_empty_prompt: family == Family::Xl && index.force_zeros_for_empty_prompt.unwrap_or(true),
            scheduler_class: scheduler.class_name.clone().unwrap_or_default(),
            scheduler,
            text,
            unet,
            vae,
            unet_file,
            vae_file,
        })
    }
}

/// Refuses pipelines of other kinds by name, instead of failing later at some missing file.
fn family(index: &Index) -> Result<Family> {
    let refuse = |key: &str, value: &str, reason: &str| Error::Unsupported {
        path: INDEX.into(),
        key: key.into(),
        value: value.into(),
        reason: reason.into(),
    };
    match index.class_name.as_str() {
        "StableDiffusionPipeline" | "StableDiffusionImg2ImgPipeline" | "StableDiffusionInpaintPipeline" => {
            Ok(Family::Sd)
        }
        "LatentConsistencyModelPipeline" => Ok(Family::Lcm),
        "StableDiffusionXLPipeline" | "StableDiffusionXLImg2ImgPipeline" | "StableDiffusionXLInpaintPipeline" => {
            let first = index.text_encoder.as_ref().and_then(|part| part.get(1));
            if index.requires_aesthetics_score || first.is_none_or(serde_json::Value::is_null) {
                let reason = "this is SDXL's refiner, which cannot make a picture from text; use the base model";
                return Err(refuse("requires_aesthetics_score", "true", reason));
            }
            Ok(Family::Xl)
        }
        other => Err(refuse(
            "_class_name",
            other,
            "the pipelines of Stable Diffusion (1.x, 2.x, XL) and LatentConsistencyModelPipeline are",
        )),
    }
}

/// Upstream's `StableDiffusionPipeline` corrects these two keys of old configs when it is built, if they are there;
/// SDXL's does not.
fn correct(scheduler: &mut SchedulerConfig) {
    if let Some(offset) = &mut scheduler.steps_offset {
        *offset = 1;
    }
    if let Some(clip) = &mut scheduler.clip_sample {
        *clip = false;
    }
}

fn check_fit(text: &[TextEncoder], unet: &UNetConfig, vae: &VaeConfig) -> Result<()> {
    let hidden: usize = text.iter().map(|encoder| encoder.config.hidden_size).sum();
    let reads = unet.cross_attention_dim.at(0);
    if reads != hidden {
        let reason = format!("cross_attention_dim {reads} is not the {hidden} channels of the text encoders");
        return Err(Error::broken(UNET, reason));
    }
    let pooled = text.iter().find(|encoder| encoder.output == TextOutput::PenultimateAndProjection);
    if unet.addition_embed_type.is_some() != pooled.is_some() {
        let reason = "only SDXL's UNet and text encoders fit each other".to_owned();
        return Err(Error::broken(UNET, format!("addition_embed_type {:?}: {reason}", unet.addition_embed_type)));
    }
    if let Some(pooled) = pooled {
        let times = 6 * unet.addition_time_embed_dim.unwrap_or_default();
        let width = pooled.config.projection_dim + times;
        if unet.projection_class_embeddings_input_dim != Some(width) {
            let reason = format!(
                "projection_class_embeddings_input_dim {:?} is not the {width} numbers of text and size",
                unet.projection_class_embeddings_input_dim
            );
            return Err(Error::broken(UNET, reason));
        }
    }
    let contexts = text.iter().map(|encoder| encoder.tokenizer.context());
    if let (Some(least), Some(most)) = (contexts.clone().min(), contexts.max())
        && least != most
    {
        let reason = format!("its context of {most} tokens is not the first encoder's {least}");
        return Err(Error::broken("text_encoder_2/config.json", reason));
    }
    let latents = vae.latent_channels();
    let unsupported = |key: &str, value: usize, reason: String| Error::Unsupported {
        path: UNET.into(),
        key: key.into(),
        value: value.to_string(),
        reason,
    };
    if unet.out_channels != latents {
        return Err(unsupported("out_channels", unet.out_channels, format!("the VAE has {latents}")));
    }
    if unet.in_channels != latents && unet.in_channels != 2 * latents + 1 {
        let reason =
            format!("text to picture needs the VAE's {latents}, inpainting {} (mask and picture too)", 2 * latents + 1);
        return Err(unsupported("in_channels", unet.in_channels, reason));
    }
    Ok(())
}

async fn text_encoder(source: &impl Source, folder: &'static str, output: TextOutput) -> Result<TextEncoder> {
    let path = format!("{folder}/config.json");
    let config = ClipTextConfig::from_json(&path, &source.read_text(&path).await?)?;
    let tokenizer = open_tokenizer(source, &folder.replace("text_encoder", "tokenizer"), &config).await?;
    let file = WeightFile::open(source, &weight_paths(&format!("{folder}/model"))).await?;
    Ok(TextEncoder { folder, tokenizer, config, output, file })
}

async fn open_tokenizer(source: &impl Source, folder: &str, config: &ClipTextConfig) -> Result<ClipTokenizer> {
    let read = async |name: &str| source.read_all(&format!("{folder}/{name}")).await;
    let tokenizer_json = read("tokenizer.json").await?;
    let vocab_json = read("vocab.json").await?;
    let merges_txt = read("merges.txt").await?;
    let config_json = read("tokenizer_config.json").await?;
    let special_tokens_map = read("special_tokens_map.json").await?;
    let files = TokenizerFiles {
        tokenizer_json: tokenizer_json.as_deref(),
        vocab_json: vocab_json.as_deref(),
        merges_txt: merges_txt.as_deref(),
        config_json: config_json.as_deref(),
        special_tokens_map: special_tokens_map.as_deref(),
    };
    ClipTokenizer::from_files(files, config.max_position_embeddings)
}
