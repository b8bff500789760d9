//! `LCMScheduler` (Luo et al. 2023): jump to the predicted clean latents, then noise them again to the next level.

use super::schedule::{BetaDefaults, Noise, ZeroSnr, all_finite, denoised_scaled, shown_sigma};
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) const BETAS: BetaDefaults = BetaDefaults { start: 0.00085, end: 0.012, schedule: "scaled_linear" };
/// Standard deviation of the data in the boundary condition of consistency models.
const SIGMA_DATA: f64 = 0.5;

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, .. } = *run;
    config.refuse(kind, &[("clip_sample", config.clip_sample), ("thresholding", config.thresholding)])?;
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &BETAS, ZeroSnr::Exact)?;
    let list = distilled_timesteps(run, noise.alphas_cumprod.len())?;
    let scaling = config.timestep_scaling.unwrap_or(10.0);
    let evals = list.iter().enumerate().map(|(outer_step, t)| {
        let alpha = f64::from(noise.alphas_cumprod[*t]);
        let x0 = denoised_scaled(prediction, alpha.sqrt(), (1.0 - alpha).sqrt());
        // The boundary condition: at timestep 0 the model's answer is its input.
        let scaled = *t as f64 * scaling;
        let spread = scaled * scaled + SIGMA_DATA * SIGMA_DATA;
        let (skip, out) = (SIGMA_DATA * SIGMA_DATA / spread, scaled / spread.sqrt());
        let to_denoised = [out * x0[0] + skip, out * x0[1]];
        let next = list.get(outer_step + 1).map(|t| f64::from(noise.alphas_cumprod[*t]));
        Eval {
            outer_step,
            timestep: *t as f64,
            sigma: shown_sigma(alpha),
            input_scale: 1.0,
            to_denoised,
            to_history: to_denoised,
            remember: false,
            update: Combination {
                history: [next.map_or(1.0, f64::sqrt), 0.0, 0.0, 0.0],
                noise: next.map_or(0.0, |alpha| (1.0 - alpha).sqrt()),
                ..Combination::default()
            },
            save: None,
            noise: if next.is_some() { Draw::Normal } else { Draw::None },
            known: CLEAN,
            clip: None,
        }
    });
    all_finite(kind, Schedule::by_timestep(evals.collect(), &noise))
}

/// Every stride-th timestep of the distillation, noisiest first, and evenly spread picks of those.
pub(super) fn distilled_timesteps(run: &Run, train: usize) -> Result<Vec<usize>, SchedulerError> {
    let Run { kind, config, steps, .. } = *run;
    if let Some(custom) = run.timesteps {
        let falls = custom.windows(2).all(|pair| pair[1] < pair[0]);
        let known = custom.first().is_some_and(|first| (*first as usize) < train);
        if !falls || !known {
            let reason = format!("timesteps must start below {train} and fall");
            return Err(SchedulerError::Steps { scheduler: kind, steps, reason });
        }
        return Ok(custom.iter().map(|t| *t as usize).collect());
    }
    let original = config.original_inference_steps.unwrap_or(50).clamp(1, train);
    if steps > original {
        let reason = format!("at most {original} (original_inference_steps of the model's config)");
        return Err(SchedulerError::Steps { scheduler: kind, steps, reason });
    }
    let stride = train / original;
    let pick = original as f64 / steps as f64;
    Ok((0..steps).map(|i| (original - (i as f64 * pick).floor() as usize) * stride - 1).collect())
}
