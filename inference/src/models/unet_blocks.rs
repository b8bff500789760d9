//! What the UNet's blocks are made of: upstream's `ResnetBlock2D` and `Transformer2DModel`.

use super::unet_config::UNetConfig;
use crate::graph::{Activation, Builder, NodeId};

/// What every block reads.
pub struct Context<'a> {
    /// The model.
    pub config: &'a UNetConfig,
    /// Time embedding after its SiLU, `[B, D]`.
    pub emb: NodeId,
    /// Text embedding, `[B, T, D]`.
    pub embeds: NodeId,
}

/// Two convolutions with the time added between, around a shortcut.
pub fn resnet(b: &mut Builder, context: &Context, x: NodeId, channels: usize) -> NodeId {
    let UNetConfig { norm_num_groups: groups, norm_eps: eps, .. } = *context.config;
    let h = b.group_norm(x, "norm1", groups, eps);
    let h = b.activate(h, Activation::Silu);
    let h = b.conv(h, "conv1", channels, 3, 1, 1);
    let time = b.linear(context.emb, "time_emb_proj", channels, true);
    let h = b.add_channels(h, time);
    let h = b.group_norm(h, "norm2", groups, eps);
    let h = b.activate(h, Activation::Silu);
    let h = b.conv(h, "conv2", channels, 3, 1, 1);
    let shortcut = if b.channels(x) == channels { x } else { b.conv(x, "conv_shortcut", channels, 1, 1, 0) };
    let y = b.add(h, shortcut);
    b.tap("", y);
    y
}

/// Attention over pixels and to the text, around a shortcut, with so many heads and layers.
pub fn transformer(b: &mut Builder, context: &Context, x: NodeId, heads: usize, layers: usize) -> NodeId {
    let config = context.config;
    let shape = b.shape(x).to_vec();
    let channels = b.channels(x);
    let tokens = [shape[0], shape[1] * shape[2], channels];
    // Upstream's Transformer2DModel keeps its own eps, whatever the UNet's is.
    let h = b.group_norm(x, "norm", config.norm_num_groups, 1e-6);
    let mut h = if config.use_linear_projection {
        let h = b.reshape(h, &tokens);
        b.linear(h, "proj_in", channels, true)
    } else {
        let h = b.conv(h, "proj_in", channels, 1, 1, 0);
        b.reshape(h, &tokens)
    };
    for i in 0..layers {
        h = b.scoped(&format!("transformer_blocks.{i}"), |b| layer(b, context, h, heads));
    }
    let h = if config.use_linear_projection {
        let h = b.linear(h, "proj_out", channels, true);
        b.reshape(h, &shape)
    } else {
        let h = b.reshape(h, &shape);
        b.conv(h, "proj_out", channels, 1, 1, 0)
    };
    let y = b.add(h, x);
    b.tap("", y);
    y
}

/// Upstream's `BasicTransformerBlock`.
fn layer(b: &mut Builder, context: &Context, x: NodeId, heads: usize) -> NodeId {
    let channels = b.channels(x);
    let h = b.layer_norm(x, "norm1", 1e-5);
    let h = b.scoped("attn1", |b| attention(b, h, h, heads));
    let x = b.add(h, x);
    let h = b.layer_norm(x, "norm2", 1e-5);
    let h = b.scoped("attn2", |b| attention(b, h, context.embeds, heads));
    let x = b.add(h, x);
    let h = b.layer_norm(x, "norm3", 1e-5);
    let h = b.linear(h, "ff.net.0.proj", 8 * channels, true);
    let h = b.geglu(h);
    let h = b.linear(h, "ff.net.2", channels, true);
    b.add(h, x)
}

fn attention(b: &mut Builder, x: NodeId, from: NodeId, heads: usize) -> NodeId {
    let channels = b.channels(x);
    let q = b.linear(x, "to_q", channels, false);
    let k = b.linear(from, "to_k", channels, false);
    let v = b.linear(from, "to_v", channels, false);
    let h = b.attention(q, k, v, heads, false);
    b.linear(h, "to_out.0", channels, true)
}
