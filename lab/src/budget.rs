//! What a run will cost on this device, and the best that fits into a number of seconds.
//!
//! `T(N) = text + NFE(N) · evaluation + decode + steps · preview`. The honest unit is the model evaluation (NFE): Heun and
//! DPM2 take 2N − 1 for N steps, PNDM N + 1. Costs are measured, never looked up: the cost of an evaluation is the median
//! of what the steps of earlier runs took, the first ones left out because they compile and allocate.

mod alternatives;

pub use alternatives::{Alternative, Basis, Candidate, Change, rank};

use crate::{
    grid::{evaluations, executed_steps},
    recommend::CurvePoint,
    stats::{median, quantile},
};
use protocol::{GenerateRequest, STEPS_MAX, STEPS_MIN};
use serde::{Deserialize, Serialize};

/// A device that is this much slower at the end than at the beginning is said to be throttling.
pub const THROTTLING: f64 = 1.2;

/// What the parts of a run cost, in seconds, for one model, size and device, guidance as it was when measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// Encoding the prompt, once a run.
    pub text: f64,
    /// One model evaluation; both calls where guidance is on.
    pub evaluation: f64,
    /// Decoding the picture, once a run.
    pub decode: f64,
    /// Making and sending the preview of one step.
    pub preview: f64,
}

impl Costs {
    /// Seconds of a run of so many evaluations and steps.
    pub fn seconds(&self, evaluations: u32, steps: u32) -> f64 {
        self.text + f64::from(evaluations) * self.evaluation + self.decode + f64::from(steps) * self.preview
    }

    /// Seconds of a request.
    pub fn of(&self, request: &GenerateRequest) -> f64 {
        self.seconds(evaluations(request), executed_steps(request))
    }

    /// The costs of a request whose guidance stops before the end: its later evaluations cost `single`, an evaluation
    /// without guidance; where none was measured, half of one with it.
    #[must_use]
    pub fn where_guidance_stops(self, request: &GenerateRequest, single: Option<f64>) -> Self {
        let steps = executed_steps(request).max(1);
        if request.guidance_scale <= 1.0 || request.guidance_stop >= 1.0 {
            return self;
        }
        let share = f64::from(request.guided_steps(steps)) / f64::from(steps);
        let single = single.unwrap_or(self.evaluation / 2.0);
        Self { evaluation: share * self.evaluation + (1.0 - share) * single, ..self }
    }

    /// The largest number of steps whose run fits into `budget` seconds; `None` where not even one does.
    pub fn most_steps(&self, request: &GenerateRequest, budget: f64) -> Option<u32> {
        let fits = |n: &u32| self.of(&GenerateRequest { num_inference_steps: *n, ..request.clone() }) <= budget;
        (STEPS_MIN..=STEPS_MAX).rev().find(fits)
    }
}

/// One step of a finished run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTime {
    /// Seconds, previews left out.
    pub seconds: f64,
    /// Model evaluations of the step: 1 or 2.
    pub evaluations: u32,
}

/// What an evaluation costs, measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Median of the seconds per evaluation.
    pub evaluation: f64,
    /// Nine of ten evaluations were quicker than this.
    pub p90: f64,
    /// Steps that counted.
    pub steps: usize,
    /// Median of the last third by that of the first third: above 1 the device got slower.
    pub slowdown: f64,
}

impl Measured {
    /// Whether the device got slower while it worked ([`THROTTLING`]): predictions should use the later runs.
    pub fn throttling(&self) -> bool {
        self.slowdown > THROTTLING
    }
}

/// Measures the cost of an evaluation from the steps of one run, in order. The first step warms up and is left out,
/// the first two of six or more. `None` where nothing is left.
pub fn measure(steps: &[StepTime]) -> Option<Measured> {
    let warm_up = if steps.len() >= 6 { 2 } else { 1 };
    let usable = |step: &&StepTime| step.evaluations > 0 && step.seconds.is_finite();
    let each = |step: &StepTime| step.seconds / f64::from(step.evaluations);
    let costs: Vec<f64> = steps.iter().skip(warm_up).filter(usable).map(each).collect();
    let third = (costs.len() / 3).max(1);
    let (early, late) = (median(costs.get(..third)?)?, median(costs.get(costs.len() - third..)?)?);
    let slowdown = if costs.len() >= 6 && early > 0.0 { late / early } else { 1.0 };
    Some(Measured { evaluation: median(&costs)?, p90: quantile(&costs, 0.9)?, steps: costs.len(), slowdown })
}

/// What fits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Seconds that there are.
    pub budget: f64,
    /// Largest number of steps that fits; `None` where not even one does.
    pub most: Option<u32>,
    /// What to take: the recommended number if it fits, else the most that does.
    pub steps: Option<u32>,
    /// Predicted seconds of that.
    pub seconds: Option<f64>,
    /// Whether the recommended number fits; `None` where there is no recommendation.
    pub reaches: Option<bool>,
    /// Predicted error of `steps`, in the unit of the curve.
    pub error: Option<f64>,
}

/// The best within `budget` seconds: `min(N*, N_max)`, and what that loses.
pub fn fit(
    costs: &Costs,
    request: &GenerateRequest,
    budget: f64,
    recommended: Option<u32>,
    curve: &[CurvePoint],
    order: f64,
) -> Fit {
    let most = costs.most_steps(request, budget);
    let steps = most.map(|most| recommended.map_or(most, |n| n.min(most)));
    let seconds = steps.map(|n| costs.of(&GenerateRequest { num_inference_steps: n, ..request.clone() }));
    let reaches = recommended.map(|n| most.is_some_and(|most| n <= most));
    Fit { budget, most, steps, seconds, reaches, error: steps.and_then(|n| predicted_error(curve, order, n)) }
}

/// Error of `steps` that was not tested, from the nearest number that was: it falls like `N^-order`.
pub fn predicted_error(curve: &[CurvePoint], order: f64, steps: u32) -> Option<f64> {
    let distance = |n: u32| (f64::from(n).ln() - f64::from(steps).ln()).abs();
    let known = curve.iter().filter_map(|point| Some((point.steps, point.error?[1])));
    let (n, error) = known.min_by(|a, b| distance(a.0).total_cmp(&distance(b.0)))?;
    Some(error * (f64::from(n) / f64::from(steps)).powf(order))
}

#[cfg(test)]
mod tests;
