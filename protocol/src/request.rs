//! One generation as the user asked for it: parsed, bounded, defaulted. The page's form, the link's fragment and the
//! command line all parse through here, so a bad value gets the same message everywhere.

use crate::{InitImage, RngKind, SchedulerKind, Timesteps};
use serde::{Deserialize, Serialize};

/// Fewest sampling steps.
pub const STEPS_MIN: u32 = 1;
/// Most sampling steps.
pub const STEPS_MAX: u32 = 150;
/// Lowest guidance scale; 1 and below run the model once per evaluation, without the negative prompt.
pub const GUIDANCE_MIN: f64 = 0.0;
/// Highest guidance scale.
pub const GUIDANCE_MAX: f64 = 30.0;

/// Everything that decides a picture, besides the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerateRequest {
    /// Identifier of the model in the page's catalogue (`emoji`); the command line leaves it empty.
    pub model: String,
    /// May be empty: an unconditional picture.
    pub prompt: String,
    /// `None` is `negative_prompt=None`; `Some("")` is the empty string. They differ for SDXL.
    pub negative_prompt: Option<String>,
    /// 1..=150.
    pub num_inference_steps: u32,
    /// The sampler.
    pub scheduler: SchedulerKind,
    /// Classifier-free guidance is on above 1.
    pub guidance_scale: f64,
    /// Share of the steps, from the first on, that are guided, 0..=1: `stop` of diffusers' guiders. Steps after it run the
    /// model once.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub guidance_stop: f64,
    /// As `torch.Generator("cpu").manual_seed(seed)`. Travels as text: JavaScript numbers lose digits beyond 2^53.
    #[serde(with = "seed_as_text")]
    pub seed: u64,
    /// Pixels, a multiple of the VAE's scale factor.
    pub width: u32,
    /// Pixels, a multiple of the VAE's scale factor.
    pub height: u32,
    /// Noise of DDIM and TCD, 0..=1; `None` is what upstream's pipelines pass, 0.
    pub eta: Option<f64>,
    /// Whose random numbers the seed means.
    pub rng: RngKind,
    /// Which timesteps the steps visit.
    pub timesteps: Timesteps,
    /// Whether `(word:1.3)`, `[word]` and `BREAK` mean what AUTOMATIC1111 means by them, and long prompts go on in
    /// further chunks. Off, they are plain text and a prompt ends at the encoder's limit, as in `diffusers`.
    pub prompt_weights: bool,
    /// A picture to start from, and whether only a part of it is to be painted anew.
    pub init: Option<InitImage>,
}

impl GenerateRequest {
    /// How many of `steps` outer steps are guided: as diffusers' `BaseGuidance` counts them, `int(stop * steps)`.
    pub fn guided_steps(&self, steps: u32) -> u32 {
        if self.guidance_scale > 1.0 { (self.guidance_stop * f64::from(steps)) as u32 } else { 0 }
    }
}

fn whole() -> f64 {
    1.0
}

fn is_whole(share: &f64) -> bool {
    *share >= 1.0
}

/// A value that cannot be used: which field, what is wrong with it and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct FieldError {
    /// The key that links use: `steps`, `seed`, …
    pub field: String,
    /// One sentence that names the value and the remedy.
    pub message: String,
}

impl FieldError {
    /// An error of `field`.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

/// Parses a step count.
pub fn parse_steps(text: &str) -> Result<u32, FieldError> {
    let text = text.trim();
    match text.parse::<u32>() {
        Ok(steps) if (STEPS_MIN..=STEPS_MAX).contains(&steps) => Ok(steps),
        _ => Err(FieldError::new(
            "steps",
            format!("Steps must be a whole number from {STEPS_MIN} to {STEPS_MAX}, not '{text}'."),
        )),
    }
}

/// Parses a guidance scale.
pub fn parse_guidance(text: &str) -> Result<f64, FieldError> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(guidance) if (GUIDANCE_MIN..=GUIDANCE_MAX).contains(&guidance) => Ok(guidance),
        _ => Err(FieldError::new(
            "guidance",
            format!("Guidance must be a number from {GUIDANCE_MIN} to {GUIDANCE_MAX}, not '{text}'."),
        )),
    }
}

