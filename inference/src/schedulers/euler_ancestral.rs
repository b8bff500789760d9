//! `EulerAncestralDiscreteScheduler`: an Euler step to below the next noise level, then fresh noise up to it.

use super::config::SchedulerConfig;
use super::euler::derivative;
use super::schedule::{DDPM_BETAS, Levels, Noise, ZeroSnr, ancestral, denoised_unscaled};
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, .. } = *run;
    let prediction = config.prediction(kind)?;
    // This class knows none of the keys that reshape the noise levels.
    let known = SchedulerConfig {
        use_karras_sigmas: None,
        use_exponential_sigmas: None,
        use_beta_sigmas: None,
        sigma_min: None,
        sigma_max: None,
        final_sigmas_type: None,
        ..config.clone()
    };
    let noise = Noise::new(kind, &known, &DDPM_BETAS, ZeroSnr::Guarded)?;
    let levels = Levels::new(run, &known, &noise)?;
    let evals = levels
        .timesteps
        .iter()
        .zip(levels.sigmas.windows(2))
        .enumerate()
        .map(|(outer_step, (timestep, pair))| {
            let (from, to) = (pair[0], pair[1]);
            let (up, down) = ancestral(from, to);
            let to_denoised = denoised_unscaled(prediction, from);
            Eval {
                outer_step,
                timestep: *timestep,
                sigma: from,
                input_scale: 1.0 / from.hypot(1.0),
                to_denoised,
                to_history: derivative(to_denoised, from),
                remember: false,
                update: Combination {
                    x: 1.0,
                    history: [down - from, 0.0, 0.0, 0.0],
                    noise: up,
                    ..Combination::default()
                },
                save: None,
                noise: Draw::Normal,
                known: CLEAN,
                clip: None,
            }
        })
        .collect();
    Ok(Schedule::unscaled(evals, levels.init_noise_sigma))
}
