//! `TCDScheduler` (Zheng et al. 2024): like LCM, but it lands on a noise level between clean and the next one, and
//! `eta` says how much of the way back up is fresh noise.
//!
//! Matched oddities: timesteps are LCM's; the pipelines pass eta 0 where nobody asks for another, not the class's own
//! 0.3; clipping and thresholding are keys that the class has and does not use; the last step lands on timestep 0, which
//! is not quite clean.

use super::lcm::{BETAS, distilled_timesteps};
use super::noise::{Noise, ZeroSnr};
use super::schedule::{denoised_scaled, noise_in, shown_sigma};
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, eta, .. } = *run;
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &BETAS, ZeroSnr::Exact)?;
    let list = distilled_timesteps(run, &noise)?;
    let alpha_at = |t: i64| noise.alpha_at(t).unwrap_or(1.0);
    let evals = list.iter().enumerate().map(|(outer_step, t)| {
        let alpha = alpha_at(*t);
        let last = outer_step + 1 == list.len();
        let next = list.get(outer_step + 1).copied().unwrap_or(0);
        // In float32, as upstream: the product decides which whole timestep it is.
        let landing = alpha_at(((1.0 - eta) as f32 * next as f32).floor() as i64);
        let (signal, noise_scale) = (alpha.sqrt(), (1.0 - alpha).sqrt());
        let x0 = denoised_scaled(prediction, signal, noise_scale);
        let epsilon = noise_in(prediction, signal, noise_scale);
        let landed = [0, 1].map(|i| landing.sqrt() * x0[i] + (1.0 - landing).sqrt() * epsilon[i]);
        let draws_noise = eta > 0.0 && !last;
        let kept = if draws_noise { alpha_at(next) / landing } else { 1.0 };
        Eval {
            outer_step,
            timestep: *t as f64,
            sigma: shown_sigma(alpha),
            input_scale: 1.0,
            to_denoised: x0,
            to_history: landed,
            remember: false,
            update: Combination {
                history: [kept.sqrt(), 0.0, 0.0, 0.0],
                noise: (1.0 - kept).max(0.0).sqrt(),
                ..Combination::default()
            },
            save: None,
            noise: if draws_noise { Draw::Normal } else { Draw::None },
            known: CLEAN,
            clip: None,
        }
    });
    Schedule::by_timestep(evals.collect(), &noise).with_signal(run)
}
