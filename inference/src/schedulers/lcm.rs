//! `LCMScheduler` (Luo et al. 2023): jump to the predicted clean latents, then noise them again to the next level.
//!
//! Matched oddities: timesteps are picked from those of the distillation (every `train / original_inference_steps`-th,
//! less one), whatever the spacing; LCM's own
//! image-to-image pipeline shortens that list instead of the run; the last step draws no noise.

use super::noise::{BetaDefaults, Noise, ZeroSnr};
use super::schedule::{denoised_scaled, divisor, shown_sigma};
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) const BETAS: BetaDefaults = BetaDefaults { start: 0.00085, end: 0.012, schedule: "scaled_linear" };
/// Standard deviation of the data in the boundary condition of consistency models.
const SIGMA_DATA: f64 = 0.5;

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, .. } = *run;
    config.refuse(kind, &[("thresholding", config.thresholding)])?;
    let clip = (config.clip_sample == Some(true)).then(|| config.clip_sample_range.unwrap_or(1.0));
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &BETAS, ZeroSnr::Exact)?;
    let list = distilled_timesteps(run, &noise)?;
    let alpha_at = |t: i64| noise.alpha_at(t).unwrap_or(1.0);
    let scaling = config.timestep_scaling.unwrap_or(10.0);
    let evals = list.iter().enumerate().map(|(outer_step, t)| {
        let alpha = alpha_at(*t);
        let x0 = denoised_scaled(prediction, divisor(alpha.sqrt(), clip), (1.0 - alpha).sqrt());
        // The boundary condition: at timestep 0 the model's answer is its input.
        let scaled = *t as f64 * scaling;
        let spread = scaled * scaled + SIGMA_DATA * SIGMA_DATA;
        let (skip, out) = (SIGMA_DATA * SIGMA_DATA / spread, scaled / spread.sqrt());
        let bounded = [out * x0[0] + skip, out * x0[1]];
        let next = list.get(outer_step + 1).map(|t| alpha_at(*t));
        Eval {
            outer_step,
            timestep: *t as f64,
            sigma: shown_sigma(alpha),
            input_scale: 1.0,
            to_denoised: if clip.is_some() { x0 } else { bounded },
            to_history: if clip.is_some() { [skip, out] } else { bounded },
            remember: false,
            update: Combination {
                history: [next.map_or(1.0, f64::sqrt), 0.0, 0.0, 0.0],
                noise: next.map_or(0.0, |alpha| (1.0 - alpha).sqrt()),
                ..Combination::default()
            },
            save: None,
            noise: if next.is_some() { Draw::Normal } else { Draw::None },
            known: CLEAN,
            clip,
        }
    });
    Schedule::by_timestep(evals.collect(), &noise).with_signal(run)
}

/// Every stride-th timestep of the distillation, noisiest first, and evenly spread picks of those.
pub(super) fn distilled_timesteps(run: &Run, noise: &Noise) -> Result<Vec<i64>, SchedulerError> {
    let Run { config, steps, .. } = *run;
    let train = config.num_train_timesteps();
    let original = config.original_inference_steps.unwrap_or(50);
    let list: Vec<i64> = if let Some(custom) = run.timesteps {
        let falls = custom.windows(2).all(|pair| pair[1] < pair[0]);
        let known = custom.first().is_some_and(|first| (*first as usize) < train);
        if !falls || !known {
            return Err(run.refused(format!("timesteps must start below {train} and fall")));
        }
        custom.iter().map(|t| i64::from(*t)).collect()
    } else {
        if original > train || original == 0 {
            let reason =
                format!("original_inference_steps is {original}, and the model was trained on {train} timesteps");
            return Err(run.refused(reason));
        }
        let left = ((original as f64 * run.distilled).max(0.0) as usize).min(original);
        if steps > left {
            let of_what = if left < original { "that this strength leaves of" } else { "of" };
            let reason =
                format!("at most {left}, {of_what} original_inference_steps = {original} of the model's config");
            return Err(run.refused(reason));
        }
        let pick = left as f64 / steps as f64;
        let index = |i: usize| (left - (i as f64 * pick).floor() as usize) * (train / original) - 1;
        (0..steps).map(|i| index(i) as i64).collect()
    };
    run.known_to(noise, &list.iter().map(|t| *t as f64).collect::<Vec<_>>())?;
    Ok(list)
}
