//! `DDIMScheduler` (Song et al. 2020, eq. 12): a jump to the previous level along the predicted noise, with a share
//! `eta` of it drawn afresh.

use super::config::Spacing;
use super::schedule::{DDPM_BETAS, Noise, ZeroSnr, all_finite, denoised_scaled, shown_sigma, timesteps};
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, steps: num_inference_steps, eta, .. } = *run;
    // This class clips unless it is told not to.
    let clips = config.clip_sample.unwrap_or(true);
    config.refuse(kind, &[("clip_sample", Some(clips)), ("thresholding", config.thresholding)])?;
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &DDPM_BETAS, ZeroSnr::Exact)?;
    let train = noise.alphas_cumprod.len();
    if num_inference_steps > train {
        let reason = format!("the model was trained on {train} timesteps");
        return Err(SchedulerError::Steps { scheduler: kind, steps: num_inference_steps, reason });
    }
    let alpha_at = |t: usize| f64::from(noise.alphas_cumprod[t.min(train - 1)]);
    let last_alpha = if config.set_alpha_to_one.unwrap_or(true) { 1.0 } else { alpha_at(0) };
    let list = timesteps(config.spacing(kind, Spacing::Leading)?, config, num_inference_steps, true);
    if let Some(beyond) = list.iter().find(|t| **t < 0.0 || **t >= train as f64) {
        let reason = format!("its first timestep would be {beyond}, and the model knows 0 to {}", train - 1);
        return Err(SchedulerError::Steps { scheduler: kind, steps: num_inference_steps, reason });
    }
    // Upstream steps back by this much whatever the spacing, even where the list goes on elsewhere.
    let stride = train / num_inference_steps;
    let evals = list.iter().enumerate().map(|(outer_step, timestep)| {
        let t = *timestep as usize;
        let alpha = alpha_at(t);
        let before = t.checked_sub(stride).map_or(last_alpha, alpha_at);
        let variance = (1.0 - before) / (1.0 - alpha) * (1.0 - alpha / before);
        let noise = eta * variance.max(0.0).sqrt();
        let direction = (1.0 - before - noise * noise).max(0.0).sqrt();
        // The predicted noise is (x − sqrt(alpha) · x0) / sqrt(1 − alpha).
        let along = direction / (1.0 - alpha).sqrt();
        let to_denoised = denoised_scaled(prediction, alpha.sqrt(), (1.0 - alpha).sqrt());
        Eval {
            outer_step,
            timestep: *timestep,
            sigma: shown_sigma(alpha),
            input_scale: 1.0,
            to_denoised,
            to_history: to_denoised,
            remember: false,
            update: Combination {
                x: along,
                history: [before.sqrt() - along * alpha.sqrt(), 0.0, 0.0, 0.0],
                noise,
                ..Combination::default()
            },
            save: None,
            noise: if eta > 0.0 { Draw::Normal } else { Draw::None },
            known: CLEAN,
            clip: None,
        }
    });
    all_finite(kind, Schedule::by_timestep(evals.collect(), &noise))
}
