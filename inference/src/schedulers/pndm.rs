//! `PNDMScheduler` (Liu et al. 2022): a linear multistep method of up to fourth order over the model's outputs (PLMS).
//! Its first step looks twice, so N steps take N + 1 model calls. Where the config has `skip_prk_steps: false`,
//! the first three steps are Runge-Kutta steps of four calls instead: N + 9 calls. A config that does not say means
//! PLMS here, as the sampler's name does everywhere, though the class's own default is the other one.
//!
//! Matched oddities: PLMS calls the model once for N = 1; a run that starts from a picture drops calls, not steps, from
//! the front of the list, and the first of what remains is looked at as if it were the start.

use super::config::{Prediction, Spacing};
use super::noise::{DDPM_BETAS, Noise, ZeroSnr};
use super::schedule::{denoised_scaled, shown_sigma};
use super::spacing::timesteps;
use super::{CLEAN, Combination, Draw, Eval, HISTORY, Run, Schedule, SchedulerError};

/// Adams-Bashforth weights by the number of outputs at hand, latest first.
const WEIGHTS: [[f64; HISTORY]; HISTORY] = [
    [1.0, 0.0, 0.0, 0.0],
    [3.0 / 2.0, -1.0 / 2.0, 0.0, 0.0],
    [23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0, 0.0],
    [55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
];
/// Calls of the Runge-Kutta start: three steps of four.
const PRK_CALLS: usize = 12;

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, steps, begin, .. } = *run;
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &DDPM_BETAS, ZeroSnr::Ignored)?;
    run.at_most_trained()?;
    let list = timesteps(config.spacing(kind, Spacing::Leading)?, config, steps, true);
    let whole = |list: &[f64]| list.iter().map(|t| *t as i64).collect::<Vec<_>>();
    let list = whole(&list);
    let stride = (config.num_train_timesteps() / steps) as i64;
    let starts = config.skip_prk_steps == Some(false);
    let (all, prk) = if starts { with_prk(run, &list, stride)? } else { (twice_second(list), Vec::new()) };
    let calls = &all[begin.min(all.len())..];
    let shown: Vec<f64> = calls.iter().map(|t| *t as f64).collect();
    run.known_to(&noise, &shown)?;
    let alpha_at = |t: i64| noise.alpha_at(t).unwrap_or(1.0);
    let last_alpha = if config.set_alpha_to_one == Some(true) { 1.0 } else { alpha_at(0) };
    let solver = Solver { prediction, alpha_at, last_alpha, stride };
    let evals = calls.iter().enumerate().map(|(call, t)| {
        let alpha = alpha_at(*t);
        let (step, part) = match call {
            _ if call < prk.len() => (call / 4, solver.prk(call, calls, prk[call / 4 * 4])),
            _ if starts => (call + 3 - PRK_CALLS, solver.plms(HISTORY, *t)),
            0 => (0, Part { save: Some(Combination::of_x(1.0)), ..solver.plms(1, *t) }),
            1 => (0, solver.again(*t)),
            _ => (call - 1, solver.plms(call, *t)),
        };
        Eval {
            outer_step: begin + step,
            timestep: *t as f64,
            sigma: shown_sigma(alpha),
            input_scale: 1.0,
            to_denoised: denoised_scaled(prediction, alpha.sqrt(), (1.0 - alpha).sqrt()),
            to_history: [0.0, 1.0],
            remember: part.remember,
            update: part.update,
            save: part.save,
            noise: Draw::None,
            known: CLEAN,
            clip: None,
        }
    });
    let schedule = Schedule::by_timestep(evals.collect(), &noise);
    schedule.finite(run, "skip_prk_steps", "false", "this many half steps cannot be told apart; set it to true")
}

/// The timesteps of PLMS: each once, the second twice.
fn twice_second(mut list: Vec<i64>) -> Vec<i64> {
    if let Some(second) = list.get(1).copied() {
        list.insert(1, second);
    }
    list
}

