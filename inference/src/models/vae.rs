//! Upstream's `AutoencoderKL`: latents to pixels and back.

use super::config::{parse, require, require_groups, unsupported};
use crate::error::Result;
use crate::graph::{Activation, Builder, Graph, NodeId};
use serde::Deserialize;

/// `vae/config.json`, upstream's names and defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct AutoencoderKlConfig {
    /// Channels of the picture.
    pub out_channels: usize,
    /// Kinds of blocks of the encoder.
    pub down_block_types: Vec<String>,
    /// Kinds of blocks of the decoder.
    pub up_block_types: Vec<String>,
    /// Channels of each block, largest picture first.
    pub block_out_channels: Vec<usize>,
    /// Resnets of a block in the encoder; one more in the decoder.
    pub layers_per_block: usize,
    /// Must be `silu`.
    pub act_fn: String,
    /// Channels of a latent.
    pub latent_channels: usize,
    /// Groups of every group norm.
    pub norm_num_groups: usize,
    /// Latents are multiplied by this after encoding.
    pub scaling_factor: f64,
    /// Mean of each latent channel; SDXL's pipelines take latents relative to it where it and `latents_std` are there.
    pub latents_mean: Option<Vec<f32>>,
    /// Deviation of each latent channel.
    pub latents_std: Option<Vec<f32>>,
    /// Whether a 1×1 convolution comes after the encoder.
    pub use_quant_conv: bool,
    /// Whether a 1×1 convolution comes before the decoder.
    pub use_post_quant_conv: bool,
    /// Whether the middle block attends.
    pub mid_block_add_attention: bool,
}

impl Default for AutoencoderKlConfig {
    fn default() -> Self {
        Self {
            out_channels: 3,
            down_block_types: vec!["DownEncoderBlock2D".into()],
            up_block_types: vec!["UpDecoderBlock2D".into()],
            block_out_channels: vec![64],
            layers_per_block: 1,
            act_fn: "silu".into(),
            latent_channels: 4,
            norm_num_groups: 32,
            scaling_factor: 0.18215,
            latents_mean: None,
            latents_std: None,
            use_quant_conv: true,
            use_post_quant_conv: true,
            mid_block_add_attention: true,
        }
    }
}

impl AutoencoderKlConfig {
    /// Reads and checks `vae/config.json`.
    pub fn from_json(path: &str, text: &str) -> Result<Self> {
        let config: Self = parse(path, text)?;
        require(path, "act_fn", &config.act_fn.as_str(), &["silu", "swish"])?;
        require(path, "out_channels", &config.out_channels, &[3])?;
        for kind in &config.up_block_types {
            require(path, "up_block_types", &kind.as_str(), &["UpDecoderBlock2D"])?;
        }
        if config.block_out_channels.is_empty() || config.up_block_types.len() != config.block_out_channels.len() {
            let reason = "as many up_block_types are needed";
            return Err(unsupported(path, "block_out_channels", config.block_out_channels.len(), reason));
        }
        require_groups(path, &config.block_out_channels, config.norm_num_groups)?;
        for (key, list) in [("latents_mean", &config.latents_mean), ("latents_std", &config.latents_std)] {
            if list.as_ref().is_some_and(|list| list.len() != config.latent_channels) {
                let reason = format!("{} numbers are needed", config.latent_channels);
                return Err(unsupported(path, key, format!("{list:?}"), &reason));
            }
        }
        Ok(config)
    }
}

const EPS: f32 = 1e-6;

pub(super) fn decoder(config: &AutoencoderKlConfig, batch: usize, height: usize, width: usize) -> Graph {
    let mut b = Builder::new();
    let mut x = b.input("latents", &[batch, height, width, config.latent_channels]);
    if config.use_post_quant_conv {
        x = b.conv(x, "post_quant_conv", config.latent_channels, 1, 1, 0);
        b.tap("post_quant_conv", x);
    }
    let x = b.scoped("decoder", |b| {
        let blocks = config.block_out_channels.len();
        let top = config.block_out_channels[blocks - 1];
        let x = b.conv(x, "conv_in", top, 3, 1, 1);
        b.tap("conv_in", x);
        let mut x = b.scoped("mid_block", |b| middle(b, config, x, top));
        for (i, &channels) in config.block_out_channels.iter().rev().enumerate() {
            x = b.scoped(&format!("up_blocks.{i}"), |b| {
                for j in 0..=config.layers_per_block {
                    x = b.scoped(&format!("resnets.{j}"), |b| resnet(b, config, x, channels));
                }
                if i + 1 < blocks {
                    let (h, w) = (b.shape(x)[1], b.shape(x)[2]);
                    x = b.resize(x, 2 * h, 2 * w);
                    x = b.conv(x, "upsamplers.0.conv", channels, 3, 1, 1);
                }
                b.tap("", x);
                x
            });
        }
        let x = b.group_norm(x, "conv_norm_out", config.norm_num_groups, EPS);
        let x = b.activate(x, Activation::Silu);
        b.conv(x, "conv_out", config.out_channels, 3, 1, 1)
    });
    b.output("image", x);
    b.finish()
}

