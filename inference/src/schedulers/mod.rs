//! Samplers as pure numbers.

/// How many earlier model outputs a sampler may remember.
pub const HISTORY: usize = 4;

/// A linear combination of everything a sampler can see.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Combination {
    /// Of the current latents.
    pub x: f64,
    /// Of the latents saved earlier.
    pub saved: f64,
    /// Of the remembered values, this evaluation's first.
    pub history: [f64; HISTORY],
    /// Of a fresh unit normal.
    pub noise: f64,
}

/// One model call and what is done with its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Eval {
    /// The step as users count them, from 0.
    pub outer_step: usize,
    /// What the UNet is told.
    pub timestep: f64,
    /// √((1-ᾱ)/ᾱ) of this evaluation.
    pub sigma: f64,
    /// The model's input is `x · input_scale`.
    pub input_scale: f64,
    /// Predicted clean latents: `a·x + b·model_output`.
    pub to_denoised: [f64; 2],
    /// Remembered value: `a·x + b·model_output`.
    pub to_history: [f64; 2],
    /// Whether the remembered value stays for later evaluations.
    pub remember: bool,
    /// Next x.
    pub update: Combination,
    /// Next saved value, if it changes.
    pub save: Option<Combination>,
    /// Whether a unit normal is drawn from the generator.
    pub draws_noise: bool,
}
