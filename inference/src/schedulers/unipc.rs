//! `UniPCMultistepScheduler` (Zhao et al. 2023) of orders 1 to 3, on predicted clean latents or on predicted noise:
//! every model answer first corrects the step that led to it, then predicts the next one. The corrected latents are kept
//! as `saved`.
//!
//! Matched oddities: the predictor of second order uses one half where the order conditions would give another weight;
//! `disable_corrector` counts steps of the whole schedule; respaced levels end at their own last one.

use super::config::unsupported;
use super::noise::{DDPM_BETAS, Noise, ZeroSnr};
use super::schedule::{denoised_scaled, noise_in, scales};
use super::spacing::Levels;
use super::{CLEAN, Combination, Draw, Eval, HISTORY, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, begin, .. } = *run;
    config.refuse(kind, &[("thresholding", config.thresholding), ("use_flow_sigmas", config.use_flow_sigmas)])?;
    let order = config.solver_order(kind)?;
    if order > 3 {
        return Err(unsupported(kind, "solver_order", &order.to_string(), "use 1, 2 or 3"));
    }
    let bh1 = match config.solver_type.as_deref().unwrap_or("bh2") {
        "bh1" => true,
        // The last three are other solvers' names for their own variants; upstream maps them to its default.
        "bh2" | "midpoint" | "heun" | "logrho" => false,
        other => return Err(unsupported(kind, "solver_type", other, "use bh1 or bh2")),
    };
    let predicts_clean = config.predict_x0.unwrap_or(true);
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &DDPM_BETAS, ZeroSnr::Guarded)?;
    let levels = Levels::scaled(run, &noise)?;
    let (steps, sigmas) = (levels.timesteps.len(), &levels.sigmas);
    let lower_order_final = config.lower_order_final.unwrap_or(true);
    let order_at = |i: usize| if lower_order_final { order.min(steps - i) } else { order }.min(i - begin + 1);
    let step = |i: usize| {
        let before = (1..order_at(i)).map(|age| sigmas[i - age]).collect::<Vec<_>>();
        Step::new(sigmas[i], sigmas[i + 1], &before, bh1, predicts_clean)
    };
    let evals = (begin..steps).map(|i| {
        let (signal, noise_scale) = scales(sigmas[i]);
        let corrects = i > begin && config.disable_corrector.as_ref().is_none_or(|off| !off.contains(&(i - 1)));
        // The latents that the next step starts from, in terms of all that is at hand.
        let corrected = if corrects { step(i - 1).corrector() } else { Combination::of_x(1.0) };
        let (scale, weights) = step(i).predictor();
        let mut update = Combination { x: scale * corrected.x, saved: scale * corrected.saved, ..corrected };
        for ((factor, corrected), weight) in update.history.iter_mut().zip(corrected.history).zip(weights) {
            *factor = scale * corrected + weight;
        }
        let to_denoised = denoised_scaled(prediction, signal, noise_scale);
        Eval {
            outer_step: i,
            timestep: levels.timesteps[i],
            sigma: sigmas[i],
            input_scale: 1.0,
            to_denoised,
            to_history: if predicts_clean { to_denoised } else { noise_in(prediction, signal, noise_scale) },
            remember: true,
            update,
            save: Some(corrected),
            noise: Draw::None,
            known: CLEAN,
            clip: None,
        }
    });
    let remedy =
        "its formulas break at noise level 0: keep lower_order_final, bh2 and predict_x0, or set this to sigma_min";
    let value = config.final_sigmas_type.clone().unwrap_or_else(|| "zero".into());
    Schedule::scaled(evals.collect()).finite(run, "final_sigmas_type", &value, remedy)
}

/// One step from a noise level to the next.
struct Step {
    /// Factor of the latents.
    scale: f64,
    /// Factor of the prediction at first order.
    gain: f64,
    /// What the corrections are scaled with: `B(h)` times the factor of what is predicted.
    bend: f64,
    /// Ratios `r` of the steps before to this one, negative; then 1 for the end of the step.
    ratios: Vec<f64>,
    /// The right-hand sides of the order conditions.
    conditions: [f64; 3],
}

impl Step {
    fn new(sigma: f64, next: f64, before: &[f64], bh1: bool, predicts_clean: bool) -> Self {
        let ((signal, noise), (next_signal, next_noise)) = (scales(sigma), scales(next));
        let h = (sigma / next).ln();
        let (z, scale, factor) = if predicts_clean {
            (-h, next_noise / noise, -next_signal)
        } else {
            (h, next_signal / signal, -next_noise)
        };
        let phi = z.exp_m1();
        let bending = if bh1 { z } else { phi };
        let second = phi / z - 1.0;
        let third = second / z - 0.5;
        let fourth = third / z - 1.0 / 6.0;
        let ratios = before.iter().map(|before| (sigma / before).ln() / h).chain([1.0]).collect();
        let conditions = [second, 2.0 * third, 6.0 * fourth].map(|condition| condition / bending);
        Self { scale, gain: factor * phi, bend: factor * bending, ratios, conditions }
    }

    /// Factors of the latents that the step starts from, and of the last predictions.
    fn predictor(&self) -> (f64, [f64; HISTORY]) {
        let mut weights = [self.gain, 0.0, 0.0, 0.0];
        let ratios = &self.ratios[..self.ratios.len() - 1];
        let rhos = if let [_] = ratios { vec![0.5] } else { solve(ratios, &self.conditions) };
        for ((rho, ratio), age) in rhos.iter().zip(ratios).zip(1..) {
            let slope = self.bend * rho / ratio;
            weights[0] -= slope;
            weights[age] += slope;
        }
        // Nothing to bend, but upstream multiplies the bend by 0 all the same.
        weights[0] += 0.0 * self.bend;
        (self.scale, weights)
    }

    /// The step done again knowing the prediction at its end: `history[0]`; its start is `saved`.
    fn corrector(&self) -> Combination {
        let rhos = if let [_] = self.ratios[..] { vec![0.5] } else { solve(&self.ratios, &self.conditions) };
        let mut history = [0.0, self.gain, 0.0, 0.0];
        let ends = rhos.len() - 1;
        for ((rho, ratio), age) in rhos.iter().zip(&self.ratios).take(ends).zip(2..) {
            let slope = self.bend * rho / ratio;
            history[1] -= slope;
            history[age] += slope;
        }
        let end = self.bend * rhos[ends];
        history[0] += end;
        history[1] -= end;
        Combination { saved: self.scale, history, ..Combination::default() }
    }
}

/// Weights whose sums with the powers of the ratios meet the conditions: `Σ ratioⁱ · weight = conditionᵢ` for as many
/// conditions as there are ratios. Newton's divided differences, transposed.
fn solve(ratios: &[f64], conditions: &[f64]) -> Vec<f64> {
    let mut weights: Vec<f64> = conditions.iter().take(ratios.len()).copied().collect();
    let n = weights.len();
    for (k, ratio) in ratios.iter().enumerate() {
        for i in (k + 1..n).rev() {
            weights[i] -= ratio * weights[i - 1];
        }
    }
    for k in (1..n).rev() {
        for i in k..n {
            weights[i] /= ratios[i] - ratios[i - k];
        }
        for i in k - 1..n - 1 {
            weights[i] -= weights[i + 1];
        }
    }
    weights
}
