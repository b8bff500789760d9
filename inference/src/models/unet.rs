//! The denoiser (Rombach et al. 2022, arXiv 2112.10752), upstream class `UNet2DConditionModel`: blocks that halve the
//! picture, a middle, blocks that double it again and read what the way down left for them.

use super::unet_blocks::{Context, resnet, transformer};
use super::unet_config::UNetConfig;
use crate::graph::{Activation, Builder, Graph, NodeId};

/// The timestep as sines and cosines, `[batch, dim]`.
pub fn timestep_embedding(config: &UNetConfig, timestep: f64, batch: usize) -> Vec<f32> {
    sinusoids(config, timestep, config.block_out_channels[0]).repeat(batch)
}

/// What `addition_embed_type` `text_time` is given for one prompt: the pooled text, then original height and width,
/// top and left of the crop, target height and width, each as sines and cosines. Upstream passes
/// `[H, W, 0, 0, H, W]` where nothing else is asked for.
pub fn added_embedding(config: &UNetConfig, pooled: &[f32], height: u32, width: u32) -> Vec<f32> {
    let dim = config.addition_time_embed_dim.unwrap_or_default();
    let time_ids = [height, width, 0, 0, height, width];
    let times = time_ids.into_iter().flat_map(|id| sinusoids(config, f64::from(id), dim));
    pooled.iter().copied().chain(times).collect()
}

/// Sines and cosines of a number, in f32 as upstream's `get_timestep_embedding` computes them.
fn sinusoids(config: &UNetConfig, timestep: f64, dim: usize) -> Vec<f32> {
    let half = dim / 2;
    let log_period = -(10000.0_f64.ln()) as f32;
    let angle = |i: usize| {
        let exponent = log_period * i as f32 / (half as f64 - config.freq_shift) as f32;
        timestep as f32 * exponent.exp()
    };
    let (sines, cosines): (Vec<f32>, Vec<f32>) = (0..half).map(|i| angle(i).sin_cos()).unzip();
    let mut row = if config.flip_sin_to_cos { [cosines, sines] } else { [sines, cosines] }.concat();
    row.resize(dim, 0.0);
    row
}

pub(super) fn unet(config: &UNetConfig, batch: usize, height: usize, width: usize, tokens: usize) -> Graph {
    let mut b = Builder::new();
    let channels = &config.block_out_channels;
    let latents = b.input("latents", &[batch, height, width, config.out_channels]);
    // A UNet made for inpainting reads the mask and the masked picture's latents as further channels.
    let latents = if config.in_channels > config.out_channels {
        let mask = b.input("mask", &[batch, height, width, config.in_channels - config.out_channels]);
        b.concat(latents, mask)
    } else {
        latents
    };
    let timestep = b.input("timestep", &[batch, channels[0]]);
    let embeds = b.input("embeds", &[batch, tokens, config.cross_attention_dim.at(0)]);
    let emb = time_embedding(&mut b, config, timestep, batch);
    let context = Context { config, emb, embeds };

    let x = b.conv(latents, "conv_in", channels[0], 3, 1, 1);
    b.tap("conv_in", x);
    let mut skips = vec![x];
    let x = down(&mut b, &context, x, &mut skips);
    let x = middle(&mut b, &context, x);
    let x = up(&mut b, &context, x, skips);
    let x = b.group_norm(x, "conv_norm_out", config.norm_num_groups, config.norm_eps);
    let x = b.activate(x, Activation::Silu);
    let x = b.conv(x, "conv_out", config.out_channels, 3, 1, 1);
    b.output("model_out", x);
    b.finish()
}

