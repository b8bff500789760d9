//! `HeunDiscreteScheduler`: an Euler step, a second look from where it lands, and the mean of both slopes.
//! Two model calls a step, one in the last (it lands on noise level 0, where there is no slope).

use super::config::SchedulerConfig;
use super::euler::derivative;
use super::schedule::{BetaDefaults, Levels, Noise, ZeroSnr, denoised_unscaled};
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

const BETAS: BetaDefaults = BetaDefaults { start: 0.00085, end: 0.012, schedule: "linear" };

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, .. } = *run;
    config.refuse(kind, &[("clip_sample", config.clip_sample)])?;
    let prediction = config.prediction(kind)?;
    // Keys that this class does not know.
    let known = SchedulerConfig { sigma_min: None, sigma_max: None, final_sigmas_type: None, ..config.clone() };
    let noise = Noise::new(kind, &known, &BETAS, ZeroSnr::Ignored)?;
    let levels = Levels::new(run, &known, &noise)?;
    let eval = |outer_step: usize, index: usize, update: Combination| {
        let sigma = levels.sigmas[index];
        let to_denoised = denoised_unscaled(prediction, sigma);
        Eval {
            outer_step,
            timestep: levels.timesteps[index],
            sigma,
            input_scale: 1.0 / sigma.hypot(1.0),
            to_denoised,
            to_history: derivative(to_denoised, sigma),
            remember: false,
            update,
            save: None,
            noise: Draw::None,
            known: CLEAN,
            clip: None,
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
        first.save = Some(Combination { x: 1.0, ..Combination::default() });
        first.remember = true;
        evals.push(first);
        let corrected = Combination { saved: 1.0, history: [dt / 2.0, dt / 2.0, 0.0, 0.0], ..Combination::default() };
        evals.push(eval(i, i + 1, corrected));
    }
    Ok(Schedule::unscaled(evals, levels.init_noise_sigma))
}
