//! `DPMSolverMultistepScheduler` with `dpmsolver++` (Lu et al. 2022): an exponential integrator of the predicted clean
//! latents that extrapolates from the previous prediction. First order at the first step and where it must be.

use protocol::SchedulerKind;

use super::config::{SchedulerConfig, Spacing, unsupported};
use super::schedule::{DDPM_BETAS, Noise, ZeroSnr, denoised_scaled, final_sigma, karras, linspace, trailing};
use super::{Combination, Eval, Schedule, SchedulerError};

pub(super) fn schedule(
    kind: SchedulerKind,
    config: &SchedulerConfig,
    num_inference_steps: usize,
    force_karras: bool,
) -> Result<Schedule, SchedulerError> {
    let solver = Solver::new(kind, config)?;
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &DDPM_BETAS, ZeroSnr::Guarded)?;
    let levels = levels(kind, config, &noise, num_inference_steps, force_karras)?;
    let steps = levels.timesteps.len();
    let evals = (0..steps)
        .map(|i| {
            let sigma = levels.sigmas[i];
            let (signal, noise_scale) = scales(sigma);
            let last = i + 1 == steps;
            let first_order = solver.order == 1
                || i == 0
                || (last && (solver.euler_at_final || (solver.lower_order_final && steps < 15) || solver.ends_at_zero));
            let to_denoised = denoised_scaled(prediction, signal, noise_scale);
            let before = if first_order { None } else { Some(levels.sigmas[i - 1]) };
            Eval {
                outer_step: i,
                timestep: levels.timesteps[i],
                sigma,
                input_scale: 1.0,
                to_denoised,
                to_history: to_denoised,
                remember: true,
                update: solver.update(before, sigma, levels.sigmas[i + 1]),
                save: None,
                draws_noise: false,
            }
        })
        .collect();
    Ok((evals, 1.0))
}

/// Factors of signal and noise at a noise level, their squares adding up to 1.
fn scales(sigma: f64) -> (f64, f64) {
    let signal = 1.0 / sigma.hypot(1.0);
    (signal, sigma * signal)
}

struct Solver {
    order: usize,
    heun: bool,
    lower_order_final: bool,
    euler_at_final: bool,
    ends_at_zero: bool,
}

impl Solver {
    fn new(kind: SchedulerKind, config: &SchedulerConfig) -> Result<Self, SchedulerError> {
        config.refuse(
            kind,
            &[
                ("thresholding", config.thresholding),
                ("use_beta_sigmas", config.use_beta_sigmas),
                ("use_lu_lambdas", config.use_lu_lambdas),
                ("use_flow_sigmas", config.use_flow_sigmas),
            ],
        )?;
        match config.algorithm_type.as_deref().unwrap_or("dpmsolver++") {
            "dpmsolver++" | "deis" => {}
            other => return Err(unsupported(kind, "algorithm_type", other, "use dpmsolver++")),
        }
        let order = config.solver_order.unwrap_or(2);
        if !(1..=2).contains(&order) {
            return Err(unsupported(kind, "solver_order", &order.to_string(), "use 1 or 2"));
        }
        if let Some(learned @ ("learned" | "learned_range")) = config.variance_type.as_deref() {
            return Err(unsupported(kind, "variance_type", learned, "use a model without learned variance"));
        }
        let heun = match config.solver_type.as_deref().unwrap_or("midpoint") {
            // The last three are other solvers' names for their own variants; upstream maps them to its default.
            "midpoint" | "logrho" | "bh1" | "bh2" => false,
            "heun" => true,
            other => return Err(unsupported(kind, "solver_type", other, "use midpoint or heun")),
        };
        Ok(Self {
            order,
            heun,
            lower_order_final: config.lower_order_final.unwrap_or(true),
            euler_at_final: config.euler_at_final.unwrap_or(false),
            ends_at_zero: config.final_sigmas_type.as_deref().unwrap_or("zero") == "zero",
        })
    }

    /// From noise level `sigma` to `next`; of second order where the level `before` is given.
    fn update(&self, before: Option<f64>, sigma: f64, next: f64) -> Combination {
        let ((_, noise), (next_signal, next_noise)) = (scales(sigma), scales(next));
        // exp(-h), where h is the step in log(signal / noise) = -log(sigma).
        let decay = next / sigma;
        let gain = next_signal * (1.0 - decay);
        let mut history = [gain, 0.0, 0.0, 0.0];
        let h = -decay.ln();
        // A step of no length (Karras levels that end at sigma_min twice) has no slope either.
        if let Some(before) = before.filter(|_| h > 0.0) {
            let slope = if self.heun { next_signal * ((decay - 1.0) / h + 1.0) } else { 0.5 * gain };
            let inverse_ratio = h / (before / sigma).ln();
            history = [gain + slope * inverse_ratio, -slope * inverse_ratio, 0.0, 0.0];
        }
        Combination { x: next_noise / noise, history, ..Combination::default() }
    }
}

struct Levels {
    timesteps: Vec<f64>,
    sigmas: Vec<f64>,
}

fn levels(
    kind: SchedulerKind,
    config: &SchedulerConfig,
    noise: &Noise,
    n: usize,
    force_karras: bool,
) -> Result<Levels, SchedulerError> {
    let train = noise.sigmas.len();
    // Noisier than this the schedule is cut off; lambda = -log(sigma).
    let clip = config.lambda_min_clipped.unwrap_or(f64::NEG_INFINITY);
    let last = noise.sigmas.iter().filter(|sigma| -f64::from(sigma.ln()) >= clip).count();
    let whole = |t: f64| t.round_ties_even();
    let mut timesteps: Vec<f64> = match config.spacing(kind, Spacing::Linspace)? {
        Spacing::Linspace => linspace(0.0, last as f64 - 1.0, n + 1).into_iter().skip(1).rev().map(whole).collect(),
        Spacing::Leading => {
            let offset = config.steps_offset.unwrap_or(0) as f64;
            (1..=n).rev().map(|i| (i * (last / (n + 1))) as f64 + offset).collect()
        }
        Spacing::Trailing => trailing(last, train, n),
    };
    let (max, min) = (f64::from(noise.sigmas[train - 1]), f64::from(noise.sigmas[0]));
    let (karras_sigmas, exponential) = (config.use_karras_sigmas == Some(true), config.use_exponential_sigmas);
    let mut sigmas: Vec<f64> = if force_karras || karras_sigmas {
        karras(max, min, n)
    } else if exponential == Some(true) {
        linspace(max.ln(), min.ln(), n).into_iter().map(f64::exp).collect()
    } else {
        timesteps.iter().map(|t| noise.sigma_at(*t)).collect()
    };
    if force_karras || karras_sigmas || exponential == Some(true) {
        let rounds = force_karras || karras_sigmas;
        let rounds = rounds && config.beta_schedule.as_deref() != Some("squaredcos_cap_v2");
        // Upstream stores whole numbers: rounded here, cut off there.
        let store = |t: f64| if rounds { t.round_ties_even() } else { t.trunc() };
        timesteps = sigmas.iter().map(|sigma| store(noise.timestep_of(*sigma))).collect();
    }
    sigmas.push(final_sigma(kind, config, noise)?);
    let sigmas = sigmas.into_iter().map(|sigma| f64::from(sigma as f32)).collect();
    Ok(Levels { timesteps, sigmas })
}
