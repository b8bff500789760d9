//! The noise table of the training schedule.
//!
//! Upstream keeps the table in float32, and at the clean end `1 − alpha_bar` is a difference of nearly equal numbers:
//! there the rounding of the table shows in the fourth digit of sigma. So the table is computed with the same
//! roundings; everything after it is f64.

use protocol::SchedulerKind;

use super::SchedulerError;
use super::config::{SchedulerConfig, unsupported};

/// Defaults that differ from class to class.
pub(super) struct BetaDefaults {
    pub start: f64,
    pub end: f64,
    pub schedule: &'static str,
}

/// Defaults of most classes: DDPM's.
pub(super) const DDPM_BETAS: BetaDefaults = BetaDefaults { start: 0.0001, end: 0.02, schedule: "linear" };
/// Defaults of the classes that came from k-diffusion: Stable Diffusion's ends, but straight.
pub(super) const K_BETAS: BetaDefaults = BetaDefaults { start: 0.00085, end: 0.012, schedule: "linear" };

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
    /// Logs of `sigmas`, in single precision too and to numpy's last bit: where timesteps are cut off to whole numbers
    /// that bit decides between 998 and 999.
    pub log_sigmas: Vec<f64>,
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
        let sigmas: Vec<f32> = alphas_cumprod.iter().map(|a| ((1.0 - a) / a).sqrt()).collect();
        let log_sigmas = sigmas.iter().map(|sigma| f64::from(log(*sigma))).collect();
        Ok(Self { alphas_cumprod, sigmas, log_sigmas })
    }

    /// `alpha_bar` of a timestep. Negative ones count from the noisy end, as Python's indices do: upstream's rounding
    /// makes a timestep −1 for a few step counts. None beyond the end of the table.
    pub(super) fn alpha_at(&self, timestep: i64) -> Option<f64> {
        let index = if timestep < 0 { timestep + self.alphas_cumprod.len() as i64 } else { timestep };
        usize::try_from(index).ok().and_then(|index| self.alphas_cumprod.get(index)).map(|a| f64::from(*a))
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
        let above = self.log_sigmas.partition_point(|log_sigma| *log_sigma <= wanted);
        let low = above.saturating_sub(1).min(self.sigmas.len() - 2);
        let (a, b) = (self.log_sigmas[low], self.log_sigmas[low + 1]);
        let share = ((a - wanted) / (a - b)).clamp(0.0, 1.0);
        (1.0 - share) * low as f64 + share * (low + 1) as f64
    }
}

fn betas(kind: SchedulerKind, config: &SchedulerConfig, defaults: &BetaDefaults) -> Result<Vec<f32>, SchedulerError> {
    if let Some(trained) = &config.trained_betas {
        if trained.len() < 2 {
            return Err(unsupported(kind, "trained_betas", &format!("{trained:?}"), "at least 2 are needed"));
        }
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

/// Polynomials of numpy's float32 logarithm, highest power first: their quotient is `log(1 + x)` near 0.
const LOG_ABOVE: [f32; 6] = [0.025_899_792, 0.380_883_78, 1.480_000_6, 2.112_677_6, 1.0, 0.0];
const LOG_BELOW: [f32; 6] = [0.005_875_095_3, 0.154_647_63, 0.986_494_3, 2.453_006, 2.612_677_6, 1.0];

/// Natural logarithm with numpy's rounding, which is not always the nearest.
fn log(x: f32) -> f32 {
    if !x.is_normal() {
        return x.ln();
    }
    let bits = x.to_bits();
    let mut exponent = (bits >> 23) as f32 - 126.0;
    let mut mantissa = f32::from_bits(bits & 0x007f_ffff | 0x3f00_0000);
    if mantissa < std::f32::consts::FRAC_1_SQRT_2 {
        mantissa *= 2.0;
        exponent -= 1.0;
    }
    let y = mantissa - 1.0;
    let at = |powers: &[f32; 6]| powers.iter().fold(0.0, |sum: f32, factor| sum.mul_add(y, *factor));
    exponent.mul_add(std::f32::consts::LN_2, at(&LOG_ABOVE) / at(&LOG_BELOW))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_have_numpys_last_bit() {
        // numpy.log of float32; the nearest float32 is another one in each case.
        let known =
            [(14.035_733, 2.641_606_3), (14.470_555, 2.672_116), (10.715_84, 2.371_723_2), (9.229_552, 2.222_410_7)];
        for (x, want) in known {
            assert_eq!(log(x), want, "log {x}");
            assert_ne!(f64::from(x).ln() as f32, want, "log {x}");
        }
        assert_eq!((log(1.0), log(0.0)), (0.0, f32::NEG_INFINITY));
    }
}