/// The encoder: pixels to mean and log variance of each latent.
pub(super) fn encoder(config: &AutoencoderKlConfig, batch: usize, height: usize, width: usize) -> Graph {
    let mut b = Builder::new();
    let image = b.input("image", &[batch, height, width, config.out_channels]);
    let x = b.scoped("encoder", |b| {
        let blocks = config.block_out_channels.len();
        let mut x = b.conv(image, "conv_in", config.block_out_channels[0], 3, 1, 1);
        b.tap("conv_in", x);
        for (i, &channels) in config.block_out_channels.iter().enumerate() {
            x = b.scoped(&format!("down_blocks.{i}"), |b| {
                for j in 0..config.layers_per_block {
                    x = b.scoped(&format!("resnets.{j}"), |b| resnet(b, config, x, channels));
                }
                if i + 1 < blocks {
                    // Upstream pads only right and below.
                    x = b.conv_with(x, "downsamplers.0.conv", channels, 3, 2, [0, 0, 1, 1], true);
                }
                b.tap("", x);
                x
            });
        }
        let x = b.scoped("mid_block", |b| middle(b, config, x, config.block_out_channels[blocks - 1]));
        let x = b.group_norm(x, "conv_norm_out", config.norm_num_groups, EPS);
        let x = b.activate(x, Activation::Silu);
        b.conv(x, "conv_out", 2 * config.latent_channels, 3, 1, 1)
    });
    let x = if config.use_quant_conv { b.conv(x, "quant_conv", 2 * config.latent_channels, 1, 1, 0) } else { x };
    b.output("moments", x);
    b.finish()
}

fn middle(b: &mut Builder, config: &AutoencoderKlConfig, x: NodeId, channels: usize) -> NodeId {
    let mut x = b.scoped("resnets.0", |b| resnet(b, config, x, channels));
    if config.mid_block_add_attention {
        x = b.scoped("attentions.0", |b| attention(b, config, x));
    }
    let x = b.scoped("resnets.1", |b| resnet(b, config, x, channels));
    b.tap("", x);
    x
}

/// A resnet without time.
fn resnet(b: &mut Builder, config: &AutoencoderKlConfig, x: NodeId, channels: usize) -> NodeId {
    let h = b.group_norm(x, "norm1", config.norm_num_groups, EPS);
    let h = b.activate(h, Activation::Silu);
    let h = b.conv(h, "conv1", channels, 3, 1, 1);
    let h = b.group_norm(h, "norm2", config.norm_num_groups, EPS);
    let h = b.activate(h, Activation::Silu);
    let h = b.conv(h, "conv2", channels, 3, 1, 1);
    let shortcut = if b.channels(x) == channels { x } else { b.conv(x, "conv_shortcut", channels, 1, 1, 0) };
    b.add(h, shortcut)
}

/// One head over all pixels.
fn attention(b: &mut Builder, config: &AutoencoderKlConfig, x: NodeId) -> NodeId {
    let shape = b.shape(x).to_vec();
    let channels = b.channels(x);
    let h = b.group_norm(x, "group_norm", config.norm_num_groups, EPS);
    let h = b.reshape(h, &[shape[0], shape[1] * shape[2], channels]);
    let q = b.linear(h, "to_q", channels, true);
    let k = b.linear(h, "to_k", channels, true);
    let v = b.linear(h, "to_v", channels, true);
    let h = b.attention(q, k, v, 1, false);
    let h = b.linear(h, "to_out.0", channels, true);
    let h = b.reshape(h, &shape);
    b.add(h, x)
}
