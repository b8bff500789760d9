//! The smallest number of steps that is enough, and why.
//!
//! The method is step doubling. What is wanted is the error against the picture that infinitely many steps would give;
//! what can be had is the distance between two runs of one seed, of N and of M ≥ 2N steps. If the error falls like
//! `N^-p`, then `e(N) = d(N, M) / (1 − (N/M)^p)`: no reference of hundreds of steps is needed, and an estimate never
//! depends on larger runs than its own M, so the answer does not move when the sweep is made longer.
//!
//! N is enough for a seed where `e(M) ≤ tolerance` for **all** tested M ≥ N; enough for the recommendation where that
//! holds for a share (three quarters) of at least four seeds. Where nothing passes, there is no number. Samplers that draw
//! noise have no limit to converge to: for them the spread over seeds is told instead.

mod evidence;
mod pareto;
mod verdict;
mod votes;

pub use evidence::{Evidence, Ladder, Partner, Run, Rung, Spread};
pub use pareto::pareto;
pub use verdict::{
    Band, Confidence, CurvePoint, LadderResult, Reason, Recheck, Recommendation, StepError, Verdict, recheck, recommend,
};
pub use votes::{Calibration, VOTES_MIN, Vote, calibrate};

use crate::samplers::{is_stochastic, traits};
use protocol::GenerateRequest;
use serde::{Deserialize, Serialize};

/// What a distance is measured in. The same must be used for all runs of one recommendation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// [`crate::metrics::latent_rmse`] of the final latents.
    #[default]
    LatentRmse,
    /// [`crate::metrics::rmse`] of the pictures.
    PixelRmse,
    /// 1 − [`crate::metrics::ssim`] of the pictures.
    Dssim,
}

impl Metric {
    /// A difference that is hard to see at full size, side by side; to be replaced by what a user's own blind votes say
    /// ([`calibrate`]). Latents: a tenth of their standard deviation, which the embedded model decodes to about 35 dB;
    /// pixels: 32 dB.
    pub const fn default_tolerance(self) -> f64 {
        match self {
            Self::LatentRmse => 0.1,
            Self::PixelRmse => 0.025,
            Self::Dssim => 0.02,
        }
    }
}

/// What is known of the sampler whose runs are judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// Order of convergence, `p`.
    pub order: f64,
    /// Whether pictures change with N by design.
    pub stochastic: bool,
    /// Whether runs of different N start at different noise levels (`timestep_spacing: "leading"`), so that even large
    /// N differ by more than the solver's error.
    pub start_moves: bool,
}

/// Noise levels closer than this share are the same.
const SAME_LEVEL: f64 = 0.005;

impl Method {
    /// Of a request, where nothing else is known; [`Method::of_ends`] knows more. `start_moves` is a property of the
    /// model's scheduler config, which the request does not have. A moving start costs the first order, however good the
    /// solver is.
    pub fn of(request: &GenerateRequest, start_moves: bool) -> Self {
        let order = if start_moves { 1.0 } else { traits(request.scheduler).order_of_moving_end };
        Self { order, stochastic: is_stochastic(request), start_moves }
    }

    /// Of a request and what its runs showed: the noise level (sigma) of the first and of the last step for each
    /// number of steps, as step reports have them. Runs of one step say nothing and are left out.
    pub fn of_ends(request: &GenerateRequest, ends: &[[f64; 2]]) -> Self {
        let moves = |end: usize| {
            let levels = || ends.iter().filter(|[first, last]| first > last).map(|levels| levels[end]);
            levels().fold(0.0, f64::max) > (1.0 + SAME_LEVEL) * levels().fold(f64::INFINITY, f64::min)
        };
        let known = ends.iter().filter(|[first, last]| first > last).count() > 1;
        let method = Self::of(request, known && moves(0));
        if known && !method.start_moves && !moves(1) {
            return Self { order: traits(request.scheduler).order, ..method };
        }
        method
    }
}

/// Which order an error estimate uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The sampler's own, from [`crate::samplers`].
    #[default]
    Declared,
    /// What the next smaller doubling shows, between 0.5 and the sampler's own; the sampler's own where there is none.
    Observed,
}

/// When a number of steps counts as enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Criteria {
    /// What distances are measured in.
    pub metric: Metric,
    /// Largest error, in the metric's unit.
    pub tolerance: f64,
    /// Share of the seeds for which it must hold.
    pub share: f64,
    /// Fewest seeds for any recommendation.
    pub seeds: usize,
    /// Which order the estimates use.
    pub order: Order,
}

impl Default for Criteria {
    fn default() -> Self {
        Self::of(Metric::default())
    }
}

impl Criteria {
    /// The metric's own tolerance, three quarters of at least four seeds.
    pub const fn of(metric: Metric) -> Self {
        Self { metric, tolerance: metric.default_tolerance(), share: 0.75, seeds: 4, order: Order::Declared }
    }
}

#[cfg(test)]
mod tests;
