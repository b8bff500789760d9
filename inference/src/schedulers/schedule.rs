//! What samplers share: the noise table of the training schedule, and how N steps are spread over it.
//!
//! Upstream keeps the table in float32, and at the clean end `1 − alpha_bar` is a difference of nearly equal numbers:
//! there the rounding of the table shows in the fourth digit of sigma. So the table is computed with the same
//! roundings; everything after it is f64.

use protocol::SchedulerKind;

use super::config::{Prediction, SchedulerConfig, Spacing, unsupported};
use super::{Run, Schedule, SchedulerError};

/// Defaults that differ from class to class.
pub(super) struct BetaDefaults {
    pub start: f64,
    pub end: f64,
    pub schedule: &'static str,
}

/// Defaults of most classes: DDPM's.
pub(super) const DDPM_BETAS: BetaDefaults = BetaDefaults { start: 0.0001, end: 0.02, schedule: "linear" };

/// What becomes of `rescale_betas_zero_snr`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ZeroSnr {
    /// The class has no such key.
    Ignored,
    /// The last `alpha_bar` is exactly 0.
    Exact,
    /// The last `alpha_bar` is 2⁻²⁴, so that the first sigma is finite.
    Guarded,
}

/// The training schedule: `alpha_bar` and sigma by timestep, cleanest first.
pub(super) struct Noise {
    pub alphas_cumprod: Vec<f32>,
    pub sigmas: Vec<f32>,
}

impl Noise {
    pub(super) fn new(
        kind: SchedulerKind,
        config: &SchedulerConfig,
        defaults: &BetaDefaults,
        zero_snr: ZeroSnr,
    ) -> Result<Self, SchedulerError> {
        let mut betas = betas(kind, config, defaults)?;
        let rescale = config.rescale_betas_zero_snr == Some(true) && zero_snr != ZeroSnr::Ignored;
        if rescale {
            rescale_zero_terminal_snr(&mut betas);
        }
        let mut alphas_cumprod = cumulative_product(betas.iter().map(|beta| 1.0 - beta));
        if rescale
            && zero_snr == ZeroSnr::Guarded
            && let Some(last) = alphas_cumprod.last_mut()
        {
            *last = 2f32.powi(-24);
        }
        let sigmas = alphas_cumprod.iter().map(|a| ((1.0 - a) / a).sqrt()).collect();
        Ok(Self { alphas_cumprod, sigmas })
    }

    /// Sigma at a fractional timestep, linear in between, constant beyond the ends.
    pub(super) fn sigma_at(&self, timestep: f64) -> f64 {
        let last = self.sigmas.len() - 1;
        if timestep <= 0.0 {
            return f64::from(self.sigmas[0]);
        }
        if timestep >= last as f64 {
            return f64::from(self.sigmas[last]);
        }
        let i = timestep.floor() as usize;
        let (low, high) = (f64::from(self.sigmas[i]), f64::from(self.sigmas[i + 1]));
        low + (high - low) * (timestep - i as f64)
    }

    /// The fractional timestep of a sigma: linear in log sigma between the table's entries.
    pub(super) fn timestep_of(&self, sigma: f64) -> f64 {
        let wanted = sigma.max(1e-10).ln();
        let above = self.sigmas.partition_point(|s| f64::from(s.ln()) <= wanted);
        let low = above.saturating_sub(1).min(self.sigmas.len() - 2);
        let (a, b) = (f64::from(self.sigmas[low].ln()), f64::from(self.sigmas[low + 1].ln()));
        low as f64 + ((a - wanted) / (a - b)).clamp(0.0, 1.0)
    }
}

