//! One run after the other: what is finished is reused, what it costs is predicted before and measured after.

use super::store::{Done, Identity, Measurements, Store};
use crate::generate::Pictures;
use inference::exec::Executor;
use inference::pipeline::{Pipeline, Start, Step, Watch};
use inference::weights::FolderSource;
use inference::{Error, Result};
use lab::budget::{self, Costs, StepTime};
use lab::grid::Cell;
use std::collections::HashSet;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::Instant;

/// Everything that runs have in common.
pub struct Runner<'a, E: Executor> {
    pub pipeline: Pipeline<E, FolderSource>,
    pub pictures: Pictures,
    pub store: &'a Store,
    /// Of every run; the request is each run's own.
    pub identity: Identity,
    /// Set by Ctrl-C.
    pub stop: Arc<AtomicBool>,
    /// Sentences that were said already.
    said: HashSet<String>,
    /// Steps measured so far, with guidance off and on, and the latest decodes.
    steps: [Vec<StepTime>; 2],
    decodes: Vec<f64>,
    /// Seconds of encoding a prompt that is not known yet.
    text: f64,
    prompts: HashSet<String>,
}

/// Steps that a prediction looks back on: enough for a steady median, few enough to follow a device that gets slower.
const RECENT: usize = 60;

impl<'a, E: Executor> Runner<'a, E> {
    pub fn new(
        pipeline: Pipeline<E, FolderSource>,
        pictures: Pictures,
        store: &'a Store,
        identity: Identity,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            pipeline,
            pictures,
            store,
            identity,
            stop,
            said: HashSet::new(),
            steps: [Vec::new(), Vec::new()],
            decodes: Vec::new(),
            text: 0.0,
            prompts: HashSet::new(),
        }
    }

    /// Measures what a run will cost, where no run has told yet: two model calls and two decodes, of which the first
    /// ones warm up.
    pub async fn warm_up(&mut self, cells: &[Cell]) -> Result<()> {
        for guided in [false, true] {
            let of_kind = |cell: &&Cell| (cell.request.guidance_scale > 1.0) == guided;
            let Some(cell) = cells.iter().find(of_kind) else { continue };
            let scale = self.pipeline.model().vae.scale_factor();
            let size = [cell.request.height as usize / scale, cell.request.width as usize / scale];
            let batch = if guided { 2 } else { 1 };
            self.pipeline.time_unet(batch, size).await?;
            let milliseconds = self.pipeline.time_unet(batch, size).await?;
            self.steps[usize::from(guided)].push(StepTime { seconds: milliseconds / 1e3, evaluations: 1 });
            if self.decodes.is_empty() {
                let latents = vec![0.1; size[0] * size[1] * self.pipeline.model().vae.latent_channels()];
                for _ in 0..2 {
                    let begin = Instant::now();
                    self.pipeline.decode(&latents, size).await?;
                    self.decodes = vec![begin.elapsed().as_secs_f64()];
                }
            }
        }
        Ok(())
    }

    /// What a run costs as far as is known. A guidance that was never measured is taken for the other.
    pub fn costs(&self, guided: bool) -> Costs {
        let known = |times: &[StepTime]| {
            let recent = &times[times.len().saturating_sub(RECENT)..];
            let each: Vec<f64> = recent.iter().map(|step| step.seconds / f64::from(step.evaluations.max(1))).collect();
            middle(&each)
        };
        let (this, other) = (known(&self.steps[usize::from(guided)]), known(&self.steps[usize::from(!guided)]));
        let evaluation = this.or(other).unwrap_or_default();
        let recent = &self.decodes[self.decodes.len().saturating_sub(RECENT)..];
        Costs { text: self.text, evaluation, decode: middle(recent).unwrap_or_default(), preview: 0.0 }
    }

    /// Seconds that runs will take, those left out that are there already.
    pub fn predict(&self, cells: &[Cell]) -> f64 {
        let mut prompts = self.prompts.clone();
        let costs = cells.iter().map(|cell| self.costs_of(cell, prompts.insert(cell.request.prompt.clone())));
        // Not `sum`, whose nothing is -0.
        costs.fold(0.0, |sum, seconds| sum + seconds)
    }

    fn costs_of(&self, cell: &Cell, new_prompt: bool) -> f64 {
        let costs = self.costs(cell.request.guidance_scale > 1.0);
        let single = (!self.steps[0].is_empty()).then(|| self.costs(false).evaluation);
        let costs = costs.where_guidance_stops(&cell.request, single);
        Costs { text: if new_prompt { costs.text } else { 0.0 }, ..costs }.of(&cell.request)
    }

    /// The identity of a run.
    fn identify(&self, cell: &Cell) -> Identity {
        Identity { request: cell.request.clone(), ..self.identity.clone() }
    }

    /// A run that is there already.
    pub fn find(&self, name: &str, cell: &Cell) -> Option<Done> {
        self.store.find(name, &self.identify(cell), cell)
    }

    /// Runs and keeps it.
    pub async fn run(&mut self, name: &str, cell: &Cell) -> Result<Done> {
        let predicted = self.costs_of(cell, !self.prompts.contains(&cell.request.prompt));
        let watch = Recorder { stop: self.stop.clone(), said: &mut self.said, ends: [0.0; 2], steps: Vec::new() };
        let mut watch = watch;
        let finished = self.pipeline.generate(&cell.request, self.pictures.inputs(), &mut watch).await?;
        let (ends, steps) = (watch.ends, watch.steps);
        let measured = Measurements {
            parts: finished.ms.map(|ms| ms / 1e3),
            predicted,
            evaluations: steps.iter().map(|step| step.evaluations).sum(),
            ends,
            steps,
        };
        if !finished.text_reused {
            self.text = measured.parts[0];
        }
        self.prompts.insert(cell.request.prompt.clone());
        self.decodes.push(measured.parts[2]);
        let steps = measured.steps.iter().enumerate();
        let guided = cell.request.guided_steps(measured.steps.len() as u32) as usize;
        for (i, step) in steps {
            self.steps[usize::from(i < guided)].push(*step);
        }
        let (latents, picture) = (finished.latents, finished.picture);
        let image = format!("{name}.png");
        let done = Done { cell: cell.clone(), measured, latents, picture, image };
        self.store.keep(name, &self.identify(cell), &done)?;
        Ok(done)
    }

    /// Median of the recent steps against the median of the first ones, where the device got slower.
    pub fn slowdown(&self) -> Option<f64> {
        let of =
            |times: &Vec<StepTime>| budget::measure(times).filter(budget::Measured::throttling).map(|m| m.slowdown);
        self.steps.iter().filter_map(of).reduce(f64::max)
    }
}

