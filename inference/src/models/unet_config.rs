//! `unet/config.json`, upstream class `UNet2DConditionModel`.

use super::config::{PerBlock, parse, require, require_groups, unsupported};
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
    /// Channels of the text embedding.
    pub cross_attention_dim: usize,
    /// Transformer layers of each attention.
    pub transformer_layers_per_block: PerBlock,
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
            cross_attention_dim: 1280,
            transformer_layers_per_block: PerBlock::One(1),
            attention_head_dim: PerBlock::One(8),
            num_attention_heads: None,
            use_linear_projection: false,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            time_cond_proj_dim: None,
        }
    }
}

/// Keys that change the network in ways that are not implemented, with the values that leave it as it is.
const MUST_KEEP: &[(&str, &[&str])] = &[
    ("act_fn", &["\"silu\"", "\"swish\""]),
    ("addition_embed_type", &["null"]),
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
    ("reverse_transformer_layers_per_block", &["null"]),
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
        require(path, "mid_block_type", &config.mid_block_type.as_deref(), &[Some("UNetMidBlock2DCrossAttn"), None])?;
        require_groups(path, &config.block_out_channels, config.norm_num_groups)?;
        for (key, list) in [
            ("layers_per_block", &config.layers_per_block),
            ("transformer_layers_per_block", &config.transformer_layers_per_block),
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
        for (i, channels) in config.block_out_channels.iter().enumerate() {
            if !channels.is_multiple_of(config.heads(i)) {
                let reason = format!("{channels} channels cannot be divided so");
                return Err(unsupported(path, "attention_head_dim", config.heads(i), &reason));
            }
        }
        Ok(config)
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
        assert!(refuse(r#"{"addition_embed_type": "text_time"}"#).contains("addition_embed_type"));
        assert!(refuse(r#"{"norm_num_groups": 7}"#).contains("norm_num_groups"));
        assert!(refuse(r#"{"attention_head_dim": [8]}"#).contains("attention_head_dim"));
        assert!(refuse("{").contains("unet/config.json is broken"));
    }

    #[test]
    fn unknown_keys_are_ignored() {
        assert!(UNetConfig::from_json("unet/config.json", r#"{"a_key_of_tomorrow": [1, 2]}"#).is_ok());
    }
}
