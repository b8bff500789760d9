//! What samplers share: the meaning of a model's answer at a noise level, and the list that a sampler's module makes.

use super::config::Prediction;
use super::noise::Noise;
use super::{Eval, Run, Schedule, SchedulerError};

impl Schedule {
    /// Of samplers whose latents are `x0 + sigma · noise`.
    pub(super) fn unscaled(evals: Vec<Eval>, init_noise_sigma: f64) -> Self {
        let levels = evals.iter().map(|eval| [1.0, eval.sigma]).collect();
        Self { evals, levels, init_noise_sigma }
    }

    /// Of samplers whose latents are `signal · x0 + noise_scale · noise`, by sigma.
    pub(super) fn scaled(evals: Vec<Eval>) -> Self {
        let levels = evals.iter().map(|eval| scales(eval.sigma).into()).collect();
        Self { evals, levels, init_noise_sigma: 1.0 }
    }

    /// The same by the training table, which may end at no signal at all.
    pub(super) fn by_timestep(evals: Vec<Eval>, noise: &Noise) -> Self {
        let alpha = |eval: &Eval| noise.alpha_at(eval.timestep as i64).unwrap_or(1.0);
        let levels = evals.iter().map(alpha).map(|a| [a.sqrt(), (1.0 - a).sqrt()]).collect();
        Self { evals, levels, init_noise_sigma: 1.0 }
    }

    /// Refuses coefficients that are not finite, which upstream would turn into pictures of NaN; `key` and `value` are
    /// what brings them about.
    pub(super) fn finite(
        self,
        run: &Run,
        key: &'static str,
        value: &str,
        remedy: &str,
    ) -> Result<Self, SchedulerError> {
        // Steps that are not executed may have any.
        let is_finite = |eval: &Eval| {
            if eval.outer_step < run.begin {
                return true;
            }
            let update = eval.update;
            let all = eval.to_denoised.iter().chain(&eval.to_history).chain(&update.history);
            all.chain(&[update.x, update.saved, update.noise, update.output]).all(|c| c.is_finite())
        };
        if self.evals.iter().all(is_finite) {
            return Ok(self);
        }
        Err(SchedulerError::Unsupported { key, value: value.into(), scheduler: run.kind, remedy: remedy.into() })
    }

    /// The same where a model that predicts noise would start from latents without any signal.
    pub(super) fn with_signal(self, run: &Run) -> Result<Self, SchedulerError> {
        let remedy = "a model that predicts noise cannot start without any signal: use a v-prediction model or euler";
        self.finite(run, "rescale_betas_zero_snr", "true", remedy)
    }
}

/// Factors of signal and noise at a noise level, their squares adding up to 1.
pub(super) fn scales(sigma: f64) -> (f64, f64) {
    let signal = 1.0 / sigma.hypot(1.0);
    (signal, sigma * signal)
}

/// Clean latents from unscaled latents (`x0 + sigma · noise`) and the output of a model that saw them scaled.
pub(super) fn denoised_unscaled(prediction: Prediction, sigma: f64) -> [f64; 2] {
    match prediction {
        Prediction::Epsilon => [1.0, -sigma],
        Prediction::V => [1.0 / (sigma * sigma + 1.0), -sigma / sigma.hypot(1.0)],
        Prediction::Sample => [0.0, 1.0],
    }
}

/// Clean latents from latents `signal · x0 + noise_scale · noise` and the model's output.
pub(super) fn denoised_scaled(prediction: Prediction, signal: f64, noise_scale: f64) -> [f64; 2] {
    match prediction {
        Prediction::Epsilon => [1.0 / signal, -noise_scale / signal],
        Prediction::V => [signal, -noise_scale],
        Prediction::Sample => [0.0, 1.0],
    }
}

/// The signal that predictions divide by: not quite 0 where they are clamped, so that what upstream clamps from infinity
/// is clamped from a large number.
pub(super) fn divisor(signal: f64, clip: Option<f64>) -> f64 {
    if clip.is_some() { signal.max(1e-18) } else { signal }
}

/// The noise in latents `signal · x0 + noise_scale · noise`, from them and the model's output.
pub(super) fn noise_in(prediction: Prediction, signal: f64, noise_scale: f64) -> [f64; 2] {
    match prediction {
        Prediction::Epsilon => [0.0, 1.0],
        Prediction::V => [noise_scale, signal],
        Prediction::Sample => [1.0 / noise_scale, -signal / noise_scale],
    }
}

/// Noise levels `(up, down)` of an ancestral step: the model's slope leads down to `down`, fresh noise of `up` from
/// there to `to`. In float32 as upstream: `down` is a difference that loses digits after a long step.
pub(super) fn ancestral(from: f64, to: f64) -> (f64, f64) {
    let (square_from, square_to) = ((from as f32).powi(2), (to as f32).powi(2));
    let up = (square_to * (square_from - square_to) / square_from).max(0.0).sqrt();
    let down = f64::from((square_to - up * up).max(0.0).sqrt());
    // Where nothing is left of it (upstream then divides by zero), its exact value.
    (f64::from(up), if down > 0.0 { down } else { to * to / from })
}

/// What a user is shown as the noise level of `alpha_bar`: finite where there is no signal left at all.
pub(super) fn shown_sigma(alpha_cumprod: f64) -> f64 {
    let alpha = alpha_cumprod.max(2f64.powi(-24));
    ((1.0 - alpha) / alpha).sqrt()
}
