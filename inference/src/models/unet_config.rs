//! `unet/config.json`, upstream class `UNet2DConditionModel`.

use super::config::{PerAttention, PerBlock, parse, require, require_groups, unsupported};
use crate::error::Result;
use serde::Deserialize;
use serde_json::Value;

/// `unet/config.json`, upstream's names and defaults. Keys that are only checked (they must keep their default) are
/// not kept; see [`UNetConfig::from_json`].
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct UNetConfig {
    /// Latents' width and height for which the model was trained.
    pub sample_size: Option<usize>,
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Kinds of blocks on the way down.
    pub down_block_types: Vec<String>,
    /// Kind of the middle block; none in some distilled models.
    pub mid_block_type: Option<String>,
    /// Kinds of blocks on the way up.
    pub up_block_types: Vec<String>,
    /// Channels of each block.
    pub block_out_channels: Vec<usize>,
    /// Resnets in a block going down; one more going up.
    pub layers_per_block: PerBlock,
    /// Padding of the convolution that halves the size.
    pub downsample_padding: usize,
    /// Groups of every group norm.
    pub norm_num_groups: usize,
    /// Added to variances in resnets.
    pub norm_eps: f32,
    /// Channels of the text embedding; a list must hold the same number for every block.
    pub cross_attention_dim: PerBlock,
    /// Transformer layers of each attention going down; the middle takes the last.
    pub transformer_layers_per_block: PerAttention,
    /// Transformer layers of each attention going up; the way down mirrored where it is absent.
    pub reverse_transformer_layers_per_block: Option<PerAttention>,
    /// Despite its name the number of heads, an upstream mistake kept for its checkpoints.
    pub attention_head_dim: PerBlock,
    /// The number of heads where a config gives it by its right name.
    pub num_attention_heads: Option<PerBlock>,
    /// Whether attention blocks project by linear layers rather than 1×1 convolutions.
    pub use_linear_projection: bool,
    /// Order of the timestep's sines and cosines.
    pub flip_sin_to_cos: bool,
    /// Of the timestep's frequencies.
    pub freq_shift: f64,
    /// Channels of the guidance embedding of distilled models.
    pub time_cond_proj_dim: Option<usize>,
    /// `text_time` where the time embedding also carries the pooled prompt and the picture's size (SDXL).
    pub addition_embed_type: Option<String>,
    /// Channels of the embedding of each of the size's six numbers.
    pub addition_time_embed_dim: Option<usize>,
    /// Channels of the pooled prompt and the six embeddings together.
    pub projection_class_embeddings_input_dim: Option<usize>,
}

