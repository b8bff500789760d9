//! `DEISMultistepScheduler` (Zhang & Chen 2022), log-rho variant of orders 1 to 3: the predicted noise as a polynomial
//! in log sigma, integrated over sigma.
//!
//! Matched oddities: the schedule ends at the smallest noise level whatever `final_sigmas_type` says; respaced levels
//! end at their own last one, so their last step changes nothing; orders fall at the end as in DPM-Solver.

use super::config::unsupported;
use super::noise::{DDPM_BETAS, Noise, ZeroSnr};
use super::schedule::{denoised_scaled, noise_in, scales};
use super::spacing::Levels;
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, begin, .. } = *run;
    config.refuse(kind, &[("thresholding", config.thresholding), ("use_flow_sigmas", config.use_flow_sigmas)])?;
    match config.algorithm_type.as_deref().unwrap_or("deis") {
        // Other solvers' names for their own variants; upstream maps them to its default.
        "deis" | "dpmsolver" | "dpmsolver++" => {}
        other => return Err(unsupported(kind, "algorithm_type", other, "use deis")),
    }
    match config.solver_type.as_deref().unwrap_or("logrho") {
        "logrho" | "midpoint" | "heun" | "bh1" | "bh2" => {}
        other => return Err(unsupported(kind, "solver_type", other, "use logrho")),
    }
    let most_of_all = config.solver_order(kind)?.min(3);
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &DDPM_BETAS, ZeroSnr::Ignored)?;
    let levels = Levels::scaled(run, &noise)?;
    let steps = levels.timesteps.len();
    let few = config.lower_order_final.unwrap_or(true) && steps < 15;
    let evals = (begin..steps).map(|i| {
        let (sigma, next) = (levels.sigmas[i], levels.sigmas[i + 1]);
        let (signal, noise_scale) = scales(sigma);
        let (next_signal, _) = scales(next);
        let most = if few { steps - i } else { 3 };
        let order = most_of_all.min(most).min(i - begin + 1);
        let nodes: Vec<f64> = (0..order).map(|age| levels.sigmas[i - age]).collect();
        let mut history = [0.0; super::HISTORY];
        for (weight, integral) in history.iter_mut().zip(integrals(&nodes, next)) {
            *weight = next_signal * integral;
        }
        Eval {
            outer_step: i,
            timestep: levels.timesteps[i],
            sigma,
            input_scale: 1.0,
            to_denoised: denoised_scaled(prediction, signal, noise_scale),
            to_history: noise_in(prediction, signal, noise_scale),
            remember: true,
            update: Combination { x: next_signal / signal, history, ..Combination::default() },
            save: None,
            noise: Draw::None,
            known: CLEAN,
            clip: None,
        }
    });
    let remedy = "two of its noise levels are the same: take fewer steps";
    Schedule::scaled(evals.collect()).finite(run, "num_inference_steps", &run.steps.to_string(), remedy)
}

/// Integrals over sigma, from the first node to `end`, of the polynomials in log sigma that are 1 at one node and 0 at
/// the others. The primitives are those of `sigma · (log sigma)^k`.
fn integrals(nodes: &[f64], end: f64) -> Vec<f64> {
    let start = nodes[0];
    let log = f64::ln;
    let over = |primitive: &dyn Fn(f64) -> f64| primitive(end) - primitive(start);
    match *nodes {
        [_, before] => {
            let line = |one: f64, zero: f64| over(&|s| s * ((s / zero).ln() - 1.0)) / (one / zero).ln();
            vec![line(start, before), line(before, start)]
        }
        [first, second, third] => {
            let curve = |one: f64, a: f64, b: f64| {
                let top = |s: f64| s * ((log(s) - log(a)) * (log(s) - log(b)) - 2.0 * log(s) + log(a) + log(b) + 2.0);
                over(&top) / ((one / a).ln() * (one / b).ln())
            };
            vec![curve(first, second, third), curve(second, third, first), curve(third, first, second)]
        }
        _ => vec![end - start],
    }
}
