//! `DDIMScheduler` (Song et al. 2020, eq. 12): a jump to the previous level along the predicted noise, with a share
//! `eta` of it drawn afresh.
//!
//! Matched oddities: the jump goes `train / N` timesteps back whatever the spacing, even where the list goes on
//! elsewhere; the class clips its prediction unless a config says otherwise; clipping changes the prediction but not
//! the direction; with zero terminal SNR the first signal is exactly 0.

use super::config::Spacing;
use super::noise::{DDPM_BETAS, Noise, ZeroSnr};
use super::schedule::{denoised_scaled, divisor, noise_in, shown_sigma};
use super::spacing::timesteps;
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, steps, eta, .. } = *run;
    config.refuse(kind, &[("thresholding", config.thresholding)])?;
    let clip = config.clip_sample.unwrap_or(true).then(|| config.clip_sample_range.unwrap_or(1.0));
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &DDPM_BETAS, ZeroSnr::Exact)?;
    run.at_most_trained()?;
    let list = timesteps(config.spacing(kind, Spacing::Leading)?, config, steps, true);
    run.known_to(&noise, &list)?;
    let alpha_at = |t: i64| noise.alpha_at(t).unwrap_or(1.0);
    let last_alpha = if config.set_alpha_to_one.unwrap_or(true) { 1.0 } else { alpha_at(0) };
    let stride = (config.num_train_timesteps() / steps) as i64;
    let evals = list.iter().enumerate().map(|(outer_step, timestep)| {
        let t = *timestep as i64;
        let alpha = alpha_at(t);
        let before = if t >= stride { alpha_at(t - stride) } else { last_alpha };
        let variance = (1.0 - before) / (1.0 - alpha) * (1.0 - alpha / before);
        let fresh = eta * variance.max(0.0).sqrt();
        let direction = (1.0 - before - fresh * fresh).max(0.0).sqrt();
        let (signal, noise_scale) = (alpha.sqrt(), (1.0 - alpha).sqrt());
        let to_denoised = denoised_scaled(prediction, divisor(signal, clip), noise_scale);
        let [x, output] = noise_in(prediction, signal, noise_scale).map(|factor| direction * factor);
        Eval {
            outer_step,
            timestep: *timestep,
            sigma: shown_sigma(alpha),
            input_scale: 1.0,
            to_denoised,
            to_history: if clip.is_some() { [0.0, 1.0] } else { to_denoised },
            remember: false,
            update: Combination {
                x,
                output,
                history: [before.sqrt(), 0.0, 0.0, 0.0],
                noise: fresh,
                ..Combination::default()
            },
            save: None,
            noise: if eta > 0.0 { Draw::Normal } else { Draw::None },
            known: CLEAN,
            clip,
        }
    });
    Schedule::by_timestep(evals.collect(), &noise).with_signal(run)
}
