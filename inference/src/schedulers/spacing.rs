//! How N steps are spread over the training schedule: timesteps, and the noise levels at and after them.

use protocol::SchedulerKind;

use super::config::{SchedulerConfig, Spacing, unsupported};
use super::noise::Noise;
use super::respacing::Respacing;
use super::{Run, SchedulerError};

/// Whether the sampler is one of the names of `DPMSolverMultistepScheduler`.
pub(super) fn is_dpm_solver(kind: SchedulerKind) -> bool {
    matches!(kind, SchedulerKind::DpmPp2M | SchedulerKind::DpmPp2MKarras | SchedulerKind::DpmPp2MSde)
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

/// `round(last − i · train / n) − 1`, counted down to 0 as numpy's `arange` does it. For a few counts (61, 103, 121 and
/// 122 of 1000) its rounding makes one entry more than was asked for, timestep −1, and upstream runs it.
fn trailing(last: usize, train: usize, n: usize) -> Vec<f64> {
    let (start, ratio) = (last as f64, train as f64 / n as f64);
    // The difference of the first two entries, not the ratio itself, is what is multiplied.
    let step = (start - ratio) - start;
    let count = (start / ratio).ceil() as usize;
    (0..count).map(|i| (start + i as f64 * step).round_ties_even() - 1.0).collect()
}

/// Timesteps and sigmas (one more than timesteps: the level after the last step), and the scale of the first latents.
pub(super) struct Levels {
    pub timesteps: Vec<f64>,
    pub sigmas: Vec<f64>,
    pub init_noise_sigma: f64,
}

impl Levels {
    /// Of the samplers that work on unscaled latents `x0 + sigma · noise`. Classes ignore keys that they do not
    /// know, but for `sigma_min` and `sigma_max`: `from_config` keeps those for classes that do not list them, too.
    pub(super) fn unscaled(run: &Run, noise: &Noise) -> Result<Self, SchedulerError> {
        let Run { kind, config, steps: n, .. } = *run;
        let spacing = config.spacing(kind, Spacing::Linspace)?;
        let mut timesteps = match run.timesteps {
            Some(custom) => custom.iter().map(|t| f64::from(*t)).collect(),
            None => timesteps(spacing, config, n, false),
        };
        let (max, min) = ends(&noise.sigmas);
        let mut sigmas: Vec<f64> = match config.interpolation_type.as_deref().unwrap_or("linear") {
            _ if kind != SchedulerKind::Euler => timesteps.iter().map(|t| noise.sigma_at(*t)).collect(),
            "linear" => timesteps.iter().map(|t| noise.sigma_at(*t)).collect(),
            // One level more than there are timesteps, the ends of the table included whatever the spacing.
            "log_linear" => linspace(max.ln(), min.ln(), n + 1).into_iter().map(f64::exp).collect(),
            other => return Err(unsupported(kind, "interpolation_type", other, "use linear or log_linear")),
        };
        if let Some(respacing) = Respacing::of(kind, config)? {
            // These two have their own Karras levels, which know no limits.
            let fixed = matches!(kind, SchedulerKind::Lms | SchedulerKind::DpmPpSde) && respacing == Respacing::Karras;
            let limit = |key: Option<f64>| key.filter(|_| !fixed);
            let max = limit(config.sigma_max).or(sigmas.first().copied()).unwrap_or_default();
            let min = limit(config.sigma_min).or(sigmas.last().copied()).unwrap_or_default();
            sigmas = respacing.sigmas(max, min, n);
            timesteps = sigmas.iter().map(|sigma| f64::from(noise.timestep_of(*sigma) as f32)).collect();
        }
        sigmas.push(final_sigma(kind, config, noise)?);
        for sigma in &mut sigmas {
            *sigma = f64::from(*sigma as f32);
        }
        let max = sigmas.iter().copied().fold(0.0, f64::max);
        let init_noise_sigma = if spacing == Spacing::Leading { max.hypot(1.0) } else { max };
        Ok(Self { timesteps, sigmas, init_noise_sigma })
    }

    /// Of the DPM-Solver family, which spreads N + 1 points and leaves the cleanest out, and knows whole timesteps only.
    pub(super) fn scaled(run: &Run, noise: &Noise) -> Result<Self, SchedulerError> {
        let Run { kind, config, steps: n, .. } = *run;
        let train = config.num_train_timesteps();
        // Noisier than this the schedule is cut off; lambda = -log(sigma).
        let clip = config.lambda_min_clipped.filter(|_| is_dpm_solver(kind)).unwrap_or(f64::NEG_INFINITY);
        let clipped = noise.sigmas.iter().filter(|sigma| -f64::from(sigma.ln()) < clip).count();
        let last = train.saturating_sub(clipped);
        let mut timesteps: Vec<f64> = match config.spacing(kind, Spacing::Linspace)? {
            _ if run.timesteps.is_some() => run.timesteps.unwrap_or_default().iter().map(|t| f64::from(*t)).collect(),
            Spacing::Linspace => {
                let points = linspace(0.0, last as f64 - 1.0, n + 1);
                points.into_iter().skip(1).rev().map(f64::round_ties_even).collect()
            }
            Spacing::Leading => {
                let offset = config.steps_offset.unwrap_or(0) as f64;
                (1..=n).rev().map(|i| (i * (last / (n + 1))) as f64 + offset).collect()
            }
            Spacing::Trailing => trailing(last, train, n),
        };
        let later = matches!(kind, SchedulerKind::Deis | SchedulerKind::UniPc);
        let respacing = Respacing::of(kind, config)?;
        let mut sigmas: Vec<f64> = match respacing {
            None => timesteps.iter().map(|t| noise.sigma_at(*t)).collect(),
            Some(respacing) => {
                let (max, min) = if respacing == Respacing::Lu {
                    ends(&noise.log_sigmas)
                } else {
                    let (max, min) = ends(&noise.sigmas);
                    (config.sigma_max.unwrap_or(max), config.sigma_min.unwrap_or(min))
                };
                let sigmas = respacing.sigmas(max, min, n);
                let is_cosine = config.beta_schedule.as_deref() == Some("squaredcos_cap_v2");
                // Upstream stores whole numbers: rounded here, cut off there.
                let rounds = matches!(respacing, Respacing::Karras | Respacing::Lu) && (later || !is_cosine);
                let store = |t: f64| if rounds { t.round_ties_even() } else { t.trunc() };
                timesteps = sigmas.iter().map(|sigma| store(noise.timestep_of(*sigma))).collect();
                sigmas
            }
        };
        // Respaced levels end at their own last one in the two classes that came later.
        let after = final_sigma(kind, config, noise)?;
        let own = sigmas.last().copied().filter(|_| later && respacing.is_some() && after > 0.0);
        sigmas.push(own.unwrap_or(after));
        let sigmas = sigmas.into_iter().map(|sigma| f64::from(sigma as f32)).collect();
        Ok(Self { timesteps, sigmas, init_noise_sigma: 1.0 })
    }
}

/// The last and the first entry of the training schedule's table: the largest and the smallest level.
fn ends<T: Copy + Into<f64>>(table: &[T]) -> (f64, f64) {
    let at = |entry: Option<&T>| entry.map_or(0.0, |value| (*value).into());
    (at(table.last()), at(table.first()))
}

/// The noise level after the last step.
fn final_sigma(kind: SchedulerKind, config: &SchedulerConfig, noise: &Noise) -> Result<f64, SchedulerError> {
    match config.final_sigmas_type.as_deref().unwrap_or("zero") {
        // This class has no such key, and always ends at the smallest level; most of the others always end at 0.
        _ if kind == SchedulerKind::Deis => Ok(f64::from(noise.sigmas[0])),
        _ if !is_dpm_solver(kind) && !matches!(kind, SchedulerKind::Euler | SchedulerKind::UniPc) => Ok(0.0),
        "zero" => Ok(0.0),
        "sigma_min" => Ok(f64::from(noise.sigmas[0])),
        other => Err(unsupported(kind, "final_sigmas_type", other, "use zero or sigma_min")),
    }
}
