//! The steps lab's side of the page: runs that are made to be compared, not to be watched. A sweep, its re-check on new
//! prompts and seeds, a short run that measures the device: all of them are tasks in one queue, and what they make is
//! found again by what decides it. So a sweep that is resumed, or widened, only makes what is missing. Plain Rust;
//! `controller/sweep` joins it with the worker and the store.

pub mod budget;
pub mod cell;
pub mod costs;
pub mod form;
pub mod keep;
pub mod results;
pub mod words;

use cell::{Figures, Made, split};
use costs::Learned;
use form::SweepForm;
use lab::{budget::StepTime, grid::Grid};
use protocol::{Deliver, Failure, FromWorker, GenerateRequest};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Bytes of pictures and latents that stay in memory; the store keeps the rest.
const BYTES_MAX: usize = 256 << 20;

/// What a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Measures the device before the first prediction.
    Calibration,
    /// A cell of the sweep.
    Cell,
    /// A run of the re-check.
    HeldOut,
    /// Another way to be quicker, measured.
    Alternative,
    /// The long run whose steps are shown beside short runs.
    Lesson,
}

/// A run to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// [`cell::key`] of the request.
    pub key: String,
    /// What to make.
    pub request: GenerateRequest,
    /// What it is for.
    pub purpose: Purpose,
    /// Seconds that it is expected to take.
    pub predicted: Option<f64>,
}

impl Task {
    /// What the worker is to send.
    pub fn deliver(&self) -> Deliver {
        Deliver { previews: false, latents: true, ..Deliver::default() }
    }
}

/// The task that the worker is at.
#[derive(Clone, Debug, PartialEq)]
struct Running {
    job: u32,
    task: Task,
    evaluations: u32,
    sigma: f64,
    steps: Vec<StepTime>,
    tracks: Vec<Arc<[f32]>>,
    /// The user gave it up.
    stopped: bool,
}

/// The steps of the lesson's long run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// Its job, for full decodes of its steps.
    pub job: u32,
    /// Its key.
    pub key: String,
    /// Predicted clean latents after each step.
    pub latents: Vec<Arc<[f32]>>,
    /// Pictures of some steps, counted from 1.
    pub pictures: HashMap<u32, crate::frames::Pixels>,
}

/// How a batch of tasks goes, for the bar and the words below it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Tasks that are done.
    pub done: usize,
    /// All tasks of the batch.
    pub all: usize,
    /// Model evaluations that are done, and those of all tasks.
    pub evaluations: [u64; 2],
    /// Seconds that were predicted for the batch, where they could be.
    pub predicted: Option<f64>,
    /// Seconds that its finished tasks took.
    pub spent: f64,
    /// Seconds on the clock from the first to the last, once all are done.
    pub wall: Option<f64>,
}

/// Everything of the Sweep screen that is not markup.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sweep {
    /// The fields.
    pub form: SweepForm,
    /// The sweep on show.
    pub grid: Option<Grid>,
    /// The re-check on show: its grid, the row that was checked and the number of steps.
    pub held_out: Option<(Grid, usize, u32)>,
    /// The lesson on show.
    pub track: Option<Track>,
    /// What runs cost.
    pub learned: Learned,
    /// What went wrong last.
    pub failure: Option<Failure>,
    /// How the current or latest batch goes.
    pub progress: Progress,
    /// Raised with everything that is made, so that what depends on it can tell.
    pub version: u64,
    made: HashMap<String, Arc<Made>>,
    queue: VecDeque<Task>,
    running: Option<Running>,
}

impl Sweep {
    /// A finished run.
    pub fn made(&self, key: &str) -> Option<&Arc<Made>> {
        self.made.get(key)
    }

    /// Takes in runs that were kept from an earlier visit.
    pub fn restore(&mut self, runs: Vec<(String, Made)>) {
        for (key, made) in runs {
            self.made.entry(key).or_insert_with(|| Arc::new(made));
        }
        self.version += 1;
    }

    /// The grids whose runs are on show.
    pub fn grids(&self) -> Vec<Grid> {
        self.grid.iter().chain(self.held_out.as_ref().map(|(grid, ..)| grid)).cloned().collect()
    }

    /// Whether tasks are under way or wait.
    pub fn is_running(&self) -> bool {
        self.running.is_some() || !self.queue.is_empty()
    }

    /// What the tasks under way are for.
    pub fn purpose(&self) -> Option<Purpose> {
        self.running.as_ref().map(|running| &running.task).or(self.queue.front()).map(|task| task.purpose)
    }

    /// Key of the task that the worker is at, and how much of it is done, 0 to 1.
    pub fn at_work(&self) -> Option<(&str, f64)> {
        let running = self.running.as_ref()?;
        let done: u32 = running.steps.iter().map(|step| step.evaluations).sum();
        Some((&running.task.key, f64::from(done) / f64::from(running.evaluations.max(1))))
    }

    /// Whether a task with this key waits.
    pub fn is_waiting(&self, key: &str) -> bool {
        self.queue.iter().any(|task| task.key == key)
    }

    /// Seconds until all tasks are done, if `seconds` knows what each takes.
    pub fn left(&self, seconds: impl Fn(&GenerateRequest) -> Option<f64>) -> Option<f64> {
        let waiting: Option<f64> = self.queue.iter().map(|task| seconds(&task.request)).sum();
        let now = match (&self.running, self.at_work()) {
            (Some(running), Some((_, done))) => seconds(&running.task.request)? * (1.0 - done).max(0.0),
            _ => 0.0,
        };
        Some(waiting? + now)
    }

