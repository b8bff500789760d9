//! A pair that a link asks for: which of its runs are there, and which must be made.

use super::Source;
use crate::{run::Run, share::Shown};
use protocol::GenerateRequest;

/// Two runs, and which picture of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Of A and B; one run where they are equal.
    pub requests: [GenerateRequest; 2],
    /// A step, or the finished picture.
    pub shown: Shown,
}

impl Wanted {
    /// What there is of the two in these finished runs.
    pub fn found(&self, finished: &[&Run]) -> [Option<Source>; 2] {
        [0, 1].map(|i| {
            let step = self.shown[i];
            // The frames of old runs are given up first.
            let has_step = |run: &&&Run| step.is_none_or(|step| run.frames.len() >= step as usize);
            let run = finished.iter().rev().filter(|run| run.request == self.requests[i]).find(has_step)?;
            Some(step.map_or(Source::Run(run.job), |step| Source::Step(run.job, step)))
        })
    }

    /// What must be made, each run once.
    pub fn missing(&self, finished: &[&Run]) -> Vec<GenerateRequest> {
        let found = self.found(finished);
        let mut missing: Vec<GenerateRequest> = Vec::new();
        for (request, source) in self.requests.iter().zip(found) {
            if source.is_none() && !missing.contains(request) {
                missing.push(request.clone());
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{frames::Pixels, run::tests::run};

    #[test]
    fn a_run_is_made_once_and_only_if_it_is_not_there_with_its_steps() {
        let [short, long] = [2, 4].map(|steps| {
            let mut run = Run { job: steps, picture: Pixels::new(1, 1, &[0; 4]), ..run(steps, steps) };
            run.request.num_inference_steps = steps;
            run
        });
        let [a, b] = [&short, &long].map(|run| run.request.clone());
        assert_ne!(a, b);
        let pair = |requests: [&GenerateRequest; 2], shown| Wanted { requests: requests.map(Clone::clone), shown };
        let both = pair([&a, &b], [None, Some(3)]);
        assert_eq!(both.missing(&[]), [a.clone(), b.clone()]);
        assert_eq!(both.missing(&[&long]), std::slice::from_ref(&a));
        assert_eq!(both.found(&[&short, &long]), [Some(Source::Run(short.job)), Some(Source::Step(long.job, 3))]);
        let emptied = Run { frames: Vec::new(), ..long.clone() };
        assert_eq!(both.missing(&[&short, &emptied]), std::slice::from_ref(&b));
        assert_eq!(pair([&a, &a], [Some(1), None]).missing(&[]), [a]);
    }
}
