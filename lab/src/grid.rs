//! The runs of a sweep: every number of steps with every seed and every value of one other axis, cheapest first, so
//! that the first pictures come soon and a sweep that is stopped early has whole columns.

use crate::LabError;
use protocol::{GenerateRequest, SchedulerKind};
use serde::{Deserialize, Serialize};

/// Most runs of one sweep.
pub const CELLS_MAX: usize = 1000;

/// What a sweep varies besides steps and seeds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "axis", content = "values", rename_all = "snake_case")]
pub enum Axis {
    /// Nothing.
    #[default]
    None,
    /// Samplers.
    Schedulers(Vec<SchedulerKind>),
    /// Guidance scales.
    Guidances(Vec<f64>),
    /// Prompts.
    Prompts(Vec<String>),
}

impl Axis {
    /// How many rows it makes: 1 where nothing is varied.
    pub fn len(&self) -> usize {
        match self {
            Self::None => 1,
            Self::Schedulers(values) => values.len(),
            Self::Guidances(values) => values.len(),
            Self::Prompts(values) => values.len(),
        }
    }

    /// Whether a list without values was given.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What row `index` is called, from 0; `None` where nothing is varied.
    pub fn label(&self, index: usize) -> Option<String> {
        match self {
            Self::None => None,
            Self::Schedulers(values) => values.get(index).map(|kind| kind.label().to_owned()),
            Self::Guidances(values) => values.get(index).map(f64::to_string),
            Self::Prompts(values) => values.get(index).cloned(),
        }
    }

    fn apply(&self, index: usize, request: &mut GenerateRequest) {
        match self {
            Self::None => {}
            Self::Schedulers(values) => request.scheduler = values[index],
            Self::Guidances(values) => request.guidance_scale = values[index],
            Self::Prompts(values) => request.prompt.clone_from(&values[index]),
        }
    }
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// `num_inference_steps`.
    pub steps: u32,
    /// The seed.
    #[serde(with = "crate::table::as_text")]
    pub seed: u64,
    /// Row of the other axis, from 0.
    pub row: usize,
    /// Model evaluations, whatever the guidance ([`evaluations`]).
    pub evaluations: u32,
    /// Everything that decides its picture.
    pub request: GenerateRequest,
}

impl Cell {
    /// Calls of the model for one prompt: twice the evaluations where guidance is on.
    pub fn model_calls(&self) -> u64 {
        let guided = u64::from(self.request.guided_steps(self.steps)) * u64::from(self.evaluations);
        u64::from(self.evaluations) + guided / u64::from(self.steps.max(1))
    }
}

/// A whole sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Everything that is the same in all runs.
    pub base: GenerateRequest,
    /// Step counts, rising.
    pub steps: Vec<u32>,
    /// Seeds, in the order given. They travel as text: JavaScript numbers lose digits beyond 2^53.
    #[serde(with = "crate::table::all_as_text")]
    pub seeds: Vec<u64>,
    /// What else is varied.
    pub other: Axis,
}

impl Grid {
    /// Puts a sweep together.
    ///
    /// # Errors
    /// When a list is empty, or there are more than [`CELLS_MAX`] runs.
    pub fn new(base: GenerateRequest, mut steps: Vec<u32>, seeds: Vec<u64>, other: Axis) -> Result<Self, LabError> {
        steps.sort_unstable();
        steps.dedup();
        let empty = |what, example| Err(LabError::Empty { what, example });
        match () {
            () if steps.is_empty() => return empty("Steps", "2,4,8,16"),
            () if seeds.is_empty() => return empty("Seeds", "0-3"),
            () if other.is_empty() => return empty("Values of the other axis", "euler,dpmpp-2m"),
            () => {}
        }
        let count = steps.len() * seeds.len() * other.len();
        if count > CELLS_MAX {
            let remedy = "Take fewer steps, seeds or values.";
            return Err(LabError::TooMany { what: "Runs", count: count as u64, most: CELLS_MAX as u64, remedy });
        }
        Ok(Self { base, steps, seeds, other })
    }

    /// The run of a row, a number of steps and a seed, whether or not it is part of the sweep's lists.
    pub fn cell(&self, row: usize, steps: u32, seed: u64) -> Cell {
        let mut request = GenerateRequest { num_inference_steps: steps, seed, ..self.base.clone() };
        self.other.apply(row, &mut request);
        Cell { steps, seed, row, evaluations: evaluations(&request), request }
    }

