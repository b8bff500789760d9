//! What a model says of itself: `stepscope.json` as it lies beside the weights, and the summary that the page shows.

use crate::SchedulerKind;
use serde::{Deserialize, Serialize};

/// `stepscope.json`, the optional companion of a diffusers-layout folder. Every field has a default, so that a folder
/// without the file works too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepscopeJson {
    /// What a list of models shows.
    pub display_name: Option<String>,
    /// Licence of the weights, with attribution.
    pub license: Option<String>,
    /// Fewest and most steps for which the model was made.
    pub trained_steps: Option<[u32; 2]>,
    /// What a form starts with.
    pub defaults: Defaults,
    /// Sizes that make sense.
    pub size: Option<SizeRule>,
    /// How latents become a rough picture without the VAE.
    pub preview: Option<PreviewFactors>,
    /// Prompts that show what the model can do.
    pub example_prompts: Vec<String>,
    /// Files with size and checksum, for progress and verification.
    pub files: Vec<FileEntry>,
}

/// What a form starts with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Defaults {
    /// Sampling steps.
    pub steps: Option<u32>,
    /// Sampler.
    pub scheduler: Option<SchedulerKind>,
    /// Guidance scale.
    pub guidance: Option<f64>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
}

/// Which widths and heights a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeRule {
    /// Smallest, in pixels.
    pub min: u32,
    /// Largest, in pixels.
    pub max: u32,
    /// Every size is a multiple of this: the VAE's scale factor times what the UNet needs.
    pub multiple: u32,
}

impl SizeRule {
    /// Whether `size` pixels may be asked for.
    pub fn allows(self, size: u32) -> bool {
        (self.min..=self.max).contains(&size) && size.is_multiple_of(self.multiple)
    }
}

/// A linear map from latents to colour, fitted by least squares: each latent pixel's neighbourhood gives a patch of
/// `scale` × `scale` pixels of RGB in -1..1. `kernel` 1 and `scale` 1 is the classic "latent RGB factors" preview.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreviewFactors {
    /// Width of the square neighbourhood of latents that a patch sees; odd. Outside the image the edge goes on.
    pub kernel: u32,
    /// Width of the patch, in pixels.
    pub scale: u32,
    /// `[kernel * kernel * latent_channels][scale * scale * 3]`, rows in order (ky, kx, channel), columns in order
    /// (py, px, rgb), for latents as the sampler has them (scaled).
    pub factors: Vec<Vec<f32>>,
    /// `[scale * scale * 3]`.
    pub bias: Vec<f32>,
}

/// One file of a model folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Relative to the model folder, with forward slashes.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

/// Name of the browser's cache that holds model files.
pub const MODEL_CACHE: &str = "stepscope-models-2";

/// Under which address a file is kept: by its content, so that a new version never meets an old copy, and what two models
/// share is downloaded once.
pub fn model_cache_key(models_url: &str, file: &FileEntry) -> String {
    format!("{models_url}sha256/{}", file.sha256)
}

/// A loaded model, as the page needs to know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Identifier in the catalogue: the folder's name.
    pub id: String,
    /// Changes when any of its files does: what was measured with another revision says nothing of this one.
    pub revision: String,
    /// What a list of models shows.
    pub display_name: String,
    /// Licence of the weights, with attribution.
    pub license: Option<String>,
    /// Trainable numbers, all components together.
    pub parameters: u64,
    /// Bytes of weights on disk.
    pub bytes: u64,
    /// What the form starts with; all filled.
    pub defaults: ResolvedDefaults,
    /// Sizes that can be asked for.
    pub size: SizeRule,
    /// Fewest and most steps for which the model was made.
    pub trained_steps: Option<[u32; 2]>,
    /// Prompts that show what the model can do.
    pub example_prompts: Vec<String>,
    /// Tokens that a prompt may have, start and end marks not counted.
    pub max_prompt_tokens: u32,
    /// Downscale from pixels to latents.
    pub vae_scale_factor: u32,
    /// Whether the autoencoder came with its encoder, so that a run may start from a picture.
    pub has_encoder: bool,
    /// Whether the UNet was made for inpainting (9 channels) and always needs a picture and a mask.
    pub needs_mask: bool,
}

/// [`Defaults`] with nothing left open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolvedDefaults {
    /// Sampling steps.
    pub steps: u32,
    /// Sampler.
    pub scheduler: SchedulerKind,
    /// Guidance scale.
    pub guidance: f64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}
