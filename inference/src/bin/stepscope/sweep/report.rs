//! What a sweep found, in words.

use super::analysis::Group;
use lab::recommend::{Confidence, Criteria, Metric, Reason, Recheck, Recommendation, Verdict};
use std::fmt::Write;

const START_MOVES: &str = "this model's spacing starts each number of steps at another noise level, so that even large \
                           numbers differ; dpmpp-2m-karras starts all at the same";

/// A group's table, its verdict with the reasons, and its re-check.
pub fn group(group: &Group) -> String {
    let mut out = String::new();
    if let Some(label) = &group.label {
        out += &format!("\n{label}\n");
    }
    let Recommendation { verdict, criteria, curve, seeds, method, .. } = &group.recommendation;
    out += "   steps   seconds   error: median (quartiles)     seeds within tolerance\n";
    for point in curve {
        let error = match point.error {
            Some([low, middle, high]) => format!("{middle:.4} ({low:.4} to {high:.4})"),
            None => "not known: no run of twice as many".to_owned(),
        };
        let share = if point.error.is_some() { format!("{:.0} %", 100.0 * point.share) } else { String::new() };
        let mark = if point.pareto { "*" } else { " " };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{mark} {:>6} {:>9.3}   {error:<34}{share:>6}", point.steps, point.seconds);
    }
    if curve.iter().any(|point| point.pareto) {
        out += "* no other is both quicker and better\n";
    }
    out += &sentence(verdict, criteria, *seeds);
    if matches!(verdict, Verdict::NotConverged { .. }) && method.start_moves {
        out += &format!("Note: {}.\n", START_MOVES);
    }
    if let Some(between) = group.recommendation.between() {
        out += &format!("To narrow it down, test {between}, too.\n");
    }
    if let Some(knee) = group.knee {
        out +=
            &format!("For comparison only: the curve's knee is at {knee}, which moves with the range that is swept.\n");
    }
    if let Some(check) = &group.recheck {
        out += &recheck(check, criteria);
    }
    out
}

fn metric(metric: Metric) -> &'static str {
    match metric {
        Metric::LatentRmse => "RMSE of the latents",
        Metric::PixelRmse => "RMSE of the pixels",
        Metric::Dssim => "1 - SSIM",
    }
}

fn sentence(verdict: &Verdict, criteria: &Criteria, seeds: usize) -> String {
    let tolerance = format!("{} ({})", criteria.tolerance, metric(criteria.metric));
    match verdict {
        Verdict::Enough { steps, band, seconds, error, confidence, reasons } => {
            let sure = match confidence {
                Confidence::High => "high",
                Confidence::Medium => "medium",
                Confidence::Low => "low",
            };
            let hardest = band.hardest.map_or("never got there".to_owned(), |n| format!("needs {n}"));
            let mut out = format!(
                "Recommendation: {steps} steps ({seconds:.2} s), confidence {sure}.\n  The error is {error:.4}, \
                 the tolerance {tolerance}; {seeds} seeds. Enough from {} up to {} tested; the easiest seed needs {}, \
                 the hardest {hardest}.\n",
                band.from, band.to, band.easiest
            );
            for reason in reasons {
                out += &format!("  - {}\n", reason_text(reason));
            }
            out
        }
        Verdict::NotConverged { steps, error, share, test } => {
            let next = test.map_or("no more can be asked for".to_owned(), |n| format!("test {n}"));
            let share = 100.0 * share;
            format!(
                "No recommendation: not converged in the tested range. At {steps} steps the error is {error:.4}, the \
                 tolerance {tolerance}; {share:.0} % of the seeds are within it. Next: {next}.\n"
            )
        }
        Verdict::Stochastic { spread, change } => {
            let mut out = "No recommendation: this sampler draws noise at every step, so the picture changes with the \
                           number of steps by design.\n"
                .to_owned();
            for spread in spread {
                let change = change.iter().find(|change| change.steps == spread.steps);
                let change =
                    change.map_or(String::new(), |c| format!("; from there to twice as many {:.4}", c.distance));
                out += &format!("  - {} steps: seeds are {:.4} apart{change}\n", spread.steps, spread.distance);
            }
            out
        }
        Verdict::TooFewSeeds { seeds, least } => {
            format!(
                "No recommendation: {seeds} seeds are finished, and it takes {least}. Next: --seeds 0-{}.\n",
                least - 1
            )
        }
        Verdict::TooFewPoints { doublings, least } => format!(
            "No recommendation: {doublings} of the numbers tested were doubled, and it takes {least}. Next: --steps 4,8,16.\n"
        ),
    }
}

fn reason_text(reason: &Reason) -> String {
    match reason {
        Reason::WithinTolerance { passing, ladders } => {
            format!("{passing} of {ladders} seeds stay within the tolerance from there on")
        }
        Reason::FewerFails { steps, error } => format!("{steps} steps are not enough: their error is {error:.4}"),
        Reason::LastDoubling { test } => format!("doubt: no larger number confirms it; test {test} to be sure"),
        Reason::NearTolerance { ratio } => {
            format!("doubt: the error is close to the tolerance ({:.0} % of it)", 100.0 * ratio)
        }
        Reason::SeedsDiffer { ladders, most: Some(most) } => {
            format!("doubt: {ladders} seeds need over twice as many, up to {most}")
        }
        Reason::SeedsDiffer { ladders, most: None } => {
            format!("doubt: {ladders} seeds need over twice as many; not all got there")
        }
        Reason::SlowerThanOrder { observed, declared } => {
            format!("doubt: the error falls like N^-{observed:.1}, slower than the sampler's order {declared}")
        }
        Reason::StartMoves => format!("doubt: {START_MOVES}"),
    }
}

fn recheck(check: &Recheck, criteria: &Criteria) -> String {
    let Some(rate) = check.hit_rate() else { return "Re-check: nothing was tested.\n".to_owned() };
    let errors = check.ladders.iter().flat_map(|ladder| &ladder.errors).map(|error| error.error);
    let worst = errors.fold(0.0, f64::max);
    format!(
        "Re-check on what had no part in it: {} steps are within the tolerance of {} for {} of {} ({:.0} %); the worst \
         error is {worst:.4}.\n",
        check.steps,
        criteria.tolerance,
        check.hits,
        check.tested,
        100.0 * rate
    )
}
