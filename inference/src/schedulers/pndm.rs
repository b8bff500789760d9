//! `PNDMScheduler` without its Runge-Kutta start (PLMS): a linear multistep method of up to fourth order over the
//! model's outputs. The first step looks twice, so N steps take N + 1 model calls.

use super::config::{Prediction, Spacing, unsupported};
use super::schedule::{DDPM_BETAS, Noise, ZeroSnr, denoised_scaled, shown_sigma, timesteps};
use super::{CLEAN, Combination, Draw, Eval, HISTORY, Run, Schedule, SchedulerError};

/// Adams-Bashforth weights by the number of outputs at hand, latest first.
const WEIGHTS: [[f64; HISTORY]; HISTORY] = [
    [1.0, 0.0, 0.0, 0.0],
    [3.0 / 2.0, -1.0 / 2.0, 0.0, 0.0],
    [23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0, 0.0],
    [55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
];

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, steps: num_inference_steps, .. } = *run;
    if config.skip_prk_steps == Some(false) {
        return Err(unsupported(kind, "skip_prk_steps", "false", "set it to true, as Stable Diffusion does"));
    }
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &DDPM_BETAS, ZeroSnr::Ignored)?;
    let train = noise.alphas_cumprod.len();
    if num_inference_steps > train {
        let reason = format!("the model was trained on {train} timesteps");
        return Err(SchedulerError::Steps { scheduler: kind, steps: num_inference_steps, reason });
    }
    let list = timesteps(config.spacing(kind, Spacing::Leading)?, config, num_inference_steps, true);
    if let Some(beyond) = list.iter().find(|t| **t < 0.0 || **t >= train as f64) {
        let reason = format!("its first timestep would be {beyond}, and the model knows 0 to {}", train - 1);
        return Err(SchedulerError::Steps { scheduler: kind, steps: num_inference_steps, reason });
    }
    let stride = train / num_inference_steps;
    let alpha_at = |t: usize| f64::from(noise.alphas_cumprod[t.min(train - 1)]);
    let last_alpha = if config.set_alpha_to_one == Some(true) { 1.0 } else { alpha_at(0) };
    let before = |t: usize| t.checked_sub(stride).map_or(last_alpha, alpha_at);

    // Every timestep once, the second one twice; a run that starts from a picture drops calls of this list, not steps.
    let mut calls: Vec<usize> = list.iter().map(|t| *t as usize).collect();
    if let Some(second) = calls.get(1).copied() {
        calls.insert(1, second);
    }
    calls.drain(..run.begin.min(calls.len()));
    let evals = calls.iter().enumerate().map(|(call, t)| {
        let alpha = alpha_at(*t);
        let eval = |update| Eval {
            // The first two calls make one step.
            outer_step: run.begin + call.saturating_sub(1),
            timestep: *t as f64,
            sigma: shown_sigma(alpha),
            input_scale: 1.0,
            to_denoised: denoised_scaled(prediction, alpha.sqrt(), (1.0 - alpha).sqrt()),
            to_history: [0.0, 1.0],
            remember: true,
            update,
            save: None,
            noise: Draw::None,
            known: CLEAN,
            clip: None,
        };
        if call == 1 {
            // The second look of the first step: from where that landed, over the same interval again.
            let (x, history) = transfer(prediction, alpha_at(t + stride), alpha, &[0.5, 0.5, 0.0, 0.0]);
            return Eval { remember: false, ..eval(Combination { saved: x, history, ..Combination::default() }) };
        }
        let weights = &WEIGHTS[call.saturating_sub(1).min(HISTORY - 1)];
        let (x, history) = transfer(prediction, alpha, before(*t), weights);
        let step = eval(Combination { x, history, ..Combination::default() });
        Eval { save: (call == 0).then_some(Combination { x: 1.0, ..Combination::default() }), ..step }
    });
    Ok(Schedule::by_timestep(evals.collect(), &noise))
}

/// Factors of latents and outputs that lead from `alpha` to `next` (Liu et al. 2022, eq. 9).
fn transfer(prediction: Prediction, alpha: f64, next: f64, weights: &[f64; HISTORY]) -> (f64, [f64; HISTORY]) {
    let slope = (next - alpha) / (alpha * (1.0 - next).sqrt() + (alpha * (1.0 - alpha) * next).sqrt());
    let stretch = (next / alpha).sqrt();
    // The formula wants noise; a velocity is turned into it after the outputs are combined.
    let (from_x, from_output) = match prediction {
        Prediction::V => ((1.0 - alpha).sqrt(), alpha.sqrt()),
        Prediction::Epsilon | Prediction::Sample => (0.0, 1.0),
    };
    (stretch - slope * from_x, weights.map(|weight| -slope * from_output * weight))
}
