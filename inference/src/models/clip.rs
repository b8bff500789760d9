//! CLIP's text encoder (Radford et al. 2021, arXiv 2103.00020), upstream class `CLIPTextModel`: a causal transformer
//! over token ids whose last hidden state, normalised, conditions the UNet. SDXL reads the state before the last layer, and
//! from its second encoder also a projection of the whole text (`CLIPTextModelWithProjection`).

use super::config::{activation, parse, unsupported};
use crate::error::Result;
use crate::graph::{Builder, Graph, NodeId};
use serde::Deserialize;

/// `text_encoder/config.json`, upstream's names and defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct ClipTextConfig {
    /// Entries of the token table.
    pub vocab_size: usize,
    /// Channels.
    pub hidden_size: usize,
    /// Channels inside the feed-forward layer.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads.
    pub num_attention_heads: usize,
    /// Tokens of context, start and end marks counted.
    pub max_position_embeddings: usize,
    /// `quick_gelu` (OpenAI) or `gelu` (OpenCLIP).
    pub hidden_act: String,
    /// Added to variances.
    pub layer_norm_eps: f32,
    /// Channels of the projected text.
    pub projection_dim: usize,
    /// Where the whole text is read; 2 stands for the largest id, an upstream mistake kept for its checkpoints.
    pub eos_token_id: u32,
}

/// What a pipeline reads from a text encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextOutput {
    /// The last layer's state, normalised.
    Last,
    /// The state before the last layer.
    Penultimate,
    /// The state before the last layer, and the last one projected.
    PenultimateAndProjection,
}

impl Default for ClipTextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 49408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: "quick_gelu".into(),
            layer_norm_eps: 1e-5,
            projection_dim: 512,
            eos_token_id: 49407,
        }
    }
}

impl ClipTextConfig {
    /// Reads and checks `text_encoder/config.json`.
    pub fn from_json(path: &str, text: &str) -> Result<Self> {
        let config: Self = parse(path, text)?;
        activation(path, "hidden_act", &config.hidden_act)?;
        if config.num_attention_heads == 0 || !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            let reason = format!("{} channels cannot be divided so", config.hidden_size);
            return Err(unsupported(path, "num_attention_heads", config.num_attention_heads, &reason));
        }
        if config.num_hidden_layers == 0 {
            return Err(unsupported(path, "num_hidden_layers", 0, "at least one is needed"));
        }
        Ok(config)
    }

    /// Which token's state stands for the whole text.
    pub fn pooled_token(&self, ids: &[u32]) -> usize {
        let end = if self.eos_token_id == 2 { ids.iter().copied().max().unwrap_or(0) } else { self.eos_token_id };
        ids.iter().position(|id| *id == end).unwrap_or(0)
    }
}

/// `tokens` may be fewer than there are positions: a tokenizer may be told to make shorter texts.
pub(super) fn text_encoder(config: &ClipTextConfig, batch: usize, tokens: usize, output: TextOutput) -> Graph {
    let mut b = Builder::new();
    let ids = b.input_ids("ids", &[batch, tokens]);
    let table = ("embeddings.token_embedding", config.vocab_size);
    let positions = ("embeddings.position_embedding", config.max_position_embeddings);
    let mut x = b.embedding(ids, table, positions, config.hidden_size);
    b.tap("embeddings", x);
    let mut penultimate = x;
    let layers = config.num_hidden_layers - usize::from(output == TextOutput::Penultimate);
    for i in 0..layers {
        if i + 1 == config.num_hidden_layers {
            penultimate = x;
        }
        let name = format!("encoder.layers.{i}");
        x = b.scoped(&name, |b| layer(b, config, x));
        b.tap(&name, x);
    }
    match output {
        TextOutput::Last => {
            let x = b.layer_norm(x, "final_layer_norm", config.layer_norm_eps);
            b.output("prompt_embeds", x);
        }
        TextOutput::Penultimate => b.output("prompt_embeds", x),
        TextOutput::PenultimateAndProjection => {
            b.output("prompt_embeds", penultimate);
            let x = b.layer_norm(x, "final_layer_norm", config.layer_norm_eps);
            // Of every token, though only one is read: which one depends on the text, and this is one small product.
            let x = b.linear(x, "text_projection", config.projection_dim, false);
            b.output("text_embeds", x);
        }
    }
    b.finish()
}

fn layer(b: &mut Builder, config: &ClipTextConfig, x: NodeId) -> NodeId {
    let c = config.hidden_size;
    let h = b.layer_norm(x, "layer_norm1", config.layer_norm_eps);
    let h = b.scoped("self_attn", |b| {
        let q = b.linear(h, "q_proj", c, true);
        let k = b.linear(h, "k_proj", c, true);
        let v = b.linear(h, "v_proj", c, true);
        let h = b.attention(q, k, v, config.num_attention_heads, true);
        b.linear(h, "out_proj", c, true)
    });
    let x = b.add(x, h);
    let h = b.layer_norm(x, "layer_norm2", config.layer_norm_eps);
    let h = b.linear(h, "mlp.fc1", config.intermediate_size, true);
    // The config was checked when it was read; an unknown name cannot reach this place.
    let act = activation("", "hidden_act", &config.hidden_act).unwrap_or(crate::graph::Activation::QuickGelu);
    let h = b.activate(h, act);
    let h = b.linear(h, "mlp.fc2", c, true);
    b.add(x, h)
}
