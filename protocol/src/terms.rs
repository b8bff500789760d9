//! What a sampler does with each model call, in numbers. Every sampler here is linear in what it can see, so a run is a
//! table of coefficients; the engine computes it once and hands it to the page as it is.

use serde::{Deserialize, Serialize};

/// One model call and what is done with its answer. Notation: `x` are the latents, `out` is the model's answer after
/// guidance, `m0` the value that this call remembers, `m1`, `m2`, … those of earlier calls, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EvalTerms {
    /// Outer step that the call belongs to, counted from 1.
    pub step: u32,
    /// What the model is told.
    pub timestep: f64,
    /// Noise level σ of the variance-exploding form: √((1-ᾱ)/ᾱ).
    pub sigma: f64,
    /// ᾱ = 1 / (1 + σ²): the share of the picture in the variance of what the model sees.
    pub alpha_bar: f64,
    /// The model sees x times this.
    pub input_scale: f64,
    /// Predicted clean latents x0 = `[0]` · x + `[1]` · out.
    pub to_denoised: [f64; 2],
    /// The prediction is clamped to ± this.
    pub clip: Option<f64>,
    /// m0 = `[0]` · x + `[1]` · out; of the clamped prediction in place of out where there is a clamp.
    pub to_history: [f64; 2],
    /// Whether later calls see m0 as their m1.
    pub remember: bool,
    /// The next x.
    pub update: UpdateTerms,
    /// What is put aside as the next saved x, from the values before the update.
    pub save: Option<UpdateTerms>,
}

/// Factors of everything that a sampler can see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UpdateTerms {
    /// Of the current latents.
    pub x: f64,
    /// Of the latents that an earlier call put aside.
    pub saved: f64,
    /// Of m0, m1, …; trailing zeros are left out.
    pub history: Vec<f64>,
    /// Of the model's answer itself.
    pub output: f64,
    /// Of the unit normal noise drawn at this call.
    pub noise: f64,
}
