//! A tolerance from what a user can see: blind votes on pairs whose error is known.

use crate::{LabError, stats::median};
use serde::{Deserialize, Serialize};

/// Fewest votes to learn from.
pub const VOTES_MIN: usize = 6;

/// A blind vote on two pictures of one seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    /// Error of the worse picture, in the metric's unit.
    pub error: f64,
    /// Whether the user saw a difference and named the better one rightly; guesses and "alike" are no.
    pub told_apart: bool,
}

/// What votes say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Largest error that the user could not tell apart, outliers left out.
    pub tolerance: f64,
    /// Share of the votes that the tolerance explains: not told apart up to it, told apart beyond.
    pub agreement: f64,
    /// Votes that counted.
    pub votes: usize,
    /// Whether no vote lay beyond the tolerance: the user's true one may be larger.
    pub at_most_known: bool,
}

/// Learns a tolerance: the error that splits the votes with the fewest contradictions, so that one slip of the mouse does
/// not move it. Of equally good splits the median one counts.
///
/// # Errors
/// With fewer than [`VOTES_MIN`] usable votes, or where every pair was told apart.
pub fn calibrate(votes: &[Vote]) -> Result<Calibration, LabError> {
    let mut usable: Vec<Vote> = votes.iter().filter(|v| v.error.is_finite() && v.error >= 0.0).copied().collect();
    usable.sort_by(|a, b| a.error.total_cmp(&b.error));
    let refused = LabError::TooFewVotes { votes: usable.len(), least: VOTES_MIN };
    if usable.len() < VOTES_MIN {
        return Err(refused);
    }
    let contradictions = |threshold: f64| usable.iter().filter(|v| v.told_apart == (v.error <= threshold)).count();
    // Every error that could not be told apart is a candidate, and so is "none of them".
    let candidates: Vec<f64> = usable.iter().filter(|v| !v.told_apart).map(|v| v.error).collect();
    let least = candidates.iter().map(|t| contradictions(*t)).min().ok_or(refused.clone())?;
    if contradictions(f64::NEG_INFINITY) < least {
        return Err(refused);
    }
    let best: Vec<f64> = candidates.into_iter().filter(|t| contradictions(*t) == least).collect();
    // The lower middle is one of the candidates; the mean of two would not be.
    let tolerance = best.get((best.len() - 1) / 2).copied().or(median(&best)).ok_or(refused)?;
    let agreement = 1.0 - least as f64 / usable.len() as f64;
    let at_most_known = !usable.iter().any(|v| v.told_apart && v.error > tolerance);
    Ok(Calibration { tolerance, agreement, votes: usable.len(), at_most_known })
}
