//! Upstream's `AutoencoderTiny` (TAESD, github.com/madebyollin/taesd): stacks of small residual blocks without norms, cheap
//! enough for previews.

use super::config::{activation, parse, require, unsupported};
use crate::error::Result;
use crate::graph::{Activation, Builder, Graph, NodeId};
use serde::Deserialize;

/// `vae/config.json` of an `AutoencoderTiny`, upstream's names and defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct AutoencoderTinyConfig {
    /// Channels of the picture.
    pub out_channels: usize,
    /// Channels of the encoder's stages; all the same.
    pub encoder_block_out_channels: Vec<usize>,
    /// Residual blocks of each of the encoder's stages, largest picture first.
    pub num_encoder_blocks: Vec<usize>,
    /// Channels of each stage, smallest picture first.
    pub decoder_block_out_channels: Vec<usize>,
    /// Residual blocks of each stage.
    pub num_decoder_blocks: Vec<usize>,
    /// Channels of a latent.
    pub latent_channels: usize,
    /// Must be 2.
    pub upsampling_scaling_factor: usize,
    /// Must be `nearest`.
    pub upsample_fn: String,
    /// `relu` in every released model.
    pub act_fn: String,
    /// Latents are multiplied by this after encoding.
    pub scaling_factor: f64,
}

impl Default for AutoencoderTinyConfig {
    fn default() -> Self {
        Self {
            out_channels: 3,
            encoder_block_out_channels: vec![64; 4],
            num_encoder_blocks: vec![1, 3, 3, 3],
            decoder_block_out_channels: vec![64; 4],
            num_decoder_blocks: vec![3, 3, 3, 1],
            latent_channels: 4,
            upsampling_scaling_factor: 2,
            upsample_fn: "nearest".into(),
            act_fn: "relu".into(),
            scaling_factor: 1.0,
        }
    }
}

impl AutoencoderTinyConfig {
    /// Reads and checks `vae/config.json`.
    pub fn from_json(path: &str, text: &str) -> Result<Self> {
        let config: Self = parse(path, text)?;
        activation(path, "act_fn", &config.act_fn)?;
        require(path, "out_channels", &config.out_channels, &[3])?;
        require(path, "upsample_fn", &config.upsample_fn.as_str(), &["nearest"])?;
        require(path, "upsampling_scaling_factor", &config.upsampling_scaling_factor, &[2])?;
        let stages = config.decoder_block_out_channels.len();
        if stages == 0 || config.num_decoder_blocks.len() != stages {
            return Err(unsupported(path, "num_decoder_blocks", stages, "one number for each stage is needed"));
        }
        let stages = config.encoder_block_out_channels.len();
        if stages == 0 || config.num_encoder_blocks.len() != stages {
            return Err(unsupported(path, "num_encoder_blocks", stages, "one number for each stage is needed"));
        }
        Ok(config)
    }

    fn act(&self) -> Activation {
        activation("", "act_fn", &self.act_fn).unwrap_or(Activation::Relu)
    }
}

pub(super) fn decoder(config: &AutoencoderTinyConfig, batch: usize, height: usize, width: usize) -> Graph {
    let mut b = Builder::new();
    let latents = b.input("latents", &[batch, height, width, config.latent_channels]);
    // A soft clamp to ±3 keeps stray latents from burning out the picture.
    let x = b.affine(latents, 1.0 / 3.0, 0.0);
    let x = b.activate(x, Activation::Tanh);
    let mut x = b.affine(x, 3.0, 0.0);
    let channels = &config.decoder_block_out_channels;
    // Layers are numbered as upstream's `nn.Sequential` numbers them, activations and resizes counted.
    let mut number = 0;
    let mut next = || {
        number += 1;
        format!("decoder.layers.{}", number - 1)
    };
    x = b.conv(x, &next(), channels[0], 3, 1, 1);
    x = b.activate(x, config.act());
    b.tap(&next(), x);
    let last = channels.len() - 1;
    for (i, &stage) in channels.iter().enumerate() {
        for _ in 0..config.num_decoder_blocks[i] {
            let name = next();
            x = b.scoped(&name, |b| block(b, config, x, stage));
            b.tap(&name, x);
        }
        if i < last {
            next();
            let (h, w) = (b.shape(x)[1], b.shape(x)[2]);
            x = b.resize(x, 2 * h, 2 * w);
        }
        let name = next();
        let out = if i < last { stage } else { config.out_channels };
        x = b.conv_with(x, &name, out, 3, 1, [1; 4], i == last);
        b.tap(&name, x);
    }
    let x = b.affine(x, 2.0, -1.0);
    b.output("image", x);
    b.finish()
}

/// The encoder: pixels to latents, without a distribution.
pub(super) fn encoder(config: &AutoencoderTinyConfig, batch: usize, height: usize, width: usize) -> Graph {
    let mut b = Builder::new();
    let image = b.input("image", &[batch, height, width, config.out_channels]);
    // Upstream's convention is pixels in 0..1.
    let mut x = b.affine(image, 0.5, 0.5);
    let mut number = 0;
    let mut next = || {
        number += 1;
        format!("encoder.layers.{}", number - 1)
    };
    let stages = config.encoder_block_out_channels.iter().zip(&config.num_encoder_blocks);
    for (i, (&channels, &blocks)) in stages.enumerate() {
        let name = next();
        let stride = if i == 0 { 1 } else { 2 };
        x = b.conv_with(x, &name, channels, 3, stride, [1; 4], i == 0);
        b.tap(&name, x);
        for _ in 0..blocks {
            let name = next();
            x = b.scoped(&name, |b| block(b, config, x, channels));
            b.tap(&name, x);
        }
    }
    let x = b.conv(x, &next(), config.latent_channels, 3, 1, 1);
    b.output("latents", x);
    b.finish()
}

/// Upstream's `AutoencoderTinyBlock`.
fn block(b: &mut Builder, config: &AutoencoderTinyConfig, x: NodeId, channels: usize) -> NodeId {
    let h = b.conv(x, "conv.0", channels, 3, 1, 1);
    let h = b.activate(h, config.act());
    let h = b.conv(h, "conv.2", channels, 3, 1, 1);
    let h = b.activate(h, config.act());
    let h = b.conv(h, "conv.4", channels, 3, 1, 1);
    let skip = if b.channels(x) == channels { x } else { b.conv_with(x, "skip", channels, 1, 1, [0; 4], false) };
    let y = b.add(h, skip);
    b.activate(y, Activation::Relu)
}
