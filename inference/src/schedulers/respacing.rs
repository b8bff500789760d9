//! Noise levels of a sampler's own, between the largest and the smallest: `use_karras_sigmas` and its alternatives.

use protocol::SchedulerKind;

use super::SchedulerError;
use super::config::{SchedulerConfig, unsupported};
use super::spacing::{is_dpm_solver, linspace};

/// How levels are spread where a config does not leave it to the timesteps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Respacing {
    /// Karras et al. 2022, eq. 5, rho 7.
    Karras,
    /// Evenly in log sigma, by the key of the DPM-Solver class alone.
    Lu,
    /// Evenly in log sigma.
    Exponential,
    /// By the quantiles of the beta distribution with both parameters 0.6 (Lee et al. 2024).
    Beta,
}

impl Respacing {
    /// What the config asks for. Upstream refuses two of the three; `use_lu_lambdas`, a key of `DPMSolverMultistep`
    /// alone, gives way to Karras and wins over the others. The ancestral Euler sampler has none of these keys.
    pub(super) fn of(kind: SchedulerKind, config: &SchedulerConfig) -> Result<Option<Self>, SchedulerError> {
        if kind == SchedulerKind::EulerA {
            return Ok(None);
        }
        let is_on = |key: Option<bool>| key == Some(true);
        let karras = is_on(config.use_karras_sigmas) || kind == SchedulerKind::DpmPp2MKarras;
        let found = [
            (karras, "use_karras_sigmas", Self::Karras),
            (is_on(config.use_exponential_sigmas), "use_exponential_sigmas", Self::Exponential),
            (is_on(config.use_beta_sigmas), "use_beta_sigmas", Self::Beta),
        ];
        let mut on = found.into_iter().filter(|(on, ..)| *on);
        let first = on.next();
        if let Some((_, key, _)) = on.next() {
            return Err(unsupported(kind, key, "true", "only one of the ways to space noise levels can be used"));
        }
        Ok(match first {
            _ if is_dpm_solver(kind) && is_on(config.use_lu_lambdas) && !karras => Some(Self::Lu),
            first => first.map(|(_, _, respacing)| respacing),
        })
    }

    /// `n` levels from `max` to `min`, of which `Lu` takes the logs; one level is `max`.
    pub(super) fn sigmas(self, max: f64, min: f64, n: usize) -> Vec<f64> {
        match self {
            Self::Karras => {
                let (high, low) = (max.powf(1.0 / 7.0), min.powf(1.0 / 7.0));
                linspace(0.0, 1.0, n).into_iter().map(|ramp| (high + ramp * (low - high)).powf(7.0)).collect()
            }
            // Upstream takes the first one's ends from the table of logs; the caller hands those over.
            Self::Lu => linspace(max, min, n).into_iter().map(f64::exp).collect(),
            Self::Exponential => linspace(max.ln(), min.ln(), n).into_iter().map(f64::exp).collect(),
            Self::Beta => {
                let quantiles = linspace(0.0, 1.0, n).into_iter().map(|ramp| beta_quantile(1.0 - ramp));
                quantiles.map(|quantile| min + quantile * (max - min)).collect()
            }
        }
    }
}

/// The one shape that samplers use.
const SHAPE: f64 = 0.6;

/// `∫₀ˣ (t (1 − t))^(SHAPE − 1) dt` for `x` up to a half: `x^SHAPE` times a series that gains a bit per term there.
fn incomplete_beta(x: f64) -> f64 {
    let mut factor = 1.0;
    let mut sum = 0.0;
    for n in 0..60 {
        let n = f64::from(n);
        sum += factor / (SHAPE + n);
        factor *= x * (1.0 - SHAPE + n) / (1.0 + n);
    }
    x.powf(SHAPE) * sum
}

/// Quantile of the symmetric beta distribution with both parameters `SHAPE`, by Newton's method. Written out because
/// this shape is the only one asked for: symmetry brings everything to the half where the series is short.
fn beta_quantile(p: f64) -> f64 {
    if p > 0.5 {
        return 1.0 - beta_quantile(1.0 - p);
    }
    if p <= 0.0 {
        return 0.0;
    }
    let area = 2.0 * p * incomplete_beta(0.5);
    // The first term of the series, solved; the density falls, so the start is above the root and Newton comes down.
    let mut x = (area * SHAPE).powf(1.0 / SHAPE).min(0.5);
    for _ in 0..60 {
        let density = (x * (1.0 - x)).powf(SHAPE - 1.0);
        let step = (incomplete_beta(x) - area) / density;
        let next = (x - step).clamp(x / 2.0, 0.5);
        if (next - x).abs() <= f64::EPSILON * x {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_beta_distribution_are_scipys() {
        // scipy.stats.beta.ppf(p, 0.6, 0.6)
        let known = [
            (1e-6, 1.855_882_462_405_304_3e-10),
            (0.01, 0.000_861_238_821_542_905_9),
            (0.1, 0.039_584_405_588_780_85),
            (0.3, 0.234_017_003_875_235_72),
            (0.5, 0.5),
            (0.75, 0.824_319_621_347_305),
            (0.999, 0.999_981_441_261_482_6),
        ];
        for (p, want) in known {
            let got = beta_quantile(p);
            assert!((got - want).abs() <= 1e-12 * want, "{p}: {got} {want}");
        }
        assert_eq!((beta_quantile(0.0), beta_quantile(1.0)), (0.0, 1.0));
    }
}
