//! The networks of a Stable Diffusion pipeline, each a function from its own `config.json` to a graph. Config structs
//! carry upstream's field names and defaults; facts come from the config, never from a version's name.

mod clip;
mod config;
mod unet;
mod unet_blocks;
mod unet_config;
mod vae;
mod vae_tiny;

pub use clip::ClipTextConfig;
pub use unet::timestep_embedding;
pub use unet_config::UNetConfig;
pub use vae::AutoencoderKlConfig;
pub use vae_tiny::AutoencoderTinyConfig;

use crate::error::{Error, Result};
use crate::graph::Graph;
use serde::Deserialize;

/// Either kind of autoencoder that a `vae/config.json` may describe.
#[derive(Clone, Debug)]
pub enum VaeConfig {
    /// `AutoencoderKL`.
    Kl(AutoencoderKlConfig),
    /// `AutoencoderTiny`.
    Tiny(AutoencoderTinyConfig),
}

impl VaeConfig {
    /// Reads `vae/config.json`, whichever class it names.
    pub fn from_json(path: &str, text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Class {
            #[serde(rename = "_class_name", default)]
            class_name: Option<String>,
        }
        let class: Class = config::parse(path, text)?;
        match class.class_name.as_deref() {
            None | Some("AutoencoderKL") => AutoencoderKlConfig::from_json(path, text).map(Self::Kl),
            Some("AutoencoderTiny") => AutoencoderTinyConfig::from_json(path, text).map(Self::Tiny),
            Some(other) => {
                Err(config::unsupported(path, "_class_name", other, "AutoencoderKL and AutoencoderTiny are"))
            }
        }
    }

    /// Latents are divided by this before decoding.
    pub fn scaling_factor(&self) -> f64 {
        match self {
            Self::Kl(config) => config.scaling_factor,
            Self::Tiny(config) => config.scaling_factor,
        }
    }

    /// Pixels a latent is wide.
    pub fn scale_factor(&self) -> usize {
        match self {
            Self::Kl(config) => 1 << (config.block_out_channels.len() - 1),
            Self::Tiny(config) => 1 << (config.decoder_block_out_channels.len() - 1),
        }
    }

    /// Channels of a latent.
    pub fn latent_channels(&self) -> usize {
        match self {
            Self::Kl(config) => config.latent_channels,
            Self::Tiny(config) => config.latent_channels,
        }
    }

    /// The decoder: input `latents` `[B, h, w, C]`, output `image` `[B, H, W, 3]` in about -1..1.
    pub fn decoder(&self, batch: usize, height: usize, width: usize) -> Graph {
        match self {
            // Its activations pass 65,504 in some checkpoints (SDXL's own decoder gives black pictures in f16).
            Self::Kl(config) => vae::decoder(config, batch, height, width).in_f32(),
            Self::Tiny(config) => vae_tiny::decoder(config, batch, height, width),
        }
    }
}

/// The text encoder: input `ids` `[B, T]`, output `prompt_embeds` `[B, T, D]`.
pub fn text_encoder(config: &ClipTextConfig, batch: usize) -> Graph {
    // It runs once a picture, and guidance multiplies the difference between its answers: f16 would save no time and
    // cost digits where they count most.
    clip::text_encoder(config, batch).in_f32()
}

/// The denoiser: inputs `latents` `[B, h, w, C]`, `timestep` (see [`timestep_embedding`]) `[B, C0]`, `embeds`
/// `[B, T, D]` and, where the config has a `time_cond_proj_dim`, `timestep_cond`; output `model_out` like `latents`.
pub fn unet(config: &UNetConfig, batch: usize, height: usize, width: usize, tokens: usize) -> Result<Graph> {
    let halvings = config.block_out_channels.len() - 1;
    if height >> halvings == 0 || width >> halvings == 0 {
        return Err(Error::Internal(format!("{height}x{width} latents are too small for {halvings} halvings")));
    }
    Ok(unet::unet(config, batch, height, width, tokens))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Precision, optimise, plan_memory, total_work};

    /// The published sizes of Stable Diffusion 1.5's components are a fingerprint of their whole topology.
    #[test]
    fn stable_diffusion_1_5_has_its_published_parameters() {
        let unet_config = UNetConfig::from_json("", r#"{"cross_attention_dim": 768, "sample_size": 64}"#).unwrap();
        let graph = unet(&unet_config, 2, 64, 64, 77).unwrap();
        assert_eq!(graph.parameters(), 859_520_964);
        let fused = optimise(graph);
        assert_eq!(fused.parameters(), 859_520_964);
        // 0.68 TMAC for both prompts at 512×512, as commonly counted; far less memory than all values together.
        let flops = total_work(&fused).flops as f64;
        assert!((1.5e12..1.7e12).contains(&flops), "{flops:.3e}");
        let bytes = plan_memory(&fused, Precision::F32).bytes();
        assert!(bytes < 600 << 20, "{bytes} bytes");

        let text = r#"{"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12}"#;
        let text = ClipTextConfig::from_json("", text).unwrap();
        assert_eq!(text_encoder(&text, 1).parameters(), 123_060_480);

        let vae = r#"{"_class_name": "AutoencoderKL", "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
            "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}"#;
        let vae = VaeConfig::from_json("", vae).unwrap();
        assert_eq!(vae.decoder(1, 64, 64).parameters(), 49_490_179 + 20);
        assert_eq!((vae.scale_factor(), vae.scaling_factor()), (8, 0.18215));
    }
}
