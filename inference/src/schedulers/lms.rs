//! `LMSDiscreteScheduler`: the last slopes as a polynomial in sigma, integrated over the step.
//!
//! Matched oddities: Karras levels know no limits (`sigma_min`, `sigma_max`); a run that starts from a picture uses the
//! polynomials of its place in the whole schedule from its first step on, though it has no slopes yet to go with them.

use super::euler::derivative;
use super::noise::{DDPM_BETAS, Noise, ZeroSnr};
use super::schedule::denoised_unscaled;
use super::spacing::Levels;
use super::{CLEAN, Combination, Draw, Eval, HISTORY, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, .. } = *run;
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &DDPM_BETAS, ZeroSnr::Ignored)?;
    let levels = Levels::unscaled(run, &noise)?;
    let evals = levels.timesteps.iter().enumerate().map(|(outer_step, timestep)| {
        let sigma = levels.sigmas[outer_step];
        let to_denoised = denoised_unscaled(prediction, sigma);
        Eval {
            outer_step,
            timestep: *timestep,
            sigma,
            input_scale: 1.0 / sigma.hypot(1.0),
            to_denoised,
            to_history: derivative(to_denoised, sigma),
            remember: true,
            update: Combination { x: 1.0, history: weights(&levels.sigmas, outer_step), ..Combination::default() },
            save: None,
            noise: Draw::None,
            known: CLEAN,
            clip: None,
        }
    });
    Ok(Schedule::unscaled(evals.collect(), levels.init_noise_sigma))
}

/// Integrals over `[sigma[i], sigma[i + 1]]` of the Lagrange polynomials through the last noise levels.
fn weights(sigmas: &[f64], i: usize) -> [f64; HISTORY] {
    let order = (i + 1).min(HISTORY);
    let (start, length) = (sigmas[i], sigmas[i + 1] - sigmas[i]);
    let mut out = [0.0; HISTORY];
    for (k, weight) in out.iter_mut().enumerate().take(order) {
        // Gauss-Legendre with two nodes is exact up to degree 3, which is the highest here.
        let node = 0.5 / 3f64.sqrt();
        *weight = [0.5 - node, 0.5 + node]
            .map(|at| {
                let tau = start + at * length;
                let others = (0..order).filter(|j| *j != k);
                others.map(|j| (tau - sigmas[i - j]) / (sigmas[i - k] - sigmas[i - j])).product::<f64>()
            })
            .iter()
            .sum::<f64>()
            * 0.5
            * length;
    }
    out
}
