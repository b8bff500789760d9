//! The networks of a Stable Diffusion pipeline, each a function from its own `config.json` to a graph. Config structs
//! carry upstream's field names and defaults; facts come from the config, never from a version's name.

mod clip;
mod config;
mod unet;
mod unet_blocks;
mod unet_config;
mod vae;
mod vae_tiny;

pub use clip::{ClipTextConfig, TextOutput};
pub use unet::{added_embedding, timestep_embedding};
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

    /// The encoder, for a picture's size in pixels: input `image` `[B, H, W, 3]` in -1..1. Output `moments`
    /// `[B, h, w, 2C]`, mean and log variance, or `latents` `[B, h, w, C]` where the autoencoder has no distribution.
    pub fn encoder(&self, batch: usize, height: usize, width: usize) -> Graph {
        match self {
            // Runs once a picture, and shares the decoder's trouble with large numbers.
            Self::Kl(config) => vae::encoder(config, batch, height, width).in_f32(),
            Self::Tiny(config) => vae_tiny::encoder(config, batch, height, width),
        }
    }

    /// `latents_mean` and `latents_std`, where the config has both.
    pub fn latent_statistics(&self) -> Option<(&[f32], &[f32])> {
        match self {
            Self::Kl(config) => Some((config.latents_mean.as_deref()?, config.latents_std.as_deref()?)),
            Self::Tiny(_) => None,
        }
    }
}

/// A text encoder: input `ids` `[B, T]`, output `prompt_embeds` `[B, T, D]` and, where asked for, `text_embeds`
/// `[B, T, P]`.
pub fn text_encoder(config: &ClipTextConfig, batch: usize, tokens: usize, output: TextOutput) -> Graph {
    // It runs once a picture, and guidance multiplies the difference between its answers: f16 would save no time and
    // cost digits where they count most.
    clip::text_encoder(config, batch, tokens, output).in_f32()
}

/// The denoiser: inputs `latents` `[B, h, w, C]`, `timestep` (see [`timestep_embedding`]) `[B, C0]`, `embeds`
/// `[B, T, D]` and, where the config has a `time_cond_proj_dim`, `timestep_cond`; where it has an
/// `addition_embed_type`, `added` (see [`added_embedding`]); where it has channels for it, `mask` `[B, h, w, 1 + C]`.
/// Output `model_out` like `latents`.
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
        assert_eq!(text_encoder(&text, 1, 77, TextOutput::Last).parameters(), 123_060_480);

        let vae = r#"{"_class_name": "AutoencoderKL", "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
            "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}"#;
        let vae = VaeConfig::from_json("", vae).unwrap();
        assert_eq!(vae.decoder(1, 64, 64).parameters(), 49_490_179 + 20);
        assert_eq!((vae.scale_factor(), vae.scaling_factor()), (8, 0.18215));
    }

    /// Sizes that upstream's classes have with the published configs of other families.
    #[test]
    fn other_families_have_their_published_parameters() {
        const XL: &str = r#""block_out_channels": [320, 640, 1280], "attention_head_dim": [5, 10, 20],
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], "cross_attention_dim": 2048,
            "use_linear_projection": true, "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816"#;
        let unets = [
            ("SDXL", format!(r#"{{{XL}, "transformer_layers_per_block": [1, 2, 10]}}"#), 2_567_463_684),
            (
                "SSD-1B",
                format!(
                    r#"{{{XL}, "mid_block_type": "UNetMidBlock2D", "transformer_layers_per_block": [1, [2, 2], [4, 4]],
                        "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 1]}}"#
                ),
                1_331_334_404,
            ),
            (
                "SD 2.1",
                r#"{"cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20], "use_linear_projection": true}"#
                    .into(),
                865_910_724,
            ),
            ("SD 1.5 inpainting", r#"{"cross_attention_dim": 768, "in_channels": 9}"#.into(), 859_535_364),
            ("LCM", r#"{"cross_attention_dim": 768, "time_cond_proj_dim": 256}"#.into(), 859_602_884),
        ];
        for (name, json, parameters) in unets {
            let config = UNetConfig::from_json("", &json).unwrap();
            assert_eq!(unet(&config, 1, 64, 64, 77).unwrap().parameters(), parameters, "{name}");
        }
        let texts = [
            ("OpenCLIP bigG", [1280, 5120, 20, 32], TextOutput::PenultimateAndProjection, 694_659_840),
            ("OpenCLIP H", [1024, 4096, 16, 23], TextOutput::Last, 340_387_840),
        ];
        for (name, [hidden_size, intermediate_size, num_attention_heads, num_hidden_layers], output, parameters) in
            texts
        {
            let config = ClipTextConfig {
                hidden_size,
                intermediate_size,
                num_attention_heads,
                num_hidden_layers,
                projection_dim: 1280,
                ..ClipTextConfig::default()
            };
            assert_eq!(text_encoder(&config, 1, 77, output).parameters(), parameters, "{name}");
        }
        let blocks = |kind: &str| [kind; 4].map(|kind| format!("\"{kind}\"")).join(", ");
        let vae = format!(
            r#"{{"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "down_block_types": [{}],
                "up_block_types": [{}]}}"#,
            blocks("DownEncoderBlock2D"),
            blocks("UpDecoderBlock2D")
        );
        assert_eq!(VaeConfig::from_json("", &vae).unwrap().encoder(1, 512, 512).parameters(), 34_163_664);
    }
}
