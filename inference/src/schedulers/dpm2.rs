//! `KDPM2DiscreteScheduler` and `KDPM2AncestralDiscreteScheduler` (Karras et al. 2022, algorithm 2): a look at the
//! middle of the step, in log sigma, whose slope serves the whole step. Two model calls a step, one in the last.
//!
//! Matched oddities: with Karras levels only the timesteps of the levels are whole, not those of the middles; the table
//! that inpainting reads has the level at the end of the step in the place of the look at its middle.

use super::euler::derivative;
use super::noise::{K_BETAS, Noise, ZeroSnr};
use super::schedule::{ancestral, denoised_unscaled};
use super::spacing::Levels;
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run, draws_noise: bool) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, .. } = *run;
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &K_BETAS, ZeroSnr::Ignored)?;
    let levels = Levels::unscaled(run, &noise)?;
    let whole = config.use_karras_sigmas == Some(true);
    let store = |t: f64| if whole { t.round_ties_even() } else { t };
    let eval = |outer_step: usize, timestep: f64, sigma: f64, update: Combination| {
        let to_denoised = denoised_unscaled(prediction, sigma);
        Eval {
            outer_step,
            timestep,
            sigma,
            input_scale: 1.0 / sigma.hypot(1.0),
            to_denoised,
            to_history: derivative(to_denoised, sigma),
            remember: false,
            update,
            save: None,
            noise: Draw::None,
            known: CLEAN,
            clip: None,
        }
    };
    let steps = levels.timesteps.len();
    let mut evals = Vec::with_capacity(2 * steps);
    for i in 0..steps {
        let (from, to) = (levels.sigmas[i], levels.sigmas[i + 1]);
        let last = i + 1 == steps;
        let (up, down) = if draws_noise { ancestral(from, to) } else { (0.0, to) };
        let middle = if last { 0.0 } else { (from * down).sqrt() };
        let towards = Combination { x: 1.0, history: [middle - from, 0.0, 0.0, 0.0], ..Combination::default() };
        let mut first = eval(i, store(levels.timesteps[i]), from, towards);
        if last {
            evals.push(first);
            break;
        }
        first.save = Some(Combination::of_x(1.0));
        evals.push(first);
        let over =
            Combination { saved: 1.0, history: [down - from, 0.0, 0.0, 0.0], noise: up, ..Combination::default() };
        let mut second = eval(i, noise.timestep_of(middle), middle, over);
        if draws_noise {
            second.noise = Draw::Normal;
        }
        evals.push(second);
    }
    // Upstream's table has the level at the end of the step in the place of the look at its middle.
    let table = (0..evals.len()).map(|i| [1.0, levels.sigmas[i.div_ceil(2)]]).collect();
    Ok(Schedule { evals, levels: table, init_noise_sigma: levels.init_noise_sigma })
}