impl Default for UNetConfig {
    fn default() -> Self {
        let names = |list: [&str; 4]| list.map(String::from).to_vec();
        Self {
            sample_size: None,
            in_channels: 4,
            out_channels: 4,
            down_block_types: names([
                "CrossAttnDownBlock2D",
                "CrossAttnDownBlock2D",
                "CrossAttnDownBlock2D",
                "DownBlock2D",
            ]),
            mid_block_type: Some("UNetMidBlock2DCrossAttn".into()),
            up_block_types: names(["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]),
            block_out_channels: vec![320, 640, 1280, 1280],
            layers_per_block: PerBlock::One(2),
            downsample_padding: 1,
            norm_num_groups: 32,
            norm_eps: 1e-5,
            cross_attention_dim: PerBlock::One(1280),
            transformer_layers_per_block: PerAttention::One(1),
            reverse_transformer_layers_per_block: None,
            attention_head_dim: PerBlock::One(8),
            num_attention_heads: None,
            use_linear_projection: false,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            time_cond_proj_dim: None,
            addition_embed_type: None,
            addition_time_embed_dim: None,
            projection_class_embeddings_input_dim: None,
        }
    }
}

/// Keys that change the network in ways that are not implemented, with the values that leave it as it is.
const MUST_KEEP: &[(&str, &[&str])] = &[
    ("act_fn", &["\"silu\"", "\"swish\""]),
    ("addition_embed_type", &["null", "\"text_time\""]),
    ("attention_type", &["\"default\""]),
    ("center_input_sample", &["false"]),
    ("class_embed_type", &["null"]),
    ("conv_in_kernel", &["3"]),
    ("conv_out_kernel", &["3"]),
    ("cross_attention_norm", &["null"]),
    ("dual_cross_attention", &["false"]),
    ("encoder_hid_dim_type", &["null"]),
    ("mid_block_only_cross_attention", &["null", "false"]),
    ("mid_block_scale_factor", &["1", "1.0"]),
    ("num_class_embeds", &["null"]),
    ("only_cross_attention", &["false"]),
    ("resnet_out_scale_factor", &["1", "1.0"]),
    ("resnet_skip_time_act", &["false"]),
    ("resnet_time_scale_shift", &["\"default\""]),
    ("time_embedding_act_fn", &["null"]),
    ("time_embedding_dim", &["null"]),
    ("time_embedding_type", &["\"positional\""]),
    ("timestep_post_act", &["null"]),
];

impl UNetConfig {
    /// Reads and checks `unet/config.json`. Unknown keys are ignored; a key that would change the network in a way
    /// that is not implemented is refused by its name.
    pub fn from_json(path: &str, text: &str) -> Result<Self> {
        let values: Value = parse(path, text)?;
        for (key, allowed) in MUST_KEEP {
            let value = values.get(key).map_or_else(|| allowed[0].to_owned(), Value::to_string);
            if !allowed.contains(&value.as_str()) {
                return Err(unsupported(path, key, value, &format!("only {} is", allowed[0])));
            }
        }
        let config: Self = parse(path, text)?;
        let blocks = config.block_out_channels.len();
        if blocks == 0 || config.down_block_types.len() != blocks || config.up_block_types.len() != blocks {
            return Err(unsupported(path, "block_out_channels", blocks, "as many block types down and up are needed"));
        }
        for kind in &config.down_block_types {
            require(path, "down_block_types", &kind.as_str(), &["CrossAttnDownBlock2D", "DownBlock2D"])?;
        }
        for kind in &config.up_block_types {
            require(path, "up_block_types", &kind.as_str(), &["CrossAttnUpBlock2D", "UpBlock2D"])?;
        }
        let middles = [Some("UNetMidBlock2DCrossAttn"), Some("UNetMidBlock2D"), None];
        require(path, "mid_block_type", &config.mid_block_type.as_deref(), &middles)?;
        require_groups(path, &config.block_out_channels, config.norm_num_groups)?;
        for (key, list) in [
            ("layers_per_block", &config.layers_per_block),
            ("cross_attention_dim", &config.cross_attention_dim),
            ("attention_head_dim", &config.attention_head_dim),
        ] {
            if !list.fits(blocks) {
                return Err(unsupported(
                    path,
                    key,
                    format!("{list:?}"),
                    &format!("{blocks} numbers above 0 are needed"),
                ));
            }
        }
        let down = &config.transformer_layers_per_block;
        let up = config.reverse_transformer_layers_per_block.as_ref();
        for (key, layers) in
            [("transformer_layers_per_block", Some(down)), ("reverse_transformer_layers_per_block", up)]
        {
            if layers.is_some_and(|layers| !layers.fits(blocks)) {
                return Err(unsupported(path, key, format!("{layers:?}"), &format!("{blocks} entries are needed")));
            }
        }
        if down.is_nested() && up.is_none() {
            let reason = "with lists in it, reverse_transformer_layers_per_block must say what the way up has";
            return Err(unsupported(path, "transformer_layers_per_block", format!("{down:?}"), reason));
        }
        if (0..blocks).any(|i| config.cross_attention_dim.at(i) != config.cross_attention_dim.at(0)) {
            let value = format!("{:?}", config.cross_attention_dim);
            return Err(unsupported(path, "cross_attention_dim", value, "all blocks read the same text"));
        }
        config.check_addition(path)?;
        for (i, channels) in config.block_out_channels.iter().enumerate() {
            if !channels.is_multiple_of(config.heads(i)) {
                let reason = format!("{channels} channels cannot be divided so");
                return Err(unsupported(path, "attention_head_dim", config.heads(i), &reason));
            }
        }
        Ok(config)
    }

    fn check_addition(&self, path: &str) -> Result<()> {
        if self.addition_embed_type.is_none() {
            return Ok(());
        }
        let needed = [
            ("addition_time_embed_dim", self.addition_time_embed_dim),
            ("projection_class_embeddings_input_dim", self.projection_class_embeddings_input_dim),
        ];
        match needed.into_iter().find(|(_, value)| value.is_none()) {
            Some((key, _)) => Err(unsupported(path, key, "null", "addition_embed_type text_time needs a number")),
            None => Ok(()),
        }
    }

    /// Transformer layers of attention `j` in block `i` of the way up.
    pub fn layers_up(&self, i: usize, j: usize) -> usize {
        match &self.reverse_transformer_layers_per_block {
            Some(layers) => layers.at(i, j),
            None => self.transformer_layers_per_block.at(self.block_out_channels.len() - 1 - i, 0),
        }
    }

    /// Heads of block `i`'s attention.
    pub fn heads(&self, i: usize) -> usize {
        self.num_attention_heads.as_ref().unwrap_or(&self.attention_head_dim).at(i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_upstreams() {
        let config = UNetConfig::from_json("unet/config.json", "{}").unwrap();
        assert_eq!((config.block_out_channels.len(), config.heads(3)), (4, 8));
    }

    #[test]
    fn what_cannot_run_is_refused_by_its_key() {
        let refuse = |json: &str| UNetConfig::from_json("unet/config.json", json).unwrap_err().to_string();
        let message =
            refuse(r#"{"down_block_types": ["AttnDownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D"]}"#);
        assert!(message.contains("down_block_types") && message.contains("AttnDownBlock2D"), "{message}");
        assert!(refuse(r#"{"addition_embed_type": "image"}"#).contains("addition_embed_type"));
        assert!(refuse(r#"{"addition_embed_type": "text_time"}"#).contains("addition_time_embed_dim"));
        assert!(refuse(r#"{"transformer_layers_per_block": [1, [2, 2], 1, 1]}"#).contains("reverse_transformer"));
        assert!(refuse(r#"{"cross_attention_dim": [8, 8, 16, 16]}"#).contains("cross_attention_dim"));
        assert!(refuse(r#"{"norm_num_groups": 7}"#).contains("norm_num_groups"));
        assert!(refuse(r#"{"attention_head_dim": [8]}"#).contains("attention_head_dim"));
        assert!(refuse("{").contains("unet/config.json is broken"));
    }

    #[test]
    fn unknown_keys_are_ignored() {
        assert!(UNetConfig::from_json("unet/config.json", r#"{"a_key_of_tomorrow": [1, 2]}"#).is_ok());
    }
}
