//! Requests become links.

use super::ESCAPED;
use crate::field::{Field, OFF, ON, RNGS, TIMESTEPS};
use percent_encoding::utf8_percent_encode;
use protocol::{GenerateRequest, Timesteps};

/// Every setting of a run by its field, in the order of the form; without a picture to start from, no strength.
pub(super) fn values(request: &GenerateRequest, pictures: u32) -> Vec<(Field, String)> {
    let rng = RNGS.iter().find(|(.., kind)| *kind == request.rng).map_or(RNGS[0].0, |(value, ..)| value);
    let timesteps =
        TIMESTEPS.iter().find(|(.., kind)| *kind == request.timesteps).map_or(TIMESTEPS[0].0, |(value, ..)| value);
    let all = [
        (Field::Prompt, Some(request.prompt.clone())),
        (Field::Negative, Some(request.negative_prompt.clone().unwrap_or_default())),
        (Field::Steps, Some(request.num_inference_steps.to_string())),
        (Field::Scheduler, Some(request.scheduler.name().to_owned())),
        (Field::Guidance, Some(request.guidance_scale.to_string())),
        (Field::GuidanceStop, Some(request.guidance_stop.to_string())),
        (Field::Seed, Some(request.seed.to_string())),
        (Field::Strength, request.init.map(|init| init.strength.to_string())),
        (Field::Width, Some(request.width.to_string())),
        (Field::Height, Some(request.height.to_string())),
        (Field::Eta, Some(request.eta.unwrap_or(0.0).to_string())),
        (Field::Rng, Some(rng.to_owned())),
        (Field::Timesteps, Some(timesteps.to_owned())),
        (Field::Weights, Some(if request.prompt_weights { ON } else { OFF }.to_owned())),
        (Field::Pictures, Some(pictures.to_string())),
        (Field::Model, Some(request.model.clone())),
    ];
    all.into_iter().filter_map(|(field, text)| Some((field, text?))).collect()
}

/// Whether a value is as in `diffusers`, where every reader of links starts.
fn is_standard(field: Field, text: &str, request: &GenerateRequest) -> bool {
    match field {
        Field::Negative => request.negative_prompt.is_none(),
        Field::GuidanceStop => request.guidance_stop >= 1.0,
        Field::Eta => request.eta.is_none(),
        Field::Rng => text == RNGS[0].0,
        Field::Timesteps => text == TIMESTEPS[0].0,
        Field::Weights => text == OFF,
        Field::Pictures => text == "1",
        _ => false,
    }
}

/// `key=text`, escaped.
pub(super) fn part(key: &str, text: &str) -> String {
    format!("{key}={}", utf8_percent_encode(text, ESCAPED))
}

/// The fragment, without `#`, that makes these pictures again. What is as in `diffusers` is left out. The picture that
/// a run starts from cannot be in it; its strength tells the reader that there was one.
pub fn fragment(request: &GenerateRequest, pictures: u32) -> String {
    let told = values(request, pictures).into_iter().filter(|(field, text)| !is_standard(*field, text, request));
    told.map(|(field, text)| part(field.key(), &text)).collect::<Vec<_>>().join("&")
}

/// The same experiment with another number of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// To see quickly what becomes of it.
    Fast,
    /// To keep.
    Final,
}

impl Preset {
    /// In the order of the list.
    pub const ALL: [Preset; 2] = [Preset::Fast, Preset::Final];

    /// Its sampling steps.
    pub const fn steps(self) -> u32 {
        match self {
            Self::Fast => 4,
            Self::Final => 30,
        }
    }
}

/// The link of a preset; `None` where the timesteps allow no other number of steps.
pub fn preset_fragment(request: &GenerateRequest, pictures: u32, preset: Preset) -> Option<String> {
    let free = request.timesteps == Timesteps::Spaced;
    free.then(|| fragment(&GenerateRequest { num_inference_steps: preset.steps(), ..request.clone() }, pictures))
}
