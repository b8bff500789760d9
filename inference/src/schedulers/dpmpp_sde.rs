//! `DPMSolverSDEScheduler` (DPM++ SDE of k-diffusion): an ancestral look at the middle of the step, in log sigma, whose
//! prediction serves the whole step. Two model calls a step, one in the last.
//!
//! Its noise is a Brownian path over sigma, so that both halves of a step fit together. Matched oddities: the path has a
//! seed of its own, `noise_sampler_seed` in the config, and ignores the pipeline's generator; the table that inpainting
//! reads has the level at the end of the step in the place of the look at its middle; Karras levels know no limits.

use super::noise::{K_BETAS, Noise, ZeroSnr};
use super::schedule::{ancestral, denoised_unscaled};
use super::spacing::Levels;
use super::{BrownianPath, CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<(Schedule, BrownianPath), SchedulerError> {
    let Run { kind, config, .. } = *run;
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &K_BETAS, ZeroSnr::Ignored)?;
    let levels = Levels::unscaled(run, &noise)?;
    let steps = levels.timesteps.len();
    let mut evals = Vec::with_capacity(2 * steps);
    for (i, pair) in levels.sigmas.windows(2).take(steps).enumerate() {
        let (from, to) = (pair[0], pair[1]);
        let eval = |timestep: f64, sigma: f64, update: Combination| {
            let to_denoised = denoised_unscaled(prediction, sigma);
            Eval {
                outer_step: i,
                timestep,
                sigma,
                input_scale: 1.0 / sigma.hypot(1.0),
                to_denoised,
                to_history: to_denoised,
                remember: false,
                update,
                save: None,
                noise: Draw::None,
                known: CLEAN,
                clip: None,
            }
        };
        if to == 0.0 {
            // Straight to the prediction: an Euler step to noise level 0.
            let update = Combination { history: [1.0, 0.0, 0.0, 0.0], ..Combination::default() };
            evals.push(eval(levels.timesteps[i], from, update));
            break;
        }
        // Upstream works in the log of sigma, in float32.
        let (log_from, log_to) = (log(from), log(to));
        let log_middle = log_from + (log_to - log_from) * 0.5f32;
        let (from_again, middle) = (exp(log_from), exp(log_middle));
        let towards = |target: f64| {
            let (up, down) = ancestral(from_again, target);
            let ratio = down / from_again;
            (ratio, [1.0 - ratio, 0.0, 0.0, 0.0], up)
        };
        let draw = |to: f64| Draw::Brownian { from: from_again, to };
        let (x, history, up) = towards(middle);
        let first = eval(levels.timesteps[i], from, Combination { x, history, noise: up, ..Combination::default() });
        evals.push(Eval { save: Some(Combination::of_x(1.0)), noise: draw(middle), ..first });
        let end = exp(log_to);
        let (saved, history, up) = towards(end);
        // The timestep is that of the middle in double precision.
        let timestep = noise.timestep_of((from * to).sqrt());
        let second = eval(timestep, middle, Combination { saved, history, noise: up, ..Combination::default() });
        evals.push(Eval { noise: draw(end), ..second });
    }
    let table = (0..evals.len()).map(|i| [1.0, levels.sigmas[i.div_ceil(2)]]).collect();
    let lowest = levels.sigmas.iter().copied().filter(|sigma| *sigma > 0.0).fold(f64::INFINITY, f64::min);
    let highest = levels.sigmas.iter().copied().fold(0.0, f64::max);
    let path = BrownianPath { sigma_min: lowest, sigma_max: highest, seed: config.noise_sampler_seed };
    Ok((Schedule { evals, levels: table, init_noise_sigma: levels.init_noise_sigma }, path))
}

fn log(sigma: f64) -> f32 {
    sigma.ln() as f32
}

fn exp(log: f32) -> f64 {
    f64::from(f64::from(log).exp() as f32)
}