/// The vector that tells every resnet the time, already through the SiLU that each of them begins with.
fn time_embedding(b: &mut Builder, config: &UNetConfig, timestep: NodeId, batch: usize) -> NodeId {
    let dim = 4 * config.block_out_channels[0];
    let time = b.scoped("time_embedding", |b| {
        let mut t = timestep;
        if let Some(cond_dim) = config.time_cond_proj_dim {
            let cond = b.input("timestep_cond", &[batch, cond_dim]);
            let cond = b.linear(cond, "cond_proj", config.block_out_channels[0], false);
            t = b.add(t, cond);
        }
        let t = b.linear(t, "linear_1", dim, true);
        let t = b.activate(t, Activation::Silu);
        let t = b.linear(t, "linear_2", dim, true);
        b.tap("", t);
        t
    });
    let Some(added) = config.projection_class_embeddings_input_dim.filter(|_| config.addition_embed_type.is_some())
    else {
        return b.activate(time, Activation::Silu);
    };
    let added = b.input("added", &[batch, added]);
    let added = b.scoped("add_embedding", |b| {
        let t = b.linear(added, "linear_1", dim, true);
        let t = b.activate(t, Activation::Silu);
        let t = b.linear(t, "linear_2", dim, true);
        b.tap("", t);
        t
    });
    let sum = b.add(time, added);
    b.activate(sum, Activation::Silu)
}

fn down(b: &mut Builder, context: &Context, mut x: NodeId, skips: &mut Vec<NodeId>) -> NodeId {
    let config = context.config;
    let last = config.block_out_channels.len() - 1;
    for (i, (&channels, kind)) in config.block_out_channels.iter().zip(&config.down_block_types).enumerate() {
        x = b.scoped(&format!("down_blocks.{i}"), |b| {
            for j in 0..config.layers_per_block.at(i) {
                x = b.scoped(&format!("resnets.{j}"), |b| resnet(b, context, x, channels));
                if kind == "CrossAttnDownBlock2D" {
                    x = b.scoped(&format!("attentions.{j}"), |b| {
                        transformer(b, context, x, config.heads(i), config.transformer_layers_per_block.at(i, j))
                    });
                }
                skips.push(x);
            }
            if i < last {
                let p = config.downsample_padding;
                // Upstream pads only right and below where the config asks for no padding.
                let padding = if p == 0 { [0, 0, 1, 1] } else { [p; 4] };
                x = b.conv_with(x, "downsamplers.0.conv", channels, 3, 2, padding, true);
                skips.push(x);
            }
            b.tap("", x);
            x
        });
    }
    x
}

fn middle(b: &mut Builder, context: &Context, x: NodeId) -> NodeId {
    let config = context.config;
    let Some(kind) = config.mid_block_type.as_deref() else { return x };
    let last = config.block_out_channels.len() - 1;
    let channels = config.block_out_channels[last];
    b.scoped("mid_block", |b| {
        let x = b.scoped("resnets.0", |b| resnet(b, context, x, channels));
        if kind == "UNetMidBlock2D" {
            // Upstream builds this one with no further layer.
            b.tap("", x);
            return x;
        }
        let layers = config.transformer_layers_per_block.at(last, 0);
        let x = b.scoped("attentions.0", |b| transformer(b, context, x, config.heads(last), layers));
        let x = b.scoped("resnets.1", |b| resnet(b, context, x, channels));
        b.tap("", x);
        x
    })
}

fn up(b: &mut Builder, context: &Context, mut x: NodeId, mut skips: Vec<NodeId>) -> NodeId {
    let config = context.config;
    let last = config.block_out_channels.len() - 1;
    for (i, kind) in config.up_block_types.iter().enumerate() {
        let mirrored = last - i;
        let channels = config.block_out_channels[mirrored];
        x = b.scoped(&format!("up_blocks.{i}"), |b| {
            for j in 0..=config.layers_per_block.at(mirrored) {
                // One skip was kept for each of these when the way down was built.
                if let Some(skip) = skips.pop() {
                    x = b.concat(x, skip);
                }
                x = b.scoped(&format!("resnets.{j}"), |b| resnet(b, context, x, channels));
                if kind == "CrossAttnUpBlock2D" {
                    x = b.scoped(&format!("attentions.{j}"), |b| {
                        transformer(b, context, x, config.heads(mirrored), config.layers_up(i, j))
                    });
                }
            }
            if i < last {
                // To the next skip's size: twice the present one, or one less where the way down met an odd size.
                let size = skips.last().map(|skip| b.shape(*skip).to_vec());
                if let Some(&[_, height, width, _]) = size.as_deref() {
                    x = b.resize(x, height, width);
                }
                x = b.conv(x, "upsamplers.0.conv", channels, 3, 1, 1);
            }
            b.tap("", x);
            x
        });
    }
    x
}
