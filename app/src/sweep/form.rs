//! What the Sweep screen's fields hold, as text, and the grid that they describe together with the Run form.

use lab::{
    LabError, axis,
    grid::{Axis, Grid},
    recommend::Metric,
};
use protocol::{GenerateRequest, ModelInfo, SchedulerKind};
use serde::{Deserialize, Serialize};

/// Seeds of a sweep whose field is empty.
pub const SEEDS: u64 = 4;
/// Prompts that a re-check takes of the model's examples.
const HELD_OUT_PROMPTS: usize = 4;
/// New seeds that a re-check takes.
const HELD_OUT_SEEDS: u64 = 2;

/// What a sweep varies besides steps and seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Other {
    /// Nothing.
    #[default]
    None,
    /// Samplers.
    Scheduler,
    /// Guidance scales.
    Guidance,
    /// Prompts.
    Prompt,
}

impl Other {
    /// In the order of the list.
    pub const ALL: [Other; 4] = [Other::None, Other::Scheduler, Other::Guidance, Other::Prompt];

    /// As links have it.
    pub const fn key(self) -> &'static str {
        match self {
            Other::None => "none",
            Other::Scheduler => "scheduler",
            Other::Guidance => "guidance",
            Other::Prompt => "prompt",
        }
    }

    /// As the list shows it.
    pub const fn label(self) -> &'static str {
        match self {
            Other::None => "Nothing else",
            Other::Scheduler => "Scheduler",
            Other::Guidance => "Guidance",
            Other::Prompt => "Prompt",
        }
    }

    /// What the field of its values starts with.
    pub fn example(self, base: &GenerateRequest, info: &ModelInfo) -> String {
        match self {
            Other::None => String::new(),
            Other::Scheduler => {
                let second =
                    if base.scheduler == SchedulerKind::Euler { SchedulerKind::DpmPp2M } else { SchedulerKind::Euler };
                format!("{},{second}", base.scheduler)
            }
            Other::Guidance => match base.guidance_scale {
                guidance if guidance > 1.0 => format!("1,{guidance}"),
                guidance => format!("{guidance},4"),
            },
            Other::Prompt => {
                let others = info.example_prompts.iter().filter(|prompt| **prompt != base.prompt).take(1);
                std::iter::once(&base.prompt).chain(others).cloned().collect::<Vec<_>>().join("\n")
            }
        }
    }
}

/// The fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepForm {
    /// `2,4,8,16`, `5-50 (+5)`, `5-50 [10]`.
    pub steps: String,
    /// Which other axis.
    pub other: Other,
    /// Its values.
    pub values: String,
    /// `0-3`; empty for four from the Run form's seed on.
    pub seeds: String,
    /// What distances are measured in.
    pub metric: Metric,
    /// Largest error that counts as none; empty for the user's own, or the default.
    pub tolerance: String,
    /// Seconds that a picture may take; may be empty.
    pub budget: String,
    /// Prompts of the re-check, one a line; empty for the model's examples.
    pub held_out: String,
}

impl Default for SweepForm {
    fn default() -> Self {
        Self {
            steps: "2,4,8,16,32".into(),
            other: Other::None,
            values: String::new(),
            seeds: String::new(),
            metric: Metric::LatentRmse,
            tolerance: String::new(),
            budget: String::new(),
            held_out: String::new(),
        }
    }
}

impl SweepForm {
    /// Reads the steps.
    pub fn steps(&self) -> Result<Vec<u32>, LabError> {
        axis::parse_steps(&self.steps)
    }

    /// Reads the seeds.
    pub fn seeds(&self, base: &GenerateRequest) -> Result<Vec<u64>, LabError> {
        if self.seeds.trim().is_empty() {
            return Ok((0..SEEDS).map(|offset| base.seed.wrapping_add(offset)).collect());
        }
        axis::parse_seeds(&self.seeds)
    }

    /// Reads the values of the other axis.
    pub fn other(&self) -> Result<Axis, LabError> {
        Ok(match self.other {
            Other::None => Axis::None,
            Other::Scheduler => Axis::Schedulers(axis::parse_schedulers(&self.values)?),
            Other::Guidance => Axis::Guidances(axis::parse_guidances(&self.values)?),
            Other::Prompt => Axis::Prompts(axis::parse_prompts(&self.values)?),
        })
    }

    /// All of it; the steps and the seed of `base` do not count.
    pub fn grid(&self, base: &GenerateRequest) -> Result<Grid, LabError> {
        Grid::new(base.clone(), self.steps()?, self.seeds(base)?, self.other()?)
    }

