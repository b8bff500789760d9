//! `UniPCMultistepScheduler` (Zhao et al. 2023) of second order on predicted clean latents: every model answer first
//! corrects the step that led to it, then predicts the next one. The corrected latents are kept as `saved`.

use super::config::{SchedulerConfig, unsupported};
use super::dpmpp_2m::levels;
use super::schedule::{DDPM_BETAS, Noise, ZeroSnr, denoised_scaled, scales};
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, .. } = *run;
    config.refuse(
        kind,
        &[
            ("thresholding", config.thresholding),
            ("use_beta_sigmas", config.use_beta_sigmas),
            ("use_flow_sigmas", config.use_flow_sigmas),
        ],
    )?;
    if config.predict_x0 == Some(false) {
        return Err(unsupported(kind, "predict_x0", "false", "set it to true"));
    }
    let order = config.solver_order.unwrap_or(2);
    if !(1..=2).contains(&order) {
        return Err(unsupported(kind, "solver_order", &order.to_string(), "use 1 or 2"));
    }
    let bh1 = match config.solver_type.as_deref().unwrap_or("bh2") {
        "bh1" => true,
        // The last three are other solvers' names for their own variants; upstream maps them to its default.
        "bh2" | "midpoint" | "heun" | "logrho" => false,
        other => return Err(unsupported(kind, "solver_type", other, "use bh1 or bh2")),
    };
    let prediction = config.prediction(kind)?;
    // Keys that this class does not know.
    let known = SchedulerConfig { lambda_min_clipped: None, use_lu_lambdas: None, ..config.clone() };
    let noise = Noise::new(kind, &known, &DDPM_BETAS, ZeroSnr::Guarded)?;
    let levels = levels(run, &known, &noise)?;
    let (steps, sigmas) = (levels.timesteps.len(), &levels.sigmas);
    let lower_order_final = config.lower_order_final.unwrap_or(true);
    let order_at = |i: usize| if lower_order_final { order.min(steps - i) } else { order }.min(i + 1 - run.begin);
    // Steps before the first executed one are not planned: their orders would be none.
    let evals = (run.begin..steps).map(|i| {
        let (signal, noise_scale) = scales(sigmas[i]);
        let corrects = i > run.begin && config.disable_corrector.as_ref().is_none_or(|off| !off.contains(&(i - 1)));
        // The latents that the next step starts from, in terms of all that is at hand.
        let corrected = if corrects {
            let before = (order_at(i - 1) == 2).then(|| sigmas[i - 2]);
            Step::new(sigmas[i - 1], sigmas[i], before, bh1).corrector()
        } else {
            Combination { x: 1.0, ..Combination::default() }
        };
        let before = (order_at(i) == 2).then(|| sigmas[i - 1]);
        let (scale, weights) = Step::new(sigmas[i], sigmas[i + 1], before, bh1).predictor();
        let mut update = Combination { x: scale * corrected.x, saved: scale * corrected.saved, ..corrected };
        update.history = corrected.history.map(|factor| scale * factor);
        update.history[0] += weights[0];
        update.history[1] += weights[1];
        let to_denoised = denoised_scaled(prediction, signal, noise_scale);
        Eval {
            outer_step: i,
            timestep: levels.timesteps[i],
            sigma: sigmas[i],
            input_scale: 1.0,
            to_denoised,
            to_history: to_denoised,
            remember: true,
            update,
            save: Some(corrected),
            noise: Draw::None,
            known: CLEAN,
            clip: None,
        }
    });
    Ok(Schedule::scaled(evals.collect()))
}

/// One step from a noise level to the next, with the level before where the step is of second order.
struct Step {
    /// Factor of the latents.
    scale: f64,
    /// `alpha · (1 − e^-h)`: factor of the clean latents at first order.
    gain: f64,
    /// `−alpha · B(h)`: what the corrections are scaled with.
    bend: f64,
    /// Ratio `r` of the step before to this one, negative; `None` at first order.
    ratio: Option<f64>,
    /// The right-hand sides of the order conditions.
    conditions: [f64; 2],
}

impl Step {
    fn new(sigma: f64, next: f64, before: Option<f64>, bh1: bool) -> Self {
        let ((_, noise), (next_signal, next_noise)) = (scales(sigma), scales(next));
        let h = (sigma / next).ln();
        let negative = -h;
        let phi = next / sigma - 1.0;
        let bending = if bh1 { negative } else { phi };
        let second = phi / negative - 1.0;
        let third = second / negative - 0.5;
        Self {
            scale: next_noise / noise,
            gain: -next_signal * phi,
            bend: -next_signal * bending,
            ratio: before.map(|before| (sigma / before).ln() / h),
            conditions: [second / bending, 2.0 * third / bending],
        }
    }

    /// Factors of the latents that the step starts from, and of the last two predictions.
    fn predictor(&self) -> (f64, [f64; 2]) {
        let slope = self.ratio.map_or(0.0, |ratio| self.bend * 0.5 / ratio);
        (self.scale, [self.gain - slope, slope])
    }

    /// The step done again knowing the prediction at its end: `history[0]`; its start is `saved`.
    fn corrector(&self) -> Combination {
        let (slope, end) = match self.ratio {
            None => (0.0, 0.5),
            Some(ratio) => {
                // Two conditions: a + b = c0 and a·r + b = c1, for the weights of the step before and of the end.
                let before = (self.conditions[0] - self.conditions[1]) / (1.0 - ratio);
                (before / ratio, self.conditions[0] - before)
            }
        };
        let [slope, end] = [slope * self.bend, end * self.bend];
        Combination { saved: self.scale, history: [end, self.gain - slope - end, slope, 0.0], ..Combination::default() }
    }
}