    /// Takes tasks on in place of those that wait. What is made already is not made again.
    pub fn submit(&mut self, tasks: Vec<Task>) {
        self.failure = None;
        let missing = |task: &Task| task.purpose == Purpose::Lesson || !self.made.contains_key(&task.key);
        self.queue = tasks.into_iter().filter(missing).collect();
        let evaluations = self.queue.iter().map(|task| u64::from(lab::grid::evaluations(&task.request))).sum();
        let predicted = self.queue.iter().map(|task| task.predicted).sum();
        self.progress =
            Progress { all: self.queue.len(), evaluations: [0, evaluations], predicted, ..Progress::default() };
    }

    /// The next task, which the worker gets as `job`.
    pub fn next(&mut self, job: impl FnOnce() -> u32) -> Option<(u32, Task)> {
        if self.running.is_some() {
            return None;
        }
        let task = self.queue.pop_front()?;
        let job = job();
        let evaluations = lab::grid::evaluations(&task.request);
        let (sigma, steps, tracks, stopped) = Default::default();
        self.running = Some(Running { job, task: task.clone(), evaluations, sigma, steps, tracks, stopped });
        Some((job, task))
    }

    /// Whether a message about `job` is for here.
    pub fn owns(&self, job: u32) -> bool {
        self.running.as_ref().is_some_and(|running| running.job == job)
            || self.track.as_ref().is_some_and(|track| track.job == job)
    }

    /// Gives up what waits; returns the job to be cancelled.
    pub fn stop(&mut self) -> Option<u32> {
        self.queue.clear();
        let running = self.running.as_mut()?;
        running.stopped = true;
        Some(running.job)
    }

    /// The worker is gone, or cannot work: what was under way is to be made later.
    pub fn interrupted(&mut self) {
        self.running = None;
        self.queue.clear();
    }

    /// Takes in one message about a task. Returns what it made, with its key, to be kept.
    pub fn apply(&mut self, message: FromWorker, bytes: &[u8]) -> Option<(Task, Arc<Made>)> {
        match message {
            FromWorker::Started { job, plan } => self.at(job)?.evaluations = plan.evaluations,
            FromWorker::Step { job, report } => {
                let running = self.at(job)?;
                if running.steps.is_empty() {
                    running.sigma = report.sigma;
                }
                running.steps.push(StepTime { seconds: report.ms / 1000.0, evaluations: report.evaluations });
                if running.task.purpose == Purpose::Lesson {
                    running.tracks.push(cell::floats(bytes).into());
                }
                self.progress.evaluations[0] += u64::from(report.evaluations);
            }
            FromWorker::Done { job, width, height, ms, text_reused } => {
                self.at(job)?;
                let running = self.running.take()?;
                let (picture, latents) = split(width, height, bytes)?;
                let figures = Figures {
                    evaluations: running.evaluations,
                    steps: running.steps,
                    sigma: running.sigma,
                    ms,
                    text_reused,
                    device: String::new(),
                    predicted: running.task.predicted,
                };
                return Some(self.finished(running.task, job, running.tracks, picture, latents, figures));
            }
            FromWorker::Cancelled { job, .. } => {
                self.at(job)?;
                let running = self.running.take()?;
                let undone: u32 = running.steps.iter().map(|step| step.evaluations).sum();
                self.progress.evaluations[0] -= u64::from(undone);
                // Where the Run screen took the engine, it goes on afterwards.
                if !running.stopped {
                    self.queue.push_front(running.task);
                }
            }
            FromWorker::Failed { job: Some(job), failure } => {
                self.at(job)?;
                self.interrupted();
                self.failure = Some(failure);
            }
            FromWorker::Refined { job, step, width, height, .. } => {
                let track = self.track.as_mut().filter(|track| track.job == job)?;
                track.pictures.insert(step, crate::frames::Pixels::new(width, height, bytes)?);
            }
            _ => {}
        }
        None
    }

    fn at(&mut self, job: u32) -> Option<&mut Running> {
        self.running.as_mut().filter(|running| running.job == job)
    }

    fn finished(
        &mut self,
        task: Task,
        job: u32,
        tracks: Vec<Arc<[f32]>>,
        picture: crate::frames::Pixels,
        latents: Vec<f32>,
        figures: Figures,
    ) -> (Task, Arc<Made>) {
        self.progress.done += 1;
        self.progress.spent += figures.seconds();
        if task.purpose == Purpose::Lesson {
            self.track = Some(Track { job, key: task.key.clone(), latents: tracks, pictures: HashMap::new() });
        }
        let made = Arc::new(Made { request: task.request.clone(), picture, latents: latents.into(), figures });
        self.made.insert(task.key.clone(), made.clone());
        self.version += 1;
        self.shrink(&task.key);
        (task, made)
    }

    /// Pictures that no grid shows go first.
    fn shrink(&mut self, newest: &str) {
        let size = |made: &Made| made.picture.rgba.len() + 4 * made.latents.len();
        let bytes: usize = self.made.values().map(|made| size(made)).sum();
        if bytes > BYTES_MAX {
            let grids = [self.grid.as_ref(), self.held_out.as_ref().map(|(grid, ..)| grid)];
            let shown: Vec<GenerateRequest> =
                grids.into_iter().flatten().flat_map(Grid::cells).map(|cell| cell.request).collect();
            self.made.retain(|key, made| key == newest || shown.contains(&made.request));
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
