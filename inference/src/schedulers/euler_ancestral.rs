//! `EulerAncestralDiscreteScheduler`: an Euler step to below the next noise level, then fresh noise up to it.
//!
//! Matched oddities: noise is drawn at the last step too, and multiplied by 0; the class knows none of the keys that
//! space the levels anew, nor `final_sigmas_type`.

use super::euler::derivative;
use super::noise::{DDPM_BETAS, Noise, ZeroSnr};
use super::schedule::{ancestral, denoised_unscaled};
use super::spacing::Levels;
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, .. } = *run;
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &DDPM_BETAS, ZeroSnr::Guarded)?;
    let levels = Levels::unscaled(run, &noise)?;
    let pairs = levels.timesteps.iter().zip(levels.sigmas.windows(2));
    let evals = pairs.enumerate().map(|(outer_step, (timestep, pair))| {
        let (from, to) = (pair[0], pair[1]);
        let (up, down) = ancestral(from, to);
        let to_denoised = denoised_unscaled(prediction, from);
        let history = [down - from, 0.0, 0.0, 0.0];
        Eval {
            outer_step,
            timestep: *timestep,
            sigma: from,
            input_scale: 1.0 / from.hypot(1.0),
            to_denoised,
            to_history: derivative(to_denoised, from),
            remember: false,
            update: Combination { x: 1.0, history, noise: up, ..Combination::default() },
            save: None,
            noise: Draw::Normal,
            known: CLEAN,
            clip: None,
        }
    });
    Ok(Schedule::unscaled(evals.collect(), levels.init_noise_sigma))
}
