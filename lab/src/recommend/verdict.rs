//! The rule itself, and what it answers: numbers and reasons as data. Words are made by whoever shows them.

use super::{Criteria, Evidence, Ladder, Method, Order, Spread, pareto};
use crate::stats::{median, quantile};
use serde::{Deserialize, Serialize};

/// Fewest error estimates (doublings) for any recommendation.
const ESTIMATES_MIN: usize = 2;

/// The error of one run, estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepError {
    /// `num_inference_steps`, N.
    pub steps: u32,
    /// Steps of the run that it was compared with, M.
    pub reference: u32,
    /// d(N, M).
    pub distance: f64,
    /// Order of convergence that was used.
    pub order: f64,
    /// Estimated distance from the picture of infinitely many steps; infinite where it could not be measured.
    pub error: f64,
}

/// What one prompt and seed say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LadderResult {
    /// Which prompt, as the caller counted.
    pub prompt: usize,
    /// The seed.
    #[serde(with = "crate::table::as_text")]
    pub seed: u64,
    /// Smallest N from which on all estimates are within the tolerance.
    pub enough: Option<u32>,
    /// Rising in steps.
    pub errors: Vec<StepError>,
}

/// One number of steps over all ladders.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// `num_inference_steps`.
    pub steps: u32,
    /// Median of the runs' seconds.
    pub seconds: f64,
    /// Lower quartile, median, upper quartile of the estimated errors; `None` where there is no run of twice as many
    /// steps.
    pub error: Option<[f64; 3]>,
    /// Share of the ladders for which this many steps are enough.
    pub share: f64,
    /// Whether no other number of steps is both quicker and better.
    pub pareto: bool,
}

/// How sure a recommendation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Two or more doubts.
    Low,
    /// One doubt.
    Medium,
    /// No doubt among those that are looked for.
    High,
}

/// Why a recommendation is what it is. All but the first two are doubts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// So many of the ladders (prompt and seed) are within the tolerance from here on.
    WithinTolerance {
        /// Ladders that are.
        passing: usize,
        /// All ladders.
        ladders: usize,
    },
    /// The next smaller number that was tested is not enough.
    FewerFails {
        /// That number.
        steps: u32,
        /// Its median error.
        error: f64,
    },
    /// No larger number has an estimate that would confirm it: the sweep ends at the next doubling.
    LastDoubling {
        /// Steps to test to be sure.
        test: u32,
    },
    /// The median error is close to the tolerance.
    NearTolerance {
        /// Error by tolerance, at most 1.
        ratio: f64,
    },
    /// Some seeds need much more (over twice as many steps), or never got there.
    SeedsDiffer {
        /// Ladders that do.
        ladders: usize,
        /// The most that one of them needs; `None` where one never got there.
        most: Option<u32>,
    },
    /// The error falls much slower than the sampler's order says: estimates are too small.
    SlowerThanOrder {
        /// Observed.
        observed: f64,
        /// Of the sampler.
        declared: f64,
    },
    /// Runs of different N start at different noise levels.
    StartMoves,
}

/// The step counts that are enough, and how seeds spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// Fewest tested steps that are enough: the recommendation.
    pub from: u32,
    /// Most steps that were tested.
    pub to: u32,
    /// What the most easily pleased ladder needs.
    pub easiest: u32,
    /// What the hardest ladder needs; `None` where one never got within the tolerance.
    pub hardest: Option<u32>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// So many steps are enough.
    Enough {
        /// The number: the smallest tested one that passes.
        steps: u32,
        /// What else is enough, and for whom.
        band: Band,
        /// Median seconds of a run.
        seconds: f64,
        /// Estimated error: median over the ladders.
        error: f64,
        /// How sure.
        confidence: Confidence,
        /// Why.
        reasons: Vec<Reason>,
    },
    /// Nothing that was tested is enough; there is no number.
    NotConverged {
        /// Largest number that has an estimate.
        steps: u32,
        /// Its median error.
        error: f64,
        /// Share of ladders within the tolerance there.
        share: f64,
        /// The next number to test, where the limit on steps leaves one.
        test: Option<u32>,
    },
    /// The sampler draws noise: pictures change with N by design, and no number is the right one.
    Stochastic {
        /// Distance between seeds, by steps: the quality to compare, not the likeness.
        spread: Vec<Spread>,
        /// Median distance between N and twice as many steps, by steps: how much the picture changes.
        change: Vec<Spread>,
    },
    /// Fewer seeds than the criteria ask for.
    TooFewSeeds {
        /// Seeds whose runs are complete.
        seeds: usize,
        /// How many it takes.
        least: usize,
    },
    /// Fewer doublings than it takes to see an error fall.
    TooFewPoints {
        /// Doublings tested (N and at least 2N).
        doublings: usize,
        /// How many it takes.
        least: usize,
    },
}

