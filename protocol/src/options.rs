//! What a run may ask for beyond prompt, steps, sampler, guidance, seed and size. All of it is off by default: the
//! default is what `diffusers` does.

use crate::FieldError;
use serde::{Deserialize, Serialize};

/// Whose random numbers a seed means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RngKind {
    /// `torch.Generator("cpu")`: what `diffusers` examples and ComfyUI use.
    #[default]
    Cpu,
    /// `torch.Generator("cuda")`, Philox: what AUTOMATIC1111 uses unless told otherwise.
    Philox,
}

/// Which training timesteps a run visits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timesteps {
    /// As the sampler spaces the number of steps.
    #[default]
    Spaced,
    /// The ten of "Align Your Steps" (Sabour et al. 2024, arXiv 2404.14507), as `diffusers.schedulers.AysSchedules` has
    /// them for the model's family. The number of steps must be 10.
    Ays,
}

/// A run that starts from a picture. The picture's RGBA pixels travel beside the message, at the request's width and
/// height; where there is a mask, one byte a pixel follows them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InitImage {
    /// 0..=1: how much is done anew. `int(num_inference_steps · strength)` steps are executed, the noisiest left out.
    pub strength: f64,
    /// Whether only the masked part (128 and above) is painted anew: `StableDiffusionInpaintPipeline`.
    pub mask: bool,
}

/// Parses the strength of image to image.
///
/// # Errors
/// When it is no number from 0 to 1.
pub fn parse_strength(text: &str) -> Result<f64, FieldError> {
    unit("strength", "Strength", text)
}

/// Parses eta, the share of DDPM's noise that DDIM and TCD add.
///
/// # Errors
/// When it is no number from 0 to 1.
pub fn parse_eta(text: &str) -> Result<f64, FieldError> {
    unit("eta", "Eta", text)
}

/// Parses the share of the steps that are guided.
///
/// # Errors
/// When it is no number from 0 to 1.
pub fn parse_guidance_stop(text: &str) -> Result<f64, FieldError> {
    unit("guidance-stop", "CFG end", text)
}

fn unit(field: &str, label: &str, text: &str) -> Result<f64, FieldError> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err(FieldError::new(field, format!("{label} must be a number from 0 to 1, not '{text}'."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_and_eta_name_their_range() {
        assert_eq!(parse_strength(" 0.75 "), Ok(0.75));
        for bad in ["-0.1", "1.1", "NaN", "", "x"] {
            let error = parse_eta(bad).unwrap_err();
            assert!(error.field == "eta" && error.message.contains("from 0 to 1"), "{error}");
        }
    }
}
