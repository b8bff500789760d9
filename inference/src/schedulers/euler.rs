//! `EulerDiscreteScheduler`: one explicit Euler step of the probability-flow ODE per model call.
//!
//! Matched oddities: `linspace` with one step is timestep 0; `leading` scales the first latents by `√(σ² + 1)`; Karras
//! levels begin where the spacing does; `log_linear` ignores the spacing and ends at the smallest level.

use super::config::unsupported;
use super::noise::{DDPM_BETAS, Noise, ZeroSnr};
use super::schedule::denoised_unscaled;
use super::spacing::Levels;
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, .. } = *run;
    let prediction = config.prediction(kind)?;
    let continuous = match config.timestep_type.as_deref().unwrap_or("discrete") {
        "discrete" => false,
        "continuous" => config.prediction_type.as_deref() == Some("v_prediction"),
        other => return Err(unsupported(kind, "timestep_type", other, "use discrete or continuous")),
    };
    let noise = Noise::new(kind, config, &DDPM_BETAS, ZeroSnr::Guarded)?;
    let levels = Levels::unscaled(run, &noise)?;
    let pairs = levels.timesteps.iter().zip(levels.sigmas.windows(2));
    let evals = pairs.enumerate().map(|(outer_step, (timestep, pair))| {
        let (sigma, next) = (pair[0], pair[1]);
        let to_denoised = denoised_unscaled(prediction, sigma);
        Eval {
            outer_step,
            timestep: if continuous { 0.25 * sigma.ln() } else { *timestep },
            sigma,
            input_scale: 1.0 / sigma.hypot(1.0),
            to_denoised,
            to_history: derivative(to_denoised, sigma),
            remember: false,
            update: Combination { x: 1.0, history: [next - sigma, 0.0, 0.0, 0.0], ..Combination::default() },
            save: None,
            noise: Draw::None,
            known: CLEAN,
            clip: None,
        }
    });
    Ok(Schedule::unscaled(evals.collect(), levels.init_noise_sigma))
}

/// `dx/dsigma = (x − x0) / sigma` as factors of latents and model output.
pub(super) fn derivative(to_denoised: [f64; 2], sigma: f64) -> [f64; 2] {
    [(1.0 - to_denoised[0]) / sigma, -to_denoised[1] / sigma]
}
