//! `HeunDiscreteScheduler`: an Euler step, a second look from where it lands, and the mean of both slopes.
//! Two model calls a step, one in the last (it lands on noise level 0, where there is no slope).
//!
//! Matched oddities: the class has `beta_schedule: exp`, may clip its prediction, and counts `2N − 1` timesteps.

use super::euler::derivative;
use super::noise::{K_BETAS, Noise, ZeroSnr};
use super::schedule::denoised_unscaled;
use super::spacing::Levels;
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, .. } = *run;
    let clip = (config.clip_sample == Some(true)).then(|| config.clip_sample_range.unwrap_or(1.0));
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &K_BETAS, ZeroSnr::Ignored)?;
    let levels = Levels::unscaled(run, &noise)?;
    let eval = |outer_step: usize, index: usize, update: Combination| {
        let sigma = levels.sigmas[index];
        let to_denoised = denoised_unscaled(prediction, sigma);
        Eval {
            outer_step,
            timestep: levels.timesteps[index],
            sigma,
            input_scale: 1.0 / sigma.hypot(1.0),
            to_denoised,
            to_history: if clip.is_some() { [1.0 / sigma, -1.0 / sigma] } else { derivative(to_denoised, sigma) },
            remember: false,
            update,
            save: None,
            noise: Draw::None,
            known: CLEAN,
            clip,
        }
    };
    let steps = levels.timesteps.len();
    let mut evals = Vec::with_capacity(2 * steps);
    for i in 0..steps {
        let dt = levels.sigmas[i + 1] - levels.sigmas[i];
        let ahead = Combination { x: 1.0, history: [dt, 0.0, 0.0, 0.0], ..Combination::default() };
        let mut first = eval(i, i, ahead);
        if i + 1 == steps {
            evals.push(first);
            break;
        }
        // The corrector starts again from here, with this slope.
        first.save = Some(Combination::of_x(1.0));
        first.remember = true;
        evals.push(first);
        let corrected = Combination { saved: 1.0, history: [dt / 2.0, dt / 2.0, 0.0, 0.0], ..Combination::default() };
        evals.push(eval(i, i + 1, corrected));
    }
    Ok(Schedule::unscaled(evals, levels.init_noise_sigma))
}
