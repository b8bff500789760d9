//! What else could be done where the recommended number of steps does not fit: ranked by time, measured where it was.

use super::Costs;
use protocol::SchedulerKind;
use serde::{Deserialize, Serialize};

/// A change to a run that makes it quicker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Another solver, or the same on another schedule of noise levels (Karras).
    Scheduler {
        /// Which.
        kind: SchedulerKind,
    },
    /// Guidance is switched off after a share of the steps.
    GuidanceOffLate {
        /// Share of the steps that keep it, 0..=1.
        after: f64,
    },
    /// The tiny autoencoder decodes.
    TinyDecoder,
    /// No previews while it runs.
    NoPreviews,
    /// A model distilled for few steps.
    DistilledModel {
        /// Identifier in the catalogue.
        model: String,
    },
    /// A smaller picture.
    Smaller {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
}

/// Where a number of seconds comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Runs with this very change were measured on this device.
    Measured,
    /// Worked out from measured parts.
    Predicted,
}

/// A change that could be made, with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The change.
    pub change: Change,
    /// Steps that it takes: its own recommendation where there is one, else the number at hand.
    pub steps: u32,
    /// Model evaluations that those take.
    pub evaluations: u32,
    /// Costs with the change made.
    pub costs: Costs,
    /// Where the costs come from.
    pub basis: Basis,
    /// Its estimated error, where it was measured.
    pub error: Option<f64>,
}

impl Candidate {
    /// Another sampler at `steps`, which is its own recommendation if there is one. Evaluations cost the same.
    pub fn scheduler(kind: SchedulerKind, steps: u32, costs: &Costs, error: Option<f64>) -> Self {
        let basis = if error.is_some() { Basis::Measured } else { Basis::Predicted };
        let change = Change::Scheduler { kind };
        Self { change, steps, evaluations: kind.evaluations(steps), costs: *costs, basis, error }
    }

    /// Guidance off after a share of the steps. `single` is the cost of an evaluation without guidance; where it was
    /// not measured, half of one with it.
    pub fn guidance_off_late(steps: u32, evaluations: u32, costs: &Costs, after: f64, single: Option<f64>) -> Self {
        let after = after.clamp(0.0, 1.0);
        let single = single.unwrap_or(costs.evaluation / 2.0);
        let costs = Costs { evaluation: after * costs.evaluation + (1.0 - after) * single, ..*costs };
        let change = Change::GuidanceOffLate { after };
        Self { change, steps, evaluations, costs, basis: Basis::Predicted, error: None }
    }

    /// The tiny decoder, whose cost was measured.
    pub fn tiny_decoder(steps: u32, evaluations: u32, costs: &Costs, decode: f64) -> Self {
        let costs = Costs { decode, ..*costs };
        Self { change: Change::TinyDecoder, steps, evaluations, costs, basis: Basis::Measured, error: None }
    }

    /// The same run without previews.
    pub fn no_previews(steps: u32, evaluations: u32, costs: &Costs) -> Self {
        let costs = Costs { preview: 0.0, ..*costs };
        Self { change: Change::NoPreviews, steps, evaluations, costs, basis: Basis::Predicted, error: None }
    }

    /// A distilled model at the number of steps that it was made for.
    pub fn distilled(model: &str, steps: u32, costs: Costs, basis: Basis) -> Self {
        let change = Change::DistilledModel { model: model.to_owned() };
        Self { change, steps, evaluations: steps, costs, basis, error: None }
    }

    /// A smaller picture. Convolutions go with the area; attention saves more, so this predicts too much rather than too
    /// little. Sizes are `[width, height]`.
    pub fn smaller(steps: u32, evaluations: u32, costs: &Costs, from: [u32; 2], to: [u32; 2]) -> Self {
        let area = |[width, height]: [u32; 2]| f64::from(width) * f64::from(height);
        let ratio = area(to) / area(from).max(1.0);
        let [width, height] = to;
        let costs = Costs {
            evaluation: costs.evaluation * ratio,
            decode: costs.decode * ratio,
            preview: costs.preview * ratio,
            ..*costs
        };
        let change = Change::Smaller { width, height };
        Self { change, steps, evaluations, costs, basis: Basis::Predicted, error: None }
    }
}

/// A change with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// The change.
    #[serde(flatten)]
    pub change: Change,
    /// Steps that it takes.
    pub steps: u32,
    /// Seconds of a run.
    pub seconds: f64,
    /// Whether that fits into the budget.
    pub fits: bool,
    /// Where the seconds come from.
    pub basis: Basis,
    /// Its estimated error, where it was measured.
    pub error: Option<f64>,
}

/// Ranks changes: those that fit first, then by time.
pub fn rank(candidates: Vec<Candidate>, budget: f64) -> Vec<Alternative> {
    let timed = |candidate: Candidate| {
        let Candidate { change, steps, evaluations, costs, basis, error } = candidate;
        let seconds = costs.seconds(evaluations, steps);
        Alternative { change, steps, seconds, fits: seconds <= budget, basis, error }
    };
    let mut ranked: Vec<Alternative> = candidates.into_iter().map(timed).collect();
    ranked.sort_by(|a, b| b.fits.cmp(&a.fits).then(a.seconds.total_cmp(&b.seconds)));
    ranked
}