/// The answer with everything that it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// The answer.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// When a number of steps counted as enough.
    pub criteria: Criteria,
    /// What is known of the sampler.
    pub method: Method,
    /// Distinct seeds that counted.
    pub seeds: usize,
    /// Each prompt and seed.
    pub ladders: Vec<LadderResult>,
    /// Error and seconds by steps.
    pub curve: Vec<CurvePoint>,
}

impl Recommendation {
    /// The recommended number, where there is one.
    pub fn steps(&self) -> Option<u32> {
        match self.verdict {
            Verdict::Enough { steps, .. } => Some(steps),
            _ => None,
        }
    }

    /// What to test next to narrow the recommendation down: half way between it and the largest smaller number that was
    /// tested. `None` where there is no recommendation, or no whole number between them.
    pub fn between(&self) -> Option<u32> {
        let steps = self.steps()?;
        let below = self.curve.iter().map(|point| point.steps).filter(|n| *n < steps).max()?;
        let middle = below + (steps - below) / 2;
        (middle > below).then_some(middle)
    }
}

/// Applies the rule of [`super`].
pub fn recommend(evidence: &Evidence, method: &Method, criteria: &Criteria) -> Recommendation {
    let finished = evidence.finished(criteria.seeds);
    let used = finished.as_ref().unwrap_or(evidence);
    let ladders: Vec<LadderResult> = used.ladders.iter().map(|ladder| judge(ladder, method, criteria)).collect();
    let curve = curve(used, &ladders);
    let doublings = curve.iter().filter(|point| point.error.is_some()).count();
    let verdict = if method.stochastic {
        let change = |point: &CurvePoint| {
            let at = ladders.iter().flat_map(|l| &l.errors).filter(|e| e.steps == point.steps).map(|e| e.distance);
            median(&at.collect::<Vec<_>>()).map(|distance| Spread { steps: point.steps, distance })
        };
        Verdict::Stochastic { spread: used.spread.clone(), change: curve.iter().filter_map(change).collect() }
    } else if finished.is_none() {
        Verdict::TooFewSeeds { seeds: evidence.seeds(), least: criteria.seeds }
    } else if doublings < ESTIMATES_MIN {
        Verdict::TooFewPoints { doublings, least: ESTIMATES_MIN }
    } else {
        decide(&curve, &ladders, method, criteria)
    };
    Recommendation { verdict, criteria: *criteria, method: *method, seeds: used.seeds(), ladders, curve }
}

fn judge(ladder: &Ladder, method: &Method, criteria: &Criteria) -> LadderResult {
    let mut errors: Vec<StepError> = Vec::new();
    for rung in &ladder.rungs {
        let Some(partner) = rung.partner else { continue };
        let below = errors.iter().find(|before| before.reference == rung.steps);
        let order = match (criteria.order, below.and_then(|before| observed(before, partner.distance))) {
            (Order::Observed, Some(seen)) => seen.clamp(0.5f64.min(method.order), method.order),
            _ => method.order,
        };
        let share = (f64::from(rung.steps) / f64::from(partner.steps)).powf(order);
        let error = partner.distance / (1.0 - share);
        let error = if error.is_nan() { f64::INFINITY } else { error };
        let (steps, reference, distance) = (rung.steps, partner.steps, partner.distance);
        errors.push(StepError { steps, reference, distance, order, error });
    }
    let within = errors.iter().rev().take_while(|e| e.error <= criteria.tolerance).last();
    LadderResult { prompt: ladder.prompt, seed: ladder.seed, enough: within.map(|e| e.steps), errors }
}

/// The order that two doublings in a row show: the distance fell by the ratio of the steps to the power of p.
fn observed(before: &StepError, distance: f64) -> Option<f64> {
    let ratio = f64::from(before.reference) / f64::from(before.steps);
    let order = (before.distance / distance).ln() / ratio.ln();
    order.is_finite().then_some(order)
}

fn curve(evidence: &Evidence, ladders: &[LadderResult]) -> Vec<CurvePoint> {
    let mut points = Vec::new();
    for steps in evidence.steps() {
        let rungs = evidence.ladders.iter().flat_map(|ladder| &ladder.rungs).filter(|rung| rung.steps == steps);
        let seconds = median(&rungs.map(|rung| rung.seconds).collect::<Vec<_>>()).unwrap_or_default();
        let errors = ladders.iter().flat_map(|ladder| &ladder.errors).filter(|error| error.steps == steps);
        let errors: Vec<f64> = errors.map(|error| error.error).collect();
        let at = |share| quantile(&errors, share);
        let error = at(0.25).zip(at(0.5)).zip(at(0.75)).map(|((low, middle), high)| [low, middle, high]);
        let enough = ladders.iter().filter(|ladder| ladder.enough.is_some_and(|n| n <= steps)).count();
        let share = enough as f64 / ladders.len().max(1) as f64;
        points.push(CurvePoint { steps, seconds, error, share, pareto: false });
    }
    let known: Vec<usize> = (0..points.len()).filter(|i| points[*i].error.is_some()).collect();
    let pairs: Vec<_> =
        known.iter().map(|i| (points[*i].seconds, points[*i].error.map_or(f64::NAN, |e| e[1]))).collect();
    for (i, marked) in known.into_iter().zip(pareto(&pairs)) {
        points[i].pareto = marked;
    }
    points
}

