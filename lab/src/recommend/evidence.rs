//! What was measured: for every seed a ladder of step counts, each with its distance to a run of at least twice as many.

use crate::stats::median;
use serde::{Deserialize, Serialize};

/// A finished run, with whatever the distance is taken of: latents, a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Run<T> {
    /// Which prompt, counted by the caller; distances are only taken within one.
    pub prompt: usize,
    /// The seed.
    pub seed: u64,
    /// `num_inference_steps`.
    pub steps: u32,
    /// Seconds that the whole run took.
    pub seconds: f64,
    /// What came out.
    pub result: T,
}

/// The larger run that a rung is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partner {
    /// Its steps: the fewest tested that are at least twice the rung's.
    pub steps: u32,
    /// Distance of the two results, in the metric's unit. NaN never passes.
    pub distance: f64,
}

/// One step count of a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// `num_inference_steps`.
    pub steps: u32,
    /// Seconds that the run took.
    pub seconds: f64,
    /// `None` for the upper half of the ladder.
    pub partner: Option<Partner>,
}

/// All runs of one prompt and seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    /// Which prompt, counted by the caller.
    pub prompt: usize,
    /// The seed, as text: JavaScript numbers lose digits beyond 2^53.
    #[serde(with = "crate::table::as_text")]
    pub seed: u64,
    /// Rising in steps.
    pub rungs: Vec<Rung>,
}

/// How far seeds are apart at one number of steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// `num_inference_steps`.
    pub steps: u32,
    /// Median distance of two seeds' results of one prompt.
    pub distance: f64,
}

/// Everything that a recommendation is made from; small, without the results themselves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// By prompt and seed.
    pub ladders: Vec<Ladder>,
    /// Rising in steps.
    pub spread: Vec<Spread>,
}

impl Evidence {
    /// Sorts runs, which may come in any order, into ladders and measures them. Of two runs alike the later one counts.
    /// `distance` is called once for each pair that is needed.
    pub fn collect<T>(runs: &[Run<T>], mut distance: impl FnMut(&T, &T) -> f64) -> Self {
        let mut sorted: Vec<&Run<T>> = Vec::with_capacity(runs.len());
        for run in runs {
            sorted.retain(|old| (old.prompt, old.seed, old.steps) != (run.prompt, run.seed, run.steps));
            sorted.push(run);
        }
        sorted.sort_by_key(|run| (run.prompt, run.seed, run.steps));
        let ladders = sorted.chunk_by(|a, b| (a.prompt, a.seed) == (b.prompt, b.seed)).map(|runs| {
            let rung = |run: &&Run<T>| {
                let partner = runs.iter().find(|other| other.steps >= 2 * run.steps);
                let partner =
                    partner.map(|other| Partner { steps: other.steps, distance: distance(&run.result, &other.result) });
                Rung { steps: run.steps, seconds: run.seconds, partner }
            };
            Ladder { prompt: runs[0].prompt, seed: runs[0].seed, rungs: runs.iter().map(rung).collect() }
        });
        let ladders = ladders.collect();
        sorted.sort_by_key(|run| (run.steps, run.prompt, run.seed));
        let spread = sorted.chunk_by(|a, b| a.steps == b.steps).filter_map(|runs| {
            let mut distances = Vec::new();
            for of_prompt in runs.chunk_by(|a, b| a.prompt == b.prompt) {
                for (i, a) in of_prompt.iter().enumerate() {
                    distances.extend(of_prompt[..i].iter().map(|b| distance(&a.result, &b.result)));
                }
            }
            Some(Spread { steps: runs[0].steps, distance: median(&distances)? })
        });
        Self { ladders, spread: spread.collect() }
    }

    /// Distinct seeds.
    pub fn seeds(&self) -> usize {
        distinct(self.ladders.iter().map(|ladder| ladder.seed)).len()
    }

    /// All step counts of any ladder, rising.
    pub fn steps(&self) -> Vec<u32> {
        distinct(self.ladders.iter().flat_map(|ladder| ladder.rungs.iter().map(|rung| rung.steps)))
    }

    /// The part that at least `seeds` seeds have in common, as long as can be: of a sweep that was stopped early, the
    /// finished columns. Rungs whose partner is beyond it lose theirs.
    pub(super) fn finished(&self, seeds: usize) -> Option<Self> {
        let steps = self.steps();
        for count in (1..=steps.len()).rev() {
            let common = &steps[..count];
            let of_ladder = |ladder: &Ladder| {
                let rungs: Vec<Rung> =
                    ladder.rungs.iter().filter(|rung| common.contains(&rung.steps)).copied().collect();
                let trim = |rung: Rung| Rung { partner: rung.partner.filter(|p| common.contains(&p.steps)), ..rung };
                (rungs.len() == count).then(|| Ladder { rungs: rungs.into_iter().map(trim).collect(), ..*ladder })
            };
            let ladders: Vec<Ladder> = self.ladders.iter().filter_map(of_ladder).collect();
            let spread = self.spread.iter().filter(|spread| common.contains(&spread.steps)).copied().collect();
            let part = Self { ladders, spread };
            if part.seeds() >= seeds.max(1) {
                return Some(part);
            }
        }
        None
    }
}

fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect::<std::collections::BTreeSet<T>>().into_iter().collect()
}
