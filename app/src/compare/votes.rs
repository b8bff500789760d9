//! The blind vote: pairs of N and 2N steps of one seed, shown without saying which is which, and the tolerance that the
//! answers amount to. Plain Rust.

use crate::run::Run;
use lab::{
    LabError,
    metrics::{self, Channels},
    recommend::{Calibration, Method, Metric, Vote, calibrate},
    samplers::is_stochastic,
};
use protocol::{GenerateRequest, STEPS_MAX};
use serde::{Deserialize, Serialize};

use super::figures::view;

/// Pairs that are made at once.
pub const PAIRS: usize = 4;
/// Most steps of the quicker picture: the other one takes twice as many.
pub const FEW_MAX: u32 = STEPS_MAX / 2;

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The picture of N steps is better.
    Few,
    /// The picture of 2N steps is better.
    Many,
    /// No difference that counts.
    CannotTell,
}

/// A vote as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ballot {
    /// What made the picture of N steps.
    pub request: GenerateRequest,
    /// Its estimated error: latents, pixels, structure, as [`Metric`] has them. `None` where it could not be measured.
    pub errors: [Option<f64>; 3],
    /// What was answered.
    pub answer: Answer,
}

fn index(metric: Metric) -> usize {
    match metric {
        Metric::LatentRmse => 0,
        Metric::PixelRmse => 1,
        Metric::Dssim => 2,
    }
}

/// Two finished runs that differ by nothing but their steps, by their jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Of N steps.
    pub few: u32,
    /// Of 2N steps.
    pub many: u32,
}

/// The request of twice as many steps.
pub fn doubled(request: &GenerateRequest) -> GenerateRequest {
    GenerateRequest { num_inference_steps: 2 * request.num_inference_steps, ..request.clone() }
}

/// Pairs that have not been voted on. Samplers that draw noise make another picture at every count, so none of theirs;
/// nor runs from a picture, whose requests do not say which one.
pub fn pairs(finished: &[&Run], cast: &[Ballot]) -> Vec<Pair> {
    let new = finished.iter().filter(|run| {
        let request = &run.request;
        request.init.is_none() && !is_stochastic(request) && !cast.iter().any(|ballot| ballot.request == *request)
    });
    let pair = |run: &&Run| {
        let doubled = doubled(&run.request);
        let many = finished.iter().find(|other| other.request == doubled)?;
        Some(Pair { few: run.job, many: many.job })
    };
    let mut found: Vec<(GenerateRequest, Pair)> = Vec::new();
    for run in new {
        if let Some(pair) = pair(run)
            && !found.iter().any(|(request, _)| *request == run.request)
        {
            found.push((run.request.clone(), pair));
        }
    }
    found.into_iter().map(|(_, pair)| pair).collect()
}

/// The runs that the next pairs of these steps are made of, seed after seed, those that were voted on left out; without
/// the runs that are there already.
pub fn wanted(base: &GenerateRequest, steps: u32, finished: &[&Run], cast: &[Ballot]) -> Vec<GenerateRequest> {
    let seed = |offset: u64| GenerateRequest {
        num_inference_steps: steps,
        seed: base.seed.wrapping_add(offset),
        ..base.clone()
    };
    let is_new = |few: &GenerateRequest| !cast.iter().any(|ballot| ballot.request == *few);
    let few = (0..).map(seed).filter(is_new).take(PAIRS);
    let both = few.flat_map(|few| [few.clone(), doubled(&few)]);
    both.filter(|request| !finished.iter().any(|run| run.request == *request)).collect()
}

/// The vote on a pair: what was answered, and the error of the quicker picture by step doubling.
pub fn ballot(few: &Run, many: &Run, answer: Answer) -> Ballot {
    let ends = [few, many].map(|run| {
        let sigma = |eval: Option<&protocol::EvalTerms>| eval.map_or(0.0, |eval| eval.sigma);
        [sigma(run.plan.evals.first()), sigma(run.plan.evals.last())]
    });
    let order = Method::of_ends(&few.request, &ends).order;
    let error = |distance: f64| Some(distance / (1.0 - 0.5f64.powf(order))).filter(|error| error.is_finite());
    let pictures = few.picture.as_ref().zip(many.picture.as_ref());
    let pictures = pictures.and_then(|(a, b)| Some((view(a).ok()?, view(b).ok()?)));
    let latents = few.latents.as_ref().zip(many.latents.as_ref());
    let errors = [
        latents.and_then(|(a, b)| error(metrics::latent_rmse(a, b).ok()?)),
        pictures.and_then(|(a, b)| error(metrics::rmse(a, b).ok()?)),
        pictures.and_then(|(a, b)| error(1.0 - metrics::ssim(a, b, Channels::Luma).ok()?)),
    ];
    Ballot { request: few.request.clone(), errors, answer }
}

/// What the votes say of a metric.
///
/// # Errors
/// Those of [`calibrate`]: too few votes, or every pair told apart.
pub fn calibration(cast: &[Ballot], metric: Metric) -> Result<Calibration, LabError> {
    let vote = |ballot: &Ballot| {
        let error = ballot.errors[index(metric)]?;
        Some(Vote { error, told_apart: ballot.answer == Answer::Many })
    };
    calibrate(&cast.iter().filter_map(vote).collect::<Vec<_>>())
}

