//! `DPMSolverMultistepScheduler` (Lu et al. 2022): an exponential integrator that extrapolates from the previous
//! predictions, of the clean latents (`dpmsolver++`) or of the noise (`dpmsolver`). The `sde-` variants draw noise at
//! every step. Orders 1 to 3; a step whose memory is too short has a lower order.
//!
//! Matched oddities: the last step is of first order where the schedule ends at 0, or with fewer than 15 steps (of the
//! whole schedule, whatever part of it is run), and the one before it at most of second order with fewer than 15; only
//! order 3 or `final_sigmas_type: sigma_min` shows a kink from 14 to 15 steps. An order above 3 is 3.

use protocol::SchedulerKind;

use super::config::{SchedulerConfig, unsupported};
use super::noise::{DDPM_BETAS, Noise, ZeroSnr};
use super::schedule::{denoised_scaled, noise_in, scales};
use super::spacing::Levels;
use super::{CLEAN, Combination, Draw, Eval, HISTORY, Run, Schedule, SchedulerError};

pub(super) fn schedule(run: &Run) -> Result<Schedule, SchedulerError> {
    let Run { kind, config, .. } = *run;
    let solver = Solver::new(kind, config)?;
    let prediction = config.prediction(kind)?;
    let noise = Noise::new(kind, config, &DDPM_BETAS, ZeroSnr::Guarded)?;
    let levels = Levels::scaled(run, &noise)?;
    let steps = levels.timesteps.len();
    let few = solver.lower_order_final && steps < 15;
    let mut evals = Vec::with_capacity(steps);
    for i in run.begin..steps {
        let sigma = levels.sigmas[i];
        let (signal, noise_scale) = scales(sigma);
        let most = match steps - 1 - i {
            0 if few || solver.euler_at_final || solver.ends_at_zero => 1,
            1 if few => 2,
            _ => 3,
        };
        let order = solver.order.min(most).min(i - run.begin + 1);
        if order == 3 && solver.stochastic && !solver.predicts_clean {
            let remedy = "upstream has no third order of it: use order 2, or sde-dpmsolver++";
            return Err(unsupported(kind, "solver_order", "3", remedy));
        }
        let to_denoised = denoised_scaled(prediction, signal, noise_scale);
        let before: Vec<f64> = (1..order).map(|age| levels.sigmas[i - age]).collect();
        evals.push(Eval {
            outer_step: i,
            timestep: levels.timesteps[i],
            sigma,
            input_scale: 1.0,
            to_denoised,
            to_history: if solver.predicts_clean { to_denoised } else { noise_in(prediction, signal, noise_scale) },
            remember: true,
            update: solver.update(&before, sigma, levels.sigmas[i + 1]),
            save: None,
            noise: if solver.stochastic { Draw::Normal } else { Draw::None },
            known: CLEAN,
            clip: None,
        });
    }
    let remedy = "two of its noise levels are the same: take fewer steps";
    Schedule::scaled(evals).finite(run, "num_inference_steps", &run.steps.to_string(), remedy)
}

struct Solver {
    /// Whether the clean latents are what is integrated, or the noise.
    predicts_clean: bool,
    stochastic: bool,
    order: usize,
    heun: bool,
    lower_order_final: bool,
    euler_at_final: bool,
    ends_at_zero: bool,
}

impl Solver {
    fn new(kind: SchedulerKind, config: &SchedulerConfig) -> Result<Self, SchedulerError> {
        config.refuse(kind, &[("thresholding", config.thresholding), ("use_flow_sigmas", config.use_flow_sigmas)])?;
        let ends_at_zero = config.final_sigmas_type.as_deref().unwrap_or("zero") == "zero";
        let algorithm = match config.algorithm_type.as_deref().unwrap_or("dpmsolver++") {
            _ if kind == SchedulerKind::DpmPp2MSde => "sde-dpmsolver++",
            // The other solver's name for its own variant; upstream maps it to its default, but not for noise level 0.
            "deis" if !ends_at_zero => "dpmsolver++",
            known @ ("dpmsolver" | "dpmsolver++" | "sde-dpmsolver" | "sde-dpmsolver++") => known,
            other => return Err(unsupported(kind, "algorithm_type", other, "use dpmsolver++")),
        };
        let predicts_clean = algorithm.ends_with("++");
        if ends_at_zero && !predicts_clean {
            let remedy = "set final_sigmas_type to sigma_min: this algorithm cannot step to noise level 0";
            return Err(unsupported(kind, "algorithm_type", algorithm, remedy));
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
            predicts_clean,
            stochastic: algorithm.starts_with("sde"),
            order: config.solver_order(kind)?.min(3),
            heun,
            lower_order_final: config.lower_order_final.unwrap_or(true),
            euler_at_final: config.euler_at_final.unwrap_or(false),
            ends_at_zero,
        })
    }

    /// From noise level `sigma` to `next`, knowing the predictions at the levels `before`, latest first.
    fn update(&self, before: &[f64], sigma: f64, next: f64) -> Combination {
        let ((signal, noise), (next_signal, next_noise)) = (scales(sigma), scales(next));
        // The step in log(signal / noise) = -log(sigma).
        let h = (sigma / next).ln();
        // The stochastic variants reach twice as far and make up for it with fresh noise.
        let reach = if self.stochastic { 2.0 } else { 1.0 };
        let (scale, x) = if self.predicts_clean {
            let shrink = if self.stochastic { next / sigma } else { 1.0 };
            (next_signal, next_noise / noise * shrink)
        } else {
            (next_noise, next_signal / signal)
        };
        // The stochastic variant for noise predictions counts the plain step twice instead of doubling its length.
        let (z, times) = if self.predicts_clean { (-reach * h, 1.0) } else { (h, reach) };
        let scale = -scale * times;
        let first = scale * z.exp_m1();
        let (second, third) = if self.heun || before.len() == 2 {
            // The sign of the half is upstream's: the stochastic third order has the other one.
            let half = if self.stochastic { 0.5 } else { -0.5 };
            (scale * (z.exp_m1() / z - 1.0), scale * ((z.exp_m1() - z) / (z * z) + half))
        } else {
            (0.5 * first, 0.0)
        };
        // A step of no length (levels that end at sigma_min twice) has no slope either.
        let history =
            if h != 0.0 { extrapolate(before, sigma, h, [first, second, third]) } else { [first, 0.0, 0.0, 0.0] };
        let fresh = match (self.stochastic, self.predicts_clean) {
            (false, _) => 0.0,
            (true, true) => next_noise * (-(-2.0 * h).exp_m1()).sqrt(),
            (true, false) => next_noise * (2.0 * h).exp_m1().sqrt(),
        };
        Combination { x, history, noise: fresh, ..Combination::default() }
    }
}

/// Factors of the predictions, from those of the latest one and of its first two differences over log levels.
fn extrapolate(before: &[f64], sigma: f64, h: f64, [value, slope, bend]: [f64; 3]) -> [f64; HISTORY] {
    match *before {
        [] => [value, 0.0, 0.0, 0.0],
        [one] => {
            let difference = slope * h / (one / sigma).ln();
            [value + difference, -difference, 0.0, 0.0]
        }
        [one, two, ..] => {
            let (near, far) = ((one / sigma).ln() / h, (two / one).ln() / h);
            // Divided differences: near (m0 - m1) / near, far (m1 - m2) / far.
            let share = near / (near + far);
            let near_factor = (slope * (1.0 + share) + bend / (near + far)) / near;
            let far_factor = -(slope * share + bend / (near + far)) / far;
            [value + near_factor, far_factor - near_factor, -far_factor, 0.0]
        }
    }
}