fn decide(curve: &[CurvePoint], ladders: &[LadderResult], method: &Method, criteria: &Criteria) -> Verdict {
    let known: Vec<(&CurvePoint, [f64; 3])> = curve.iter().filter_map(|point| Some((point, point.error?))).collect();
    // A hair less than the share, so that 0.75 of 4 is 3 whatever the rounding.
    let passes = |point: &CurvePoint| point.share + 1e-9 >= criteria.share && point.share > 0.0;
    let (Some((last, last_error)), Some(most)) = (known.last(), curve.last()) else {
        return Verdict::TooFewPoints { doublings: 0, least: ESTIMATES_MIN };
    };
    let Some(at) = known.iter().position(|(point, _)| passes(point)) else {
        let next = most.steps.saturating_mul(2).min(protocol::STEPS_MAX);
        let test = (next > most.steps).then_some(next);
        return Verdict::NotConverged { steps: last.steps, error: last_error[1], share: last.share, test };
    };
    let (chosen, [_, error, _]) = known[at];
    let need = ladders.iter().map(|ladder| ladder.enough);
    let easiest = need.clone().flatten().min().unwrap_or(chosen.steps);
    let hardest = if need.clone().all(|n| n.is_some()) { need.clone().flatten().max() } else { None };
    let passing = need.clone().flatten().filter(|n| *n <= chosen.steps).count();
    let mut reasons = vec![Reason::WithinTolerance { passing, ladders: ladders.len() }];
    if let Some((below, [_, error, _])) = at.checked_sub(1).map(|i| known[i]) {
        reasons.push(Reason::FewerFails { steps: below.steps, error });
    }
    let facts = reasons.len();
    if at + 1 == known.len() {
        reasons.push(Reason::LastDoubling { test: most.steps.saturating_mul(2).min(protocol::STEPS_MAX) });
    }
    let ratio = error / criteria.tolerance;
    if ratio > 0.8 {
        reasons.push(Reason::NearTolerance { ratio });
    }
    let harder = need.filter(|n| n.is_none_or(|n| n > 2 * chosen.steps)).count();
    if harder > 0 {
        reasons.push(Reason::SeedsDiffer { ladders: harder, most: hardest });
    }
    if let Some(seen) = observed_at(ladders, chosen.steps).filter(|seen| *seen < 0.6 * method.order) {
        reasons.push(Reason::SlowerThanOrder { observed: seen, declared: method.order });
    }
    if method.start_moves {
        reasons.push(Reason::StartMoves);
    }
    let confidence = match reasons.len() - facts {
        0 => Confidence::High,
        1 => Confidence::Medium,
        _ => Confidence::Low,
    };
    let band = Band { from: chosen.steps, to: most.steps, easiest, hardest };
    Verdict::Enough { steps: chosen.steps, band, seconds: chosen.seconds, error, confidence, reasons }
}

/// Median over the ladders of the order that the distances up to `steps` show.
fn observed_at(ladders: &[LadderResult], steps: u32) -> Option<f64> {
    let of_ladder = |ladder: &LadderResult| {
        let here = ladder.errors.iter().find(|error| error.steps == steps)?;
        let before = ladder.errors.iter().find(|error| error.reference == steps)?;
        observed(before, here.distance)
    };
    median(&ladders.iter().filter_map(of_ladder).collect::<Vec<_>>())
}

/// How a recommendation did on prompts and seeds that had no part in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recheck {
    /// The number that was checked.
    pub steps: u32,
    /// Ladders for which it is within the tolerance.
    pub hits: usize,
    /// Ladders that tested it (it and at least twice as many).
    pub tested: usize,
    /// Each of those.
    pub ladders: Vec<LadderResult>,
}

impl Recheck {
    /// Hits by tested, 0..=1; `None` where nothing was tested.
    pub fn hit_rate(&self) -> Option<f64> {
        (self.tested > 0).then(|| self.hits as f64 / self.tested as f64)
    }
}

/// Checks `steps` on held-out runs by the same rule: within the tolerance there and at all tested larger N.
pub fn recheck(held_out: &Evidence, steps: u32, method: &Method, criteria: &Criteria) -> Recheck {
    let judged = held_out.ladders.iter().map(|ladder| judge(ladder, method, criteria));
    let ladders: Vec<LadderResult> = judged.filter(|l| l.errors.iter().any(|e| e.steps == steps)).collect();
    let hits = ladders.iter().filter(|ladder| ladder.enough.is_some_and(|n| n <= steps)).count();
    Recheck { steps, hits, tested: ladders.len(), ladders }
}