/// Steps worth voting on next: twice as many where most of the latest pairs were told apart, half as many where not, so
/// that votes gather around what the user can just see. `None` before the first vote.
pub fn next_steps(cast: &[Ballot]) -> Option<u32> {
    let steps = cast.last()?.request.num_inference_steps;
    let same: Vec<_> = cast.iter().rev().take_while(|ballot| ballot.request.num_inference_steps == steps).collect();
    let told = same.iter().filter(|ballot| ballot.answer == Answer::Many).count();
    Some(if 2 * told > same.len() { 2 * steps } else { steps / 2 }.clamp(1, FEW_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{frames::Pixels, run::tests::run};
    use protocol::SchedulerKind;

    fn finished(job: u32, seed: u64, steps: u32, latent: f32) -> Run {
        let mut run = Run { job, picture: Pixels::new(11, 11, &[latent as u8; 484]), ..run(2, 2) };
        run.request.scheduler = SchedulerKind::Euler;
        (run.request.seed, run.request.num_inference_steps) = (seed, steps);
        run.latents = Some(vec![latent; 4].into());
        run
    }

    fn cast(steps: u32, error: f64, answer: Answer) -> Ballot {
        let request = finished(1, 7, steps, 0.0).request;
        Ballot { request, errors: [Some(error), None, Some(error / 2.0)], answer }
    }

    #[test]
    fn pairs_share_all_but_twice_the_steps_and_are_judged_once() {
        let (a, b, c) = (finished(1, 7, 4, 0.0), finished(2, 7, 8, 0.0), finished(3, 8, 8, 0.0));
        let again = finished(4, 7, 4, 0.0);
        let all = [&a, &b, &c, &again];
        assert_eq!(pairs(&all, &[]), [Pair { few: 1, many: 2 }]);
        assert_eq!(pairs(&all, &[ballot(&a, &b, Answer::CannotTell)]), []);
        let noisy = [&a, &b].map(|run| {
            let mut run = run.clone();
            run.request.scheduler = SchedulerKind::EulerA;
            run
        });
        assert_eq!(pairs(&noisy.iter().collect::<Vec<_>>(), &[]), []);
    }

    #[test]
    fn what_is_there_or_was_voted_on_is_not_made_again() {
        let there = finished(1, 8, 4, 0.0);
        let base = finished(9, 7, 20, 0.0).request;
        let runs = |cast: &[Ballot]| {
            let wanted = wanted(&base, 4, &[&there], cast);
            wanted.iter().map(|request| (request.seed, request.num_inference_steps)).collect::<Vec<_>>()
        };
        assert_eq!(runs(&[]), [(7, 4), (7, 8), (8, 8), (9, 4), (9, 8), (10, 4), (10, 8)]);
        let voted = cast(4, 0.1, Answer::Many);
        assert_eq!(
            (voted.request.seed, runs(&[voted]).last()),
            (7, Some(&(11, 8))),
            "the next seeds are for the next votes"
        );
    }

    #[test]
    fn the_error_of_the_quicker_picture_is_estimated_by_step_doubling() {
        let told = ballot(&finished(1, 7, 4, 0.0), &finished(2, 7, 8, 3.0), Answer::Many);
        // Euler is of first order: the distance is half of the error.
        assert_eq!(told.errors[0], Some(6.0));
        assert!((told.errors[1].unwrap() - 2.0 * 3.0 / 255.0).abs() < 1e-9, "{:?}", told.errors);
    }

    #[test]
    fn naming_the_worse_one_counts_as_not_told_apart() {
        let all: Vec<_> = [(0.02, Answer::CannotTell), (0.05, Answer::Few), (0.1, Answer::CannotTell)]
            .into_iter()
            .chain([(0.2, Answer::Many), (0.4, Answer::Many), (0.8, Answer::Many)])
            .map(|(error, answer)| cast(8, error, answer))
            .collect();
        assert_eq!(calibration(&all, Metric::LatentRmse).unwrap().tolerance, 0.1);
        assert_eq!(calibration(&all, Metric::Dssim).unwrap().tolerance, 0.05);
        assert!(calibration(&all, Metric::PixelRmse).is_err(), "nothing was measured");
        assert!(calibration(&all[..5], Metric::LatentRmse).is_err());
    }

    #[test]
    fn the_next_pairs_come_nearer_to_what_can_just_be_seen() {
        assert_eq!(next_steps(&[]), None);
        assert_eq!(next_steps(&[cast(8, 0.1, Answer::CannotTell), cast(4, 0.3, Answer::Many)]), Some(8));
        assert_eq!(next_steps(&[cast(8, 0.1, Answer::Many), cast(8, 0.1, Answer::Few)]), Some(4));
        assert_eq!(next_steps(&[cast(1, 0.1, Answer::CannotTell)]), Some(1));
        assert_eq!(next_steps(&[cast(75, 0.1, Answer::Many)]), Some(FEW_MAX));
    }
}
