//! What the votes say, in sentences.

use crate::{
    compare::votes::{Answer, Ballot, calibration},
    format,
};
use lab::recommend::{Metric, VOTES_MIN};

/// What is known by now; nothing before the first vote.
pub fn sentences(cast: &[Ballot]) -> Vec<String> {
    if cast.is_empty() {
        return Vec::new();
    }
    let told = cast.iter().filter(|ballot| ballot.answer == Answer::Many).count();
    let wrong = cast.iter().filter(|ballot| ballot.answer == Answer::Few).count();
    let mistaken = match wrong {
        0 => String::new(),
        wrong => {
            let times = if wrong == 1 { "once".into() } else { format!("{wrong} times") };
            format!("; you preferred the quicker one {times}, which counts as not told apart")
        }
    };
    let pairs = if cast.len() == 1 { "pair" } else { "pairs" };
    let mut all = vec![format!("Of {} {pairs} you told {told} apart{mistaken}.", cast.len())];
    let metric = Metric::LatentRmse;
    let errors = || cast.iter().filter_map(|ballot| ballot.errors[0]);
    all.push(match calibration(cast, metric) {
        Ok(known) => {
            let more = match known.at_most_known {
                true => " No larger one was told apart, so it may be more: vote on pairs of fewer steps.",
                false => "",
            };
            format!(
                "The largest error that you could not tell from none is about {} in the latents ({:.0}\u{a0}% of your votes \
                 agree; without votes, {} is assumed). That is your tolerance for a sweep.{more}",
                format::figure(known.tolerance),
                100.0 * known.agreement,
                format::figure(metric.default_tolerance())
            )
        }
        Err(_) if cast.len() < VOTES_MIN => {
            format!("From {VOTES_MIN} votes on they amount to a tolerance: {} to go.", VOTES_MIN - cast.len())
        }
        Err(_) if 2 * told > cast.len() => {
            let least = errors().fold(f64::INFINITY, f64::min);
            format!(
                "You see errors of {} in the latents, and smaller ones were not shown yet: vote on pairs of more steps.",
                format::figure(least)
            )
        }
        Err(_) => "The answers contradict each other too much for a tolerance: vote on more pairs.".into(),
    });
    all
}