/// The timesteps with the Runge-Kutta start, and the start's alone.
fn with_prk(run: &Run, list: &[i64], stride: i64) -> Result<(Vec<i64>, Vec<i64>), SchedulerError> {
    if list.len() < HISTORY {
        let reason = "its Runge-Kutta start needs 4 steps: take as many, or set skip_prk_steps to true".to_owned();
        return Err(SchedulerError::Steps { scheduler: run.kind, steps: run.steps, reason });
    }
    let halfway = |t: i64| t + stride / 2;
    let mut prk = Vec::with_capacity(PRK_CALLS);
    for pair in list[..HISTORY].windows(2) {
        prk.extend([pair[0], halfway(pair[1]), halfway(pair[1]), pair[1]]);
    }
    let all = prk.iter().chain(&list[HISTORY - 1..]).copied().collect();
    Ok((all, prk))
}

/// What one call does.
struct Part {
    update: Combination,
    save: Option<Combination>,
    remember: bool,
}

struct Solver<F> {
    prediction: Prediction,
    alpha_at: F,
    last_alpha: f64,
    stride: i64,
}

impl<F: Fn(i64) -> f64> Solver<F> {
    fn before(&self, t: i64) -> f64 {
        if t >= 0 { (self.alpha_at)(t) } else { self.last_alpha }
    }

    /// A step of the multistep method with so many outputs at hand, this one included.
    fn plms(&self, outputs: usize, t: i64) -> Part {
        let weights = &WEIGHTS[outputs.clamp(1, HISTORY) - 1];
        let [x, slope] = self.transfer((self.alpha_at)(t), self.before(t - self.stride));
        let update = Combination { x, history: weights.map(|w| slope * w), ..Combination::default() };
        Part { update, save: None, remember: true }
    }

    /// The second look of the first step: from where that landed, over the same interval again.
    fn again(&self, t: i64) -> Part {
        let [saved, slope] = self.transfer(self.before(t + self.stride), self.before(t));
        let update = Combination { saved, history: [slope / 2.0, slope / 2.0, 0.0, 0.0], ..Combination::default() };
        Part { update, save: None, remember: false }
    }

    /// One of the four calls of a Runge-Kutta step from timestep `origin`. The latents of its start are in `saved`, its
    /// first output stays remembered for the multistep method. The weighted sum of outputs would need a place of its
    /// own; instead the third call leaves in `saved` all of the result that is known by then. The second output is not
    /// remembered, but the latents that it led to are at hand.
    fn prk(&self, call: usize, calls: &[i64], origin: i64) -> Part {
        let half = if call.is_multiple_of(2) { self.stride / 2 } else { 0 };
        let [start, slope] = self.transfer((self.alpha_at)(origin), self.before(calls[call] - half));
        let mut part = Part { update: Combination::default(), save: None, remember: false };
        part.update.history[0] = slope;
        match call % 4 {
            0 => {
                part.update.x = start;
                part.save = Some(Combination::of_x(1.0));
                part.remember = true;
            }
            1 => part.update.saved = start,
            2 => {
                part.update.saved = start;
                let before = self.transfer((self.alpha_at)(origin), self.before(calls[call - 1]));
                let [start, slope] = calls
                    .get(call + 1)
                    .map_or([1.0, 0.0], |last| self.transfer((self.alpha_at)(origin), self.before(*last)));
                let second = slope / 3.0 / before[1];
                part.save = Some(Combination {
                    x: second,
                    saved: start - second * before[0],
                    history: [slope / 3.0, slope / 6.0, 0.0, 0.0],
                    ..Combination::default()
                });
            }
            _ => {
                part.update.saved = 1.0;
                part.update.history[0] = slope / 6.0;
            }
        }
        part
    }

    /// Factors of latents and of the model's output that lead from `alpha` to `next` (eq. 9).
    fn transfer(&self, alpha: f64, next: f64) -> [f64; 2] {
        let slope = (next - alpha) / (alpha * (1.0 - next).sqrt() + (alpha * (1.0 - alpha) * next).sqrt());
        let stretch = (next / alpha).sqrt();
        // The formula wants noise; a velocity is turned into it after the outputs are combined.
        let (from_x, from_output) = match self.prediction {
            Prediction::V => ((1.0 - alpha).sqrt(), alpha.sqrt()),
            Prediction::Epsilon | Prediction::Sample => (0.0, 1.0),
        };
        [stretch - slope * from_x, -slope * from_output]
    }
}
