//! What a run costs on this device, learned from every run that ends, on the Run screen as in a sweep.

use lab::budget::{Costs, Measured, StepTime, measure};
use protocol::{GenerateRequest, ModelInfo};
use serde::{Deserialize, Serialize};

/// Runs that a cost is the median of: enough to forget a hiccup, few enough to notice that the device got slower.
const RUNS: usize = 5;
/// Predictions that are kept.
const PREDICTIONS: usize = 20;

/// What must be the same for two runs' times to be comparable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    revision: String,
    engine: String,
    width: u32,
    height: u32,
    guided: bool,
}

impl Shape {
    /// Of a request.
    pub fn of(request: &GenerateRequest, info: &ModelInfo, engine: &str) -> Self {
        Self {
            revision: info.revision.clone(),
            engine: engine.to_owned(),
            width: request.width,
            height: request.height,
            guided: request.guidance_scale > 1.0,
        }
    }
}

/// What the latest runs of one shape took, in seconds, each part on its own: a sweep encodes its text only once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    shape: Shape,
    evaluations: Vec<Measured>,
    text: Vec<f64>,
    decode: Vec<f64>,
    preview: Vec<f64>,
    /// The quickest evaluation that was ever measured.
    quickest: f64,
}

/// A prediction and what came of it, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Said before.
    pub predicted: f64,
    /// Measured after.
    pub measured: f64,
}

impl Prediction {
    /// How far off: 0.1 is 10 % too little.
    pub fn error(&self) -> f64 {
        self.measured / self.predicted - 1.0
    }
}

/// All that was learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    shapes: Vec<Known>,
    /// Of single runs whose time was predicted, latest last.
    pub predictions: Vec<Prediction>,
}

/// A finished run, as it teaches.
pub struct Lesson<'a> {
    /// Its steps, in order.
    pub steps: &'a [StepTime],
    /// Text encoding, all evaluations, VAE decode: milliseconds.
    pub ms: [f64; 3],
    /// Whether the text was encoded for an earlier run.
    pub text_reused: bool,
    /// Milliseconds of all previews, where there were some.
    pub previews_ms: Option<f64>,
}

impl Learned {
    /// Learns from a run. One of a single step has only warmed up, and teaches nothing.
    pub fn learn(&mut self, shape: Shape, lesson: &Lesson) {
        let Some(measured) = measure(lesson.steps) else { return };
        let at = self.shapes.iter().position(|known| known.shape == shape).unwrap_or_else(|| {
            let quickest = measured.evaluation;
            let (evaluations, text, decode, preview) = Default::default();
            self.shapes.push(Known { shape, evaluations, text, decode, preview, quickest });
            self.shapes.len() - 1
        });
        let known = &mut self.shapes[at];
        known.quickest = known.quickest.min(measured.evaluation);
        push(&mut known.evaluations, Some(measured));
        push(&mut known.text, (!lesson.text_reused).then_some(lesson.ms[0] / 1000.0));
        push(&mut known.decode, Some(lesson.ms[2] / 1000.0));
        push(&mut known.preview, lesson.previews_ms.map(|ms| ms / 1000.0 / lesson.steps.len().max(1) as f64));
    }

    /// Takes in what an earlier visit learned; what this one has learned by then goes before.
    pub fn join(&mut self, mut earlier: Learned) {
        earlier.shapes.retain(|known| self.known(&known.shape).is_none());
        self.shapes.append(&mut earlier.shapes);
        earlier.predictions.append(&mut self.predictions);
        self.predictions = earlier.predictions;
    }

    /// Keeps a prediction with its outcome.
    pub fn note(&mut self, prediction: Prediction) {
        self.predictions.push(prediction);
        let surplus = self.predictions.len().saturating_sub(PREDICTIONS);
        self.predictions.drain(..surplus);
    }

    fn known(&self, shape: &Shape) -> Option<&Known> {
        self.shapes.iter().find(|known| known.shape == *shape)
    }

    /// The cost of a run's parts; `None` where no run of this shape was measured.
    pub fn costs(&self, shape: &Shape) -> Option<Costs> {
        let known = self.known(shape)?;
        Some(Costs {
            text: median(&known.text).unwrap_or_default(),
            evaluation: median(&known.evaluations.iter().map(|run| run.evaluation).collect::<Vec<_>>())?,
            decode: median(&known.decode)?,
            preview: median(&known.preview).unwrap_or_default(),
        })
    }

    /// How much slower the device is now than at its quickest: it throttles, or does something else besides.
    pub fn slowdown(&self, shape: &Shape) -> Option<f64> {
        let known = self.known(shape)?;
        Some(self.costs(shape)?.evaluation / known.quickest)
    }
}

fn push<T>(values: &mut Vec<T>, value: Option<T>) {
    values.extend(value);
    let surplus = values.len().saturating_sub(RUNS);
    values.drain(..surplus);
}

fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, tests::model};

    fn shape(guided: bool) -> Shape {
        let mut request = Settings::of_model(&model(), "").request(&model()).unwrap();
        request.guidance_scale = if guided { 4.0 } else { 1.0 };
        Shape::of(&request, &model(), "cpu")
    }

    fn steps(first: f64, rest: f64, count: usize) -> Vec<StepTime> {
        (0..count).map(|i| StepTime { seconds: if i == 0 { first } else { rest }, evaluations: 1 }).collect()
    }

    fn run(learned: &mut Learned, pace: f64, text_reused: bool) {
        let steps = steps(9.0, pace, 4);
        learned.learn(shape(true), &Lesson { steps: &steps, ms: [20.0, 0.0, 30.0], text_reused, previews_ms: None });
    }

    #[test]
    fn the_first_step_of_a_run_does_not_count_and_neither_does_one_slow_run() {
        let mut learned = Learned::default();
        assert_eq!(learned.costs(&shape(true)), None);
        run(&mut learned, 0.1, false);
        let costs = learned.costs(&shape(true)).unwrap();
        assert_eq!(costs, Costs { text: 0.02, evaluation: 0.1, decode: 0.03, preview: 0.0 });
        run(&mut learned, 5.0, true);
        run(&mut learned, 0.1, true);
        assert_eq!(learned.costs(&shape(true)).unwrap().evaluation, 0.1);
        assert_eq!(learned.costs(&shape(false)), None, "guidance doubles the work");
    }

    #[test]
    fn costs_follow_a_device_that_gets_slower_and_say_so() {
        let mut learned = Learned::default();
        run(&mut learned, 0.1, false);
        (0..20).for_each(|_| run(&mut learned, 0.2, true));
        let costs = learned.costs(&shape(true)).unwrap();
        assert_eq!((costs.evaluation, costs.text), (0.2, 0.02), "the text was encoded once, long ago");
        assert_eq!(learned.shapes[0].evaluations.len(), RUNS);
        assert_eq!(learned.slowdown(&shape(true)), Some(2.0));
    }

    #[test]
    fn a_single_step_teaches_nothing() {
        let mut learned = Learned::default();
        let steps = steps(1.0, 1.0, 1);
        learned.learn(shape(true), &Lesson { steps: &steps, ms: [1.0; 3], text_reused: false, previews_ms: None });
        assert_eq!(learned, Learned::default());
    }

    #[test]
    fn what_was_learned_survives_being_written_down() {
        let mut learned = Learned::default();
        run(&mut learned, 0.1, false);
        learned.note(Prediction { predicted: 2.0, measured: 2.2 });
        let back: Learned = serde_json::from_str(&serde_json::to_string(&learned).unwrap()).unwrap();
        assert_eq!(back, learned);
        assert!((back.predictions[0].error() - 0.1).abs() < 1e-9);
    }
}