    /// Every run, cheapest first; among equals by seed, then by row.
    pub fn cells(&self) -> Vec<Cell> {
        let rows = self.other.len();
        let mut cells: Vec<Cell> = self
            .seeds
            .iter()
            .flat_map(|seed| (0..rows).flat_map(move |row| self.steps.iter().map(move |n| self.cell(row, *n, *seed))))
            .collect();
        cells.sort_by_key(|cell| (cell.model_calls(), cell.steps));
        cells
    }

    /// Model evaluations of all runs, whatever the guidance.
    pub fn evaluations(&self) -> u64 {
        self.cells().iter().map(|cell| u64::from(cell.evaluations)).sum()
    }
}

/// Steps that a run executes: `int(num_inference_steps · strength)` of those asked for where it starts from a picture.
pub fn executed_steps(request: &GenerateRequest) -> u32 {
    let n = request.num_inference_steps;
    request.init.map_or(n, |init| ((f64::from(n) * init.strength) as u32).min(n))
}

/// Model evaluations of a run, known before the engine has planned it: twice that many calls where guidance is on.
pub fn evaluations(request: &GenerateRequest) -> u32 {
    let executed = executed_steps(request);
    match request.scheduler {
        // PNDM looks twice at its second timestep, also where a run from a picture starts there.
        SchedulerKind::Pndm if request.num_inference_steps > 1 && executed > 0 => executed + 1,
        kind => kind.evaluations(executed),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use protocol::{RngKind, Timesteps};

    pub(crate) fn request() -> GenerateRequest {
        GenerateRequest {
            model: "emoji".into(),
            prompt: "red heart".into(),
            negative_prompt: None,
            num_inference_steps: 20,
            scheduler: SchedulerKind::Euler,
            guidance_scale: 4.0,
            guidance_stop: 1.0,
            seed: 0,
            width: 64,
            height: 64,
            eta: None,
            rng: RngKind::Cpu,
            timesteps: Timesteps::Spaced,
            prompt_weights: false,
            init: None,
        }
    }

    #[test]
    fn rows_change_the_request_and_nothing_else() {
        let other = Axis::Schedulers(vec![SchedulerKind::Euler, SchedulerKind::Heun]);
        let grid = Grid::new(request(), vec![8, 2, 8], vec![7, 3], other).unwrap();
        assert_eq!(grid.steps, [2, 8]);
        let cells = grid.cells();
        assert_eq!(cells.len(), 8);
        assert_eq!(cells[0].request, GenerateRequest { num_inference_steps: 2, seed: 7, ..request() });
        let heun = cells.iter().find(|cell| cell.row == 1 && cell.steps == 8).unwrap();
        assert_eq!((heun.request.scheduler, heun.evaluations, heun.model_calls()), (SchedulerKind::Heun, 15, 30));
        assert_eq!(grid.evaluations(), 2 * (2 + 8 + 3 + 15));
    }

    #[test]
    fn empty_and_endless_sweeps_are_refused() {
        assert!(Grid::new(request(), vec![], vec![0], Axis::None).is_err());
        assert!(Grid::new(request(), vec![1], vec![], Axis::None).is_err());
        assert!(Grid::new(request(), vec![1], vec![0], Axis::Prompts(vec![])).is_err());
        let error = Grid::new(request(), (1..=100).collect(), (0..11).collect(), Axis::None).unwrap_err();
        assert!(error.to_string().contains("1100"), "{error}");
    }

    proptest! {
        #[test]
        fn every_combination_comes_once_and_cheapest_first(
            steps in proptest::collection::btree_set(1u32..150, 1..6),
            seeds in proptest::collection::btree_set(any::<u64>(), 1..5),
            guidances in proptest::collection::vec(prop_oneof![Just(1.0), Just(4.0), Just(7.5)], 1..2),
        ) {
            let grid = Grid::new(
                request(),
                steps.iter().copied().collect(),
                seeds.iter().copied().collect(),
                Axis::Guidances(guidances.clone()),
            ).unwrap();
            let cells = grid.cells();
            prop_assert_eq!(cells.len(), steps.len() * seeds.len() * guidances.len());
            prop_assert!(cells.windows(2).all(|w| w[0].model_calls() <= w[1].model_calls()));
            let mut keys: Vec<_> = cells.iter().map(|cell| (cell.steps, cell.seed, cell.row)).collect();
            keys.sort_unstable();
            keys.dedup();
            prop_assert_eq!(keys.len(), cells.len());
            let back: Grid = serde_json::from_str(&serde_json::to_string(&grid).unwrap()).unwrap();
            prop_assert_eq!(back, grid);
        }
    }
}