/// Parses a seed: every unsigned 64-bit number, of which torch's CPU generator uses the low 32 bits.
pub fn parse_seed(text: &str) -> Result<u64, FieldError> {
    let text = text.trim();
    text.parse::<u64>().map_err(|_| {
        FieldError::new("seed", format!("Seed must be a whole number from 0 to {}, not '{text}'.", u64::MAX))
    })
}

/// Parses a width or height against the model's rule.
pub fn parse_size(field: &str, text: &str, rule: crate::SizeRule) -> Result<u32, FieldError> {
    let text = text.trim();
    match text.parse::<u32>() {
        Ok(size) if rule.allows(size) => Ok(size),
        _ => Err(FieldError::new(
            field,
            format!(
                "{}{} must be a multiple of {} from {} to {}, not '{text}'.",
                field[..1].to_uppercase(),
                &field[1..],
                rule.multiple,
                rule.min,
                rule.max
            ),
        )),
    }
}

mod seed_as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(seed: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&seed.to_string())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_outside_the_range_name_the_range() {
        assert_eq!(parse_steps(" 20 "), Ok(20));
        for bad in ["0", "151", "abc", "", "-3", "2.5", "99999999999"] {
            let error = parse_steps(bad).unwrap_err();
            assert_eq!(error.field, "steps");
            assert!(error.message.contains("1 to 150") && error.message.contains(bad), "{error}");
        }
    }

    #[test]
    fn guidance_refuses_what_is_not_a_number() {
        assert_eq!(parse_guidance("7.5"), Ok(7.5));
        for bad in ["NaN", "inf", "-1", "31", "x"] {
            assert!(parse_guidance(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn seeds_keep_all_64_bits_across_the_wall() {
        let request = GenerateRequest {
            model: "m".into(),
            prompt: String::new(),
            negative_prompt: None,
            num_inference_steps: 1,
            scheduler: SchedulerKind::Ddim,
            guidance_scale: 1.0,
            guidance_stop: 1.0,
            seed: u64::MAX,
            width: 64,
            height: 64,
            eta: None,
            rng: RngKind::Cpu,
            timesteps: Timesteps::Spaced,
            prompt_weights: false,
            init: None,
        };
        let json = serde_json::to_string(&request).unwrap();
        assert!(json.contains("\"18446744073709551615\""), "{json}");
        assert_eq!(serde_json::from_str::<GenerateRequest>(&json).unwrap(), request);
        assert!(parse_seed("18446744073709551616").is_err());
    }

    #[test]
    fn guidance_stops_after_whole_steps_and_old_requests_are_guided_throughout() {
        let json = r#"{"model":"m","prompt":"","negative_prompt":null,"num_inference_steps":10,"scheduler":"euler",
            "guidance_scale":4.0,"seed":"1","width":64,"height":64,"eta":null,"rng":"cpu","timesteps":"spaced",
            "prompt_weights":false,"init":null}"#;
        let mut request: GenerateRequest = serde_json::from_str(json).unwrap();
        assert_eq!((request.guidance_stop, request.guided_steps(10)), (1.0, 10));
        assert!(
            !serde_json::to_string(&request).unwrap().contains("guidance_stop"),
            "what older pages kept stays found"
        );
        request.guidance_stop = 0.55;
        assert_eq!([10, 3, 1].map(|steps| request.guided_steps(steps)), [5, 1, 0]);
        request.guidance_scale = 1.0;
        assert_eq!(request.guided_steps(10), 0);
    }

    #[test]
    fn sizes_follow_the_models_rule() {
        let rule = crate::SizeRule { min: 64, max: 256, multiple: 32 };
        assert_eq!(parse_size("width", "96", rule), Ok(96));
        let error = parse_size("width", "100", rule).unwrap_err();
        assert!(error.message.starts_with("Width must be a multiple of 32"), "{error}");
    }
}