fn betas(kind: SchedulerKind, config: &SchedulerConfig, defaults: &BetaDefaults) -> Result<Vec<f32>, SchedulerError> {
    if let Some(trained) = &config.trained_betas {
        return Ok(trained.iter().map(|beta| *beta as f32).collect());
    }
    let n = config.num_train_timesteps();
    if n < 2 {
        return Err(unsupported(kind, "num_train_timesteps", &n.to_string(), "at least 2 are needed"));
    }
    let (start, end) = (config.beta_start.unwrap_or(defaults.start), config.beta_end.unwrap_or(defaults.end));
    match config.beta_schedule.as_deref().unwrap_or(defaults.schedule) {
        "linear" => Ok(linspace_f32(start, end, n)),
        "scaled_linear" => Ok(linspace_f32(start.sqrt(), end.sqrt(), n).into_iter().map(|b| b * b).collect()),
        "squaredcos_cap_v2" => {
            Ok(betas_for_alpha_bar(n, |t| ((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2)))
        }
        "exp" if kind == SchedulerKind::Heun => Ok(betas_for_alpha_bar(n, |t| (-12.0 * t).exp())),
        other => Err(unsupported(kind, "beta_schedule", other, "use linear, scaled_linear or squaredcos_cap_v2")),
    }
}

/// float32 from both ends towards the middle, as torch does it.
fn linspace_f32(start: f64, end: f64, n: usize) -> Vec<f32> {
    let (start, end) = (start as f32, end as f32);
    let step = (end - start) / (n - 1) as f32;
    (0..n)
        .map(|i| if i < n / 2 { step.mul_add(i as f32, start) } else { (-step).mul_add((n - 1 - i) as f32, end) })
        .collect()
}

fn betas_for_alpha_bar(n: usize, alpha_bar: impl Fn(f64) -> f64) -> Vec<f32> {
    let at = |i: usize| alpha_bar(i as f64 / n as f64);
    (0..n).map(|i| (1.0 - at(i + 1) / at(i)).min(0.999) as f32).collect()
}

/// Accumulated in double precision, stored in single, as torch does it.
fn cumulative_product(alphas: impl Iterator<Item = f32>) -> Vec<f32> {
    alphas
        .scan(1.0f64, |product, alpha| {
            *product *= f64::from(alpha);
            Some(*product as f32)
        })
        .collect()
}

/// Shifts and scales `sqrt(alpha_bar)` so that the last step holds no signal at all (Lin et al. 2023, algorithm 1).
fn rescale_zero_terminal_snr(betas: &mut [f32]) {
    let mut roots: Vec<f32> =
        cumulative_product(betas.iter().map(|beta| 1.0 - beta)).into_iter().map(f32::sqrt).collect();
    let (Some(&first), Some(&last)) = (roots.first(), roots.last()) else { return };
    let scale = first / (first - last);
    for root in &mut roots {
        *root = (*root - last) * scale;
    }
    let mut before = 1.0;
    for (beta, root) in betas.iter_mut().zip(roots) {
        let now = root * root;
        *beta = 1.0 - now / before;
        before = now;
    }
}

/// `n` numbers from `start` to `end`, both included; one number is `start`.
pub(super) fn linspace(start: f64, end: f64, n: usize) -> Vec<f64> {
    let step = if n > 1 { (end - start) / (n - 1) as f64 } else { 0.0 };
    (0..n).map(|i| if n > 1 && i == n - 1 { end } else { i as f64 * step + start }).collect()
}

/// Timesteps from noisiest to cleanest, as the Euler family and DDIM spread them. `whole` rounds those of `linspace`.
pub(super) fn timesteps(spacing: Spacing, config: &SchedulerConfig, n: usize, whole: bool) -> Vec<f64> {
    let train = config.num_train_timesteps();
    match spacing {
        Spacing::Linspace => {
            let round = |t: f64| if whole { t.round_ties_even() } else { f64::from(t as f32) };
            linspace(0.0, train as f64 - 1.0, n).into_iter().rev().map(round).collect()
        }
        Spacing::Leading => {
            let offset = config.steps_offset.unwrap_or(0) as f64;
            (0..n).rev().map(|i| (i * (train / n)) as f64 + offset).collect()
        }
        Spacing::Trailing => trailing(train, train, n),
    }
}

/// `round(last − i · train / n) − 1`. For a few counts (61 of 1000 is the first) rounding gives upstream one entry too
/// many, timestep −1; a run has the steps that were asked for here.
pub(super) fn trailing(last: usize, train: usize, n: usize) -> Vec<f64> {
    let start = last as f64;
    // The difference of the first two entries, not the ratio itself, is what numpy's `arange` multiplies.
    let step = (start - train as f64 / n as f64) - start;
    let list = (0..n).map(|i| (start + i as f64 * step).round_ties_even() - 1.0);
    list.take_while(|t| *t >= 0.0).collect()
}

/// The noise levels of Karras et al. 2022, eq. 5, rho 7.
pub(super) fn karras(sigma_max: f64, sigma_min: f64, n: usize) -> Vec<f64> {
    let (high, low) = (sigma_max.powf(1.0 / 7.0), sigma_min.powf(1.0 / 7.0));
    linspace(0.0, 1.0, n).into_iter().map(|ramp| (high + ramp * (low - high)).powf(7.0)).collect()
}

/// Timesteps and sigmas (one more than timesteps: the level after the last step) of the samplers that work on
/// unscaled latents `x0 + sigma · noise`, and the scale of their first latents.
pub(super) struct Levels {
    pub timesteps: Vec<f64>,
    pub sigmas: Vec<f64>,
    pub init_noise_sigma: f64,
}

impl Levels {
    /// As Euler, Euler a and Heun choose them; `config` has only the keys that the class knows.
    pub(super) fn new(run: &Run, config: &SchedulerConfig, noise: &Noise) -> Result<Self, SchedulerError> {
        let Run { kind, steps: n, .. } = *run;
        config.refuse(kind, &[("use_beta_sigmas", config.use_beta_sigmas)])?;
        let spacing = config.spacing(kind, Spacing::Linspace)?;
        let mut timesteps = match run.timesteps {
            Some(custom) => custom.iter().map(|t| f64::from(*t)).collect(),
            None => timesteps(spacing, config, n, false),
        };
        let mut sigmas: Vec<f64> = timesteps.iter().map(|t| noise.sigma_at(*t)).collect();
        let max = config.sigma_max.or(sigmas.first().copied()).unwrap_or_default();
        let min = config.sigma_min.or(sigmas.last().copied()).unwrap_or_default();
        let respaced = if config.use_karras_sigmas == Some(true) {
            Some(karras(max, min, n))
        } else if config.use_exponential_sigmas == Some(true) {
            Some(linspace(max.ln(), min.ln(), n).into_iter().map(f64::exp).collect())
        } else {
            None
        };
        if let Some(respaced) = respaced {
            timesteps = respaced.iter().map(|sigma| f64::from(noise.timestep_of(*sigma) as f32)).collect();
            sigmas = respaced;
        }
        sigmas.push(final_sigma(kind, config, noise)?);
        for sigma in &mut sigmas {
            *sigma = f64::from(*sigma as f32);
        }
        let max = sigmas.iter().copied().fold(0.0, f64::max);
        let init_noise_sigma = if spacing == Spacing::Leading { max.hypot(1.0) } else { max };
        Ok(Self { timesteps, sigmas, init_noise_sigma })
    }
}

/// The noise level after the last step.
pub(super) fn final_sigma(kind: SchedulerKind, config: &SchedulerConfig, noise: &Noise) -> Result<f64, SchedulerError> {
    match config.final_sigmas_type.as_deref().unwrap_or("zero") {
        "zero" => Ok(0.0),
        "sigma_min" => Ok(f64::from(noise.sigmas[0])),
        other => Err(unsupported(kind, "final_sigmas_type", other, "use zero or sigma_min")),
    }
}

/// Factors of signal and noise at a noise level, their squares adding up to 1.
pub(super) fn scales(sigma: f64) -> (f64, f64) {
    let signal = 1.0 / sigma.hypot(1.0);
    (signal, sigma * signal)
}

/// Clean latents from unscaled latents (`x0 + sigma · noise`) and the output of a model that saw them scaled.
pub(super) fn denoised_unscaled(prediction: Prediction, sigma: f64) -> [f64; 2] {
    match prediction {
        Prediction::Epsilon => [1.0, -sigma],
        Prediction::V => [1.0 / (sigma * sigma + 1.0), -sigma / sigma.hypot(1.0)],
        Prediction::Sample => [0.0, 1.0],
    }
}

/// Clean latents from latents `signal · x0 + noise_scale · noise` and the model's output.
pub(super) fn denoised_scaled(prediction: Prediction, signal: f64, noise_scale: f64) -> [f64; 2] {
    match prediction {
        Prediction::Epsilon => [1.0 / signal, -noise_scale / signal],
        Prediction::V => [signal, -noise_scale],
        Prediction::Sample => [0.0, 1.0],
    }
}

/// Noise levels `(up, down)` of an ancestral step: the model's slope leads down to `down`, fresh noise of `up` from
/// there to `to`. In float32 as upstream: `down` is a difference that loses digits after a long step.
pub(super) fn ancestral(from: f64, to: f64) -> (f64, f64) {
    let (square_from, square_to) = ((from as f32).powi(2), (to as f32).powi(2));
    let up = (square_to * (square_from - square_to) / square_from).max(0.0).sqrt();
    let down = f64::from((square_to - up * up).max(0.0).sqrt());
    // Where nothing is left of it (upstream then divides by zero), its exact value.
    (f64::from(up), if down > 0.0 { down } else { to * to / from })
}

/// What a user is shown as the noise level of `alpha_bar`: finite where there is no signal left at all.
pub(super) fn shown_sigma(alpha_cumprod: f64) -> f64 {
    let alpha = alpha_cumprod.max(2f64.powi(-24));
    ((1.0 - alpha) / alpha).sqrt()
}

/// Refuses plans with coefficients that are not finite, which upstream would turn into pictures of NaN.
pub(super) fn all_finite(kind: SchedulerKind, schedule: Schedule) -> Result<Schedule, SchedulerError> {
    if schedule.evals.iter().all(|e| e.to_denoised.iter().chain(&e.to_history).all(|c| c.is_finite())) {
        return Ok(schedule);
    }
    Err(SchedulerError::Unsupported {
        key: "rescale_betas_zero_snr",
        value: "true".into(),
        scheduler: kind,
        remedy: "a model that predicts noise cannot start without any signal: use a v-prediction model or euler".into(),
    })
}
