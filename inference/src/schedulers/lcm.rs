//! `LCMScheduler` (Luo et al. 2023): jump to the predicted clean latents, then noise them again to the next level.

use protocol::SchedulerKind;

use super::config::SchedulerConfig;
use super::schedule::{BetaDefaults, Noise, ZeroSnr, all_finite, denoised_scaled, shown_sigma};
use super::{Combination, Eval, Schedule, SchedulerError};

pub(super) const BETAS: BetaDefaults = BetaDefaults { start: 0.00085, end: 0.012, schedule: "scaled_linear" };
/// Standard deviation of the data in the boundary condition of consistency models.
const SIGMA_DATA: f64 = 0.5;

pub(super) fn schedule(
    kind: SchedulerKind,
    config: &SchedulerConfig,
    num_inference_steps: usize,
) -> Result<Schedule, SchedulerError> {
    config.refuse(kind, &[("clip_sample", config.clip_sample), ("thresholding", config.thresholding)])?;
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &BETAS, ZeroSnr::Exact)?;
    let list = distilled_timesteps(kind, config, noise.alphas_cumprod.len(), num_inference_steps)?;
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
            draws_noise: next.is_some(),
        }
    });
    all_finite(kind, (evals.collect(), 1.0))
}

/// Every stride-th timestep of the distillation, noisiest first, and evenly spread picks of those.
pub(super) fn distilled_timesteps(
    kind: SchedulerKind,
    config: &SchedulerConfig,
    train: usize,
    steps: usize,
) -> Result<Vec<usize>, SchedulerError> {
    let original = config.original_inference_steps.unwrap_or(50).clamp(1, train);
    if steps > original {
        let reason = format!("at most {original} (original_inference_steps of the model's config)");
        return Err(SchedulerError::Steps { scheduler: kind, steps, reason });
    }
    let stride = train / original;
    let pick = original as f64 / steps as f64;
    Ok((0..steps).map(|i| (original - (i as f64 * pick).floor() as usize) * stride - 1).collect())
}