fn middle(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// Watches one run: its times, its ends, and whether to stop.
struct Recorder<'a> {
    stop: Arc<AtomicBool>,
    said: &'a mut HashSet<String>,
    ends: [f64; 2],
    steps: Vec<StepTime>,
}

impl Recorder<'_> {
    fn go_on(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Says a sentence, once a sweep.
    fn say(&mut self, sentence: String) {
        if self.said.insert(sentence.clone()) {
            eprintln!("stepscope: {sentence}");
        }
    }
}

impl Watch for Recorder<'_> {
    async fn start(&mut self, start: Start<'_>) -> Result<()> {
        if let (Some(first), Some(last)) = (start.plan.evals.first(), start.plan.evals.last()) {
            self.ends = [first.sigma, last.sigma];
        }
        for cut in &start.cut {
            self.say(format!("{} tokens of the {} beyond the limit of {} were cut", cut.tokens, cut.field, cut.limit));
        }
        for warning in start.warnings {
            self.say(warning);
        }
        self.go_on()
    }

    async fn step(&mut self, step: Step<'_>) -> Result<()> {
        self.steps.push(StepTime { seconds: step.ms / 1e3, evaluations: step.evaluations as u32 });
        self.go_on()
    }

    async fn breathe(&mut self) -> Result<()> {
        self.go_on()
    }
}
