//! `DPMSolverMultistepScheduler` with `dpmsolver++` (Lu et al. 2022): an exponential integrator of the predicted clean
//! latents that extrapolates from the previous prediction. First order at the first step and where it must be. With
//! `sde-dpmsolver++` it draws noise at every step.

use protocol::SchedulerKind;

use super::config::{SchedulerConfig, Spacing, unsupported};
use super::schedule::{DDPM_BETAS, Noise, ZeroSnr, denoised_scaled, final_sigma, karras, linspace, scales, trailing};
use super::{CLEAN, Combination, Draw, Eval, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, .. } = *run;
    let solver = Solver::new(kind, config)?;
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &DDPM_BETAS, ZeroSnr::Guarded)?;
    let levels = levels(run, config, &noise)?;
    let steps = levels.timesteps.len();
    let evals = (0..steps)
        .map(|i| {
            let sigma = levels.sigmas[i];
            let (signal, noise_scale) = scales(sigma);
            let last = i + 1 == steps;
            let first_order = solver.order == 1
                || i <= run.begin
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
                noise: if solver.stochastic { Draw::Normal } else { Draw::None },
                known: CLEAN,
                clip: None,
            }
        })
        .collect();
    Ok(Schedule::scaled(evals))
}

struct Solver {
    stochastic: bool,
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
        let stochastic = match config.algorithm_type.as_deref().unwrap_or("dpmsolver++") {
            _ if kind == SchedulerKind::DpmPp2MSde => true,
            "dpmsolver++" | "deis" => false,
            "sde-dpmsolver++" => true,
            other => return Err(unsupported(kind, "algorithm_type", other, "use dpmsolver++")),
        };
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
            stochastic,
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
        // The stochastic variant shrinks the old latents further and makes up for it with fresh noise.
        let (shrink, reach) = if self.stochastic { (decay, 2.0) } else { (1.0, 1.0) };
        let lost = 1.0 - decay.powf(reach);
        let gain = next_signal * lost;
        let mut history = [gain, 0.0, 0.0, 0.0];
        let h = -decay.ln();
        // A step of no length (Karras levels that end at sigma_min twice) has no slope either.
        if let Some(before) = before.filter(|_| h > 0.0) {
            let slope = if self.heun { next_signal * (1.0 - lost / (reach * h)) } else { 0.5 * gain };
            let inverse_ratio = h / (before / sigma).ln();
            history = [gain + slope * inverse_ratio, -slope * inverse_ratio, 0.0, 0.0];
        }
        let fresh = if self.stochastic { next_noise * lost.sqrt() } else { 0.0 };
        Combination { x: next_noise / noise * shrink, history, noise: fresh, ..Combination::default() }
    }
}

/// Timesteps, and noise levels with the one after the last step.
pub(super) struct Levels {
    pub timesteps: Vec<f64>,
    pub sigmas: Vec<f64>,
}

pub(super) fn levels(run: &Run, config: &SchedulerConfig, noise: &Noise) -> Result<Levels, SchedulerError> {
    let Run { kind, steps: n, .. } = *run;
    let train = noise.sigmas.len();
    // Noisier than this the schedule is cut off; lambda = -log(sigma).
    let clip = config.lambda_min_clipped.unwrap_or(f64::NEG_INFINITY);
    let last = noise.sigmas.iter().filter(|sigma| -f64::from(sigma.ln()) >= clip).count();
    let whole = |t: f64| t.round_ties_even();
    let mut timesteps: Vec<f64> = match config.spacing(kind, Spacing::Linspace)? {
        _ if run.timesteps.is_some() => run.timesteps.unwrap_or_default().iter().map(|t| f64::from(*t)).collect(),
        Spacing::Linspace => linspace(0.0, last as f64 - 1.0, n + 1).into_iter().skip(1).rev().map(whole).collect(),
        Spacing::Leading => {
            let offset = config.steps_offset.unwrap_or(0) as f64;
            (1..=n).rev().map(|i| (i * (last / (n + 1))) as f64 + offset).collect()
        }
        Spacing::Trailing => trailing(last, train, n),
    };
    let (max, min) = (f64::from(noise.sigmas[train - 1]), f64::from(noise.sigmas[0]));
    let is_karras = kind == SchedulerKind::DpmPp2MKarras || config.use_karras_sigmas == Some(true);
    let is_exponential = config.use_exponential_sigmas == Some(true);
    let mut sigmas: Vec<f64> = if is_karras {
        karras(max, min, n)
    } else if is_exponential {
        linspace(max.ln(), min.ln(), n).into_iter().map(f64::exp).collect()
    } else {
        timesteps.iter().map(|t| noise.sigma_at(*t)).collect()
    };
    if is_karras || is_exponential {
        let rounds = is_karras && config.beta_schedule.as_deref() != Some("squaredcos_cap_v2");
        // Upstream stores whole numbers: rounded here, cut off there.
        let store = |t: f64| if rounds { t.round_ties_even() } else { t.trunc() };
        timesteps = sigmas.iter().map(|sigma| store(noise.timestep_of(*sigma))).collect();
    }
    // Respaced levels end at their own last one in the two classes that came later.
    let later = matches!(kind, SchedulerKind::Deis | SchedulerKind::UniPc) && (is_karras || is_exponential);
    let last = final_sigma(kind, config, noise)?;
    sigmas.push(if later && last > 0.0 { sigmas.last().copied().unwrap_or(last) } else { last });
    let sigmas = sigmas.into_iter().map(|sigma| f64::from(sigma as f32)).collect();
    Ok(Levels { timesteps, sigmas })
}
