//! `DEISMultistepScheduler` (Zhang & Chen 2022), log-rho variant of second order: the predicted noise as a line in
//! log sigma, integrated over sigma.

use super::config::{Prediction, SchedulerConfig, unsupported};
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
    let order = config.solver_order.unwrap_or(2);
    if !(1..=2).contains(&order) {
        return Err(unsupported(kind, "solver_order", &order.to_string(), "use 1 or 2"));
    }
    let prediction = config.prediction(kind)?;
    // Keys that this class does not know; its schedule always ends at the smallest noise level.
    let known = SchedulerConfig {
        lambda_min_clipped: None,
        final_sigmas_type: Some("sigma_min".into()),
        use_lu_lambdas: None,
        ..config.clone()
    };
    let noise = Noise::new(kind, &known, &DDPM_BETAS, ZeroSnr::Ignored)?;
    let levels = levels(run, &known, &noise)?;
    let steps = levels.timesteps.len();
    let lower_order_final = config.lower_order_final.unwrap_or(true) && steps < 15;
    let evals = (0..steps).map(|i| {
        let (sigma, next) = (levels.sigmas[i], levels.sigmas[i + 1]);
        let (signal, noise_scale) = scales(sigma);
        let (next_signal, _) = scales(next);
        let first_order = order == 1 || i <= run.begin || (i + 1 == steps && lower_order_final);
        let history = if first_order {
            [next - sigma, 0.0]
        } else {
            let before = levels.sigmas[i - 1];
            [line(sigma, next, sigma, before), line(sigma, next, before, sigma)]
        }
        .map(|weight| next_signal * weight);
        Eval {
            outer_step: i,
            timestep: levels.timesteps[i],
            sigma,
            input_scale: 1.0,
            to_denoised: denoised_scaled(prediction, signal, noise_scale),
            to_history: match prediction {
                Prediction::Epsilon => [0.0, 1.0],
                Prediction::V => [noise_scale, signal],
                Prediction::Sample => [1.0 / noise_scale, -signal / noise_scale],
            },
            remember: true,
            update: Combination {
                x: next_signal / signal,
                history: [history[0], history[1], 0.0, 0.0],
                ..Combination::default()
            },
            save: None,
            noise: Draw::None,
            known: CLEAN,
            clip: None,
        }
    });
    Ok(Schedule::scaled(evals.collect()))
}

/// Integral from `start` to `end` of the line in log sigma that is 1 at `one` and 0 at `zero`.
fn line(start: f64, end: f64, one: f64, zero: f64) -> f64 {
    let primitive = |sigma: f64| sigma * ((sigma / zero).ln() - 1.0);
    (primitive(end) - primitive(start)) / (one / zero).ln()
}