    /// Reads the tolerance; `own` is what the user's blind votes say, where there are enough.
    ///
    /// # Errors
    /// A sentence.
    pub fn tolerance(&self, own: Option<f64>) -> Result<f64, String> {
        let text = self.tolerance.trim();
        if text.is_empty() {
            return Ok(own.unwrap_or(self.metric.default_tolerance()));
        }
        let usable = text.parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0);
        usable.ok_or_else(|| format!("Tolerance must be a number above 0, not '{text}'."))
    }

    /// Reads the budget in seconds; `None` where the field is empty.
    ///
    /// # Errors
    /// A sentence.
    pub fn budget(&self) -> Result<Option<f64>, String> {
        let text = self.budget.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let usable = text.parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0);
        usable.map(Some).ok_or_else(|| format!("Seconds must be a number above 0, not '{text}'."))
    }

    /// The runs that check `steps` on prompts and seeds that the sweep did not have: those steps and twice as many.
    pub fn held_out(&self, grid: &Grid, row: usize, steps: u32, info: &ModelInfo) -> Result<Grid, LabError> {
        let base = grid.cell(row, steps, 0).request;
        let swept: Vec<String> = (0..grid.other.len()).map(|row| grid.cell(row, steps, 0).request.prompt).collect();
        let prompts = match axis::parse_prompts(&self.held_out) {
            Ok(prompts) => prompts,
            Err(_) if self.held_out.trim().is_empty() => {
                let new = info.example_prompts.iter().filter(|prompt| !swept.contains(prompt));
                let examples: Vec<String> = new.take(HELD_OUT_PROMPTS).cloned().collect();
                if examples.is_empty() { vec![base.prompt.clone()] } else { examples }
            }
            Err(error) => return Err(error),
        };
        let first = grid.seeds.iter().max().copied().unwrap_or(0).wrapping_add(1);
        let seeds = (0..HELD_OUT_SEEDS).map(|offset| first.wrapping_add(offset)).collect();
        let twice = (2 * steps).min(protocol::STEPS_MAX);
        Grid::new(base, vec![steps, twice], seeds, Axis::Prompts(prompts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, tests::model};

    fn base() -> GenerateRequest {
        Settings::of_model(&model(), "").request(&model()).unwrap()
    }

    #[test]
    fn an_untouched_form_is_five_doublings_with_four_seeds() {
        let grid = SweepForm::default().grid(&base()).unwrap();
        assert_eq!((grid.steps.as_slice(), grid.seeds.as_slice()), (&[2, 4, 8, 16, 32][..], &[7, 8, 9, 10][..]));
        assert_eq!((grid.other, grid.base), (Axis::None, base()));
    }

    #[test]
    fn every_example_of_another_axis_can_be_read_and_has_two_values() {
        let mut form = SweepForm::default();
        for guidance in [1.0, 4.0] {
            let base = GenerateRequest { guidance_scale: guidance, ..base() };
            for other in Other::ALL.into_iter().skip(1) {
                form.other = other;
                form.values = other.example(&base, &ModelInfo { example_prompts: vec!["x".into()], ..model() });
                assert_eq!(form.grid(&base).unwrap().other.len(), 2, "{other:?}");
            }
        }
        form.values = "eular".into();
        form.other = Other::Scheduler;
        assert!(form.grid(&base()).unwrap_err().to_string().contains("eular"));
    }

    #[test]
    fn the_users_own_tolerance_counts_until_one_is_typed() {
        let mut form = SweepForm::default();
        assert_eq!(form.tolerance(None), Ok(Metric::LatentRmse.default_tolerance()));
        assert_eq!(form.tolerance(Some(0.2)), Ok(0.2));
        form.tolerance = "0.1".into();
        assert_eq!(form.tolerance(Some(0.2)), Ok(0.1));
        for bad in ["0", "-1", "x", "NaN", "inf"] {
            form.tolerance = bad.into();
            assert!(form.tolerance(None).unwrap_err().contains(bad));
            form.budget = bad.into();
            assert!(form.budget().unwrap_err().contains(bad));
        }
        form.budget = " 2.5 ".into();
        assert_eq!(form.budget(), Ok(Some(2.5)));
    }

    #[test]
    fn held_out_runs_share_no_prompt_and_no_seed_with_the_sweep() {
        let info = ModelInfo { example_prompts: vec!["a red heart".into(), "x".into(), "y".into()], ..model() };
        let grid = SweepForm::default().grid(&base()).unwrap();
        let held = SweepForm::default().held_out(&grid, 0, 8, &info).unwrap();
        assert_eq!((held.steps.as_slice(), held.seeds.as_slice()), (&[8, 16][..], &[11, 12][..]));
        assert_eq!(held.other, Axis::Prompts(vec!["x".into(), "y".into()]));
        let typed = SweepForm { held_out: "a house\n\na tree".into(), ..SweepForm::default() };
        assert_eq!(typed.held_out(&grid, 0, 100, &info).unwrap().steps, [100, 150]);
    }
}
