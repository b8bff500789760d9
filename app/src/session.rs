//! The page's picture of the engine: what it is doing, what it has made. A reducer over the worker's messages, in
//! plain Rust; everything that touches the browser is in `controller`.

use crate::{
    batch::{Batch, Job},
    frames::{Frame, Pixels, floats},
    gallery::Gallery,
    run::{Phase, Run, StepSplit},
};
use protocol::{EngineKind, EngineReport, Failure, FromWorker, GenerateRequest, ModelInfo};

/// Whether the engine can work.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineState {
    /// The worker starts or the model loads.
    Loading {
        /// Caption.
        what: String,
        /// Bytes so far.
        received: u64,
        /// Bytes in all; 0 if unknown.
        total: u64,
    },
    /// A model is loaded.
    Ready,
    /// Nothing can be made until a retry.
    Failed(Failure),
}

impl EngineState {
    /// The state before the worker has said anything.
    pub fn starting() -> Self {
        Self::Loading { what: "Starting the engine".into(), received: 0, total: 0 }
    }
}

/// Everything that the page knows of the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Whether it can work.
    pub engine: EngineState,
    /// Which engine, and why.
    pub report: Option<EngineReport>,
    /// The loaded model.
    pub model: Option<ModelInfo>,
    /// The runs that started.
    pub gallery: Gallery,
    /// A job that was sent and has not started.
    pub pending: Option<(u32, GenerateRequest)>,
    /// A failure that belongs to no run on show; the run on show stays.
    pub failure: Option<Failure>,
    /// The latest milestone, for the status region.
    pub milestone: String,
    /// Sentences for the banner, with a key each.
    pub notices: Vec<String>,
    batch: Batch,
    last_job: u32,
    is_live: bool,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            engine: EngineState::starting(),
            report: None,
            model: None,
            gallery: Gallery::default(),
            pending: None,
            failure: None,
            milestone: "Loading the model.".into(),
            notices: Vec::new(),
            batch: Batch::default(),
            last_job: 0,
            is_live: false,
        }
    }
}

impl Session {
    /// The run on show.
    pub fn run(&self) -> Option<&Run> {
        self.gallery.shown()
    }

    /// Whether a job is under way.
    pub fn is_running(&self) -> bool {
        self.active_job().is_some() || self.batch.has_more()
    }

    /// The job that `Cancel` means.
    pub fn active_job(&self) -> Option<u32> {
        let running = self.gallery.latest().filter(|run| run.is_running()).map(|run| run.job);
        self.pending.as_ref().map(|(job, _)| *job).or(running)
    }

    /// Whether the latest run has done its steps and its picture has not been asked for.
    pub fn is_sampled(&self) -> bool {
        self.gallery.latest().is_some_and(|run| matches!(run.phase, Phase::Sampled { .. }))
    }

    /// `data-engine` of the page.
    pub fn engine_name(&self) -> &'static str {
        match self.report.as_ref().map(|report| report.kind) {
            Some(EngineKind::WebGpu) => "webgpu",
            Some(EngineKind::Cpu) => "cpu",
            None => "none",
        }
    }

    /// `data-state` of the page.
    pub fn state_name(&self) -> &'static str {
        match self.engine {
            EngineState::Loading { .. } => "loading",
            EngineState::Failed(_) => "error",
            EngineState::Ready if self.is_running() => "running",
            EngineState::Ready => "ready",
        }
    }

    /// Takes jobs to be done one after the other, in place of what was under way; [`Self::advance`] gives the first.
    pub fn submit(&mut self, jobs: Vec<Job>) {
        self.batch = Batch::new(jobs);
        self.failure = None;
        self.is_live = false;
    }

    /// Takes a job of live mode: it says nothing of itself, and its picture waits until it is asked for.
    pub fn submit_live(&mut self, job: Job) {
        self.submit(vec![job]);
        self.is_live = true;
    }

    /// Whether the latest job is one of live mode.
    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// A number for a job that is not for the gallery.
    pub fn take_number(&mut self) -> u32 {
        self.last_job += 1;
        self.last_job
    }

    /// The next job to send, if the engine is free and there is one, with its number.
    pub fn advance(&mut self) -> Option<(u32, Job)> {
        let job = self.batch.pop()?;
        let number = self.take_number();
        self.pending = Some((number, job.request.clone()));
        Some((number, job))
    }

    /// Gives up the jobs that were not sent; returns the one to cancel.
    pub fn cancel(&mut self) -> Option<u32> {
        self.batch.stop();
        self.active_job()
    }

    /// Adds a sentence to the banner, once.
    pub fn notify(&mut self, notice: String) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Takes in one message with its pixels. What belongs to a job that is not on show is dropped.
    pub fn apply(&mut self, message: FromWorker, pixels: Option<&[u8]>) {
        let pixels = pixels.unwrap_or_default();
        match message {
            FromWorker::Ready { .. } => {}
            FromWorker::Engine(report) => {
                report.notice.clone().into_iter().for_each(|notice| self.notify(notice));
                self.report = Some(report);
            }
            FromWorker::Loading { what, received, total, .. } => {
                self.engine = EngineState::Loading { what, received, total };
            }
            FromWorker::Model(info) => {
                self.milestone = format!("Ready. {} is loaded.", info.display_name);
                self.engine = EngineState::Ready;
                self.model = Some(info);
            }
            FromWorker::Started { job, plan } => self.start(job, plan),
            FromWorker::Step { job, report } => {
                let Some(run) = self.run_of(job).filter(|run| run.is_running()) else { return };
                let Some(frame) = Frame::new(report, pixels) else {
                    return self.fail(Some(job), malformed("a step"));
                };
                let quarter = |done: u32, total: u32| 4 * done / total.max(1);
                let before = quarter(run.steps_done(), run.steps_total());
                let frame = frame.follows(run.frames.last());
                run.frames.push(frame);
                let after = quarter(run.steps_done(), run.steps_total());
                if after > before && after < 4 && !self.is_live {
                    self.milestone = format!("{} % done.", 25 * after);
                }
            }
            FromWorker::Done { job, width, height, ms, .. } => {
                let Some(run) = self.run_of(job).filter(|run| run.awaits_picture()) else { return };
                let parts = pixels.split_at_checked(4 * width as usize * height as usize);
                let Some((picture, latents)) =
                    parts.and_then(|(rgba, rest)| Some((Pixels::new(width, height, rgba)?, floats(rest))))
                else {
                    return self.fail(Some(job), malformed("the picture"));
                };
                (run.picture, run.latents) = (Some(picture), latents);
                run.phase = Phase::Done { ms };
                let seconds = ms.iter().sum::<f64>() / 1000.0;
                let steps = run.steps_done();
                self.milestone = match self.batch.position() {
                    None => format!("Done: {steps} steps in {seconds:.1} s."),
                    Some((picture, all)) if picture == all => format!("Done: {all} pictures."),
                    // The cancellation came when there was only the picture left to decode.
                    Some((picture, all)) if self.batch.was_stopped() => {
                        format!("Cancelled. {picture} of {all} pictures are done.")
                    }
                    Some((picture, all)) => format!("Picture {picture} of {all} is done."),
                };
            }
            FromWorker::Sampled { job, ms } => {
                if let Some(run) = self.run_of(job).filter(|run| run.is_running()) {
                    run.phase = Phase::Sampled { ms };
                }
            }
            FromWorker::Split { job, step, decoded, width, height, apart } => {
                let Some(run) = self.run_of(job) else { return };
                let part = |i: usize| {
                    let bytes = 4 * width as usize * height as usize;
                    Pixels::new(width, height, pixels.get(i * bytes..(i + 1) * bytes)?)
                };
                let pictures = part(0).zip(part(1)).zip(part(2)).map(|((a, b), c)| [a, b, c]);
                run.split(StepSplit { step, pictures, is_decoded: decoded, apart });
                self.milestone = format!("Step {step} is taken apart.");
            }
            FromWorker::Cancelled { job, .. } => self.cancelled(job),
            FromWorker::Refined { job, step, view, width, height } => {
                let frame = self.run_of(job).and_then(|run| run.frames.get_mut(step.checked_sub(1)? as usize));
                if let (Some(frame), Some(pixels)) = (frame, Pixels::new(width, height, pixels)) {
                    frame.refine(view, pixels);
                }
            }
            FromWorker::Failed { job, failure } => self.fail(job, failure),
        }
    }

    /// The worker is gone. Frames and picture stay.
    pub fn crashed(&mut self, failure: Failure) {
        if let Some(job) = self.active_job() {
            self.fail(Some(job), failure.clone());
        }
        self.fail(None, failure);
    }

    fn run_of(&mut self, job: u32) -> Option<&mut Run> {
        self.gallery.of(job)
    }

    fn start(&mut self, job: u32, plan: protocol::Plan) {
        let Some((_, request)) = self.pending.take_if(|(pending, _)| *pending == job) else { return };
        let steps = if plan.outer_steps == 1 { "1 step".into() } else { format!("{} steps", plan.outer_steps) };
        self.milestone = match self.batch.position() {
            None if self.is_live => "Following the form.".into(),
            None => format!("Started: {steps}."),
            Some((picture, all)) => format!("Picture {picture} of {all} started: {steps}."),
        };
        self.gallery.start(Run::new(job, request, plan), self.batch.is_at_start());
    }

    fn cancelled(&mut self, job: u32) {
        let dropped = self.pending.take_if(|(pending, _)| *pending == job).is_some();
        let replaced = self.pending.is_some();
        let mut stopped = dropped.then(|| "Cancelled before the first step.".to_owned());
        if let Some(run) = self.run_of(job).filter(|run| run.is_running()) {
            run.phase = Phase::Cancelled;
            stopped = Some(format!("Cancelled after {} of {} steps.", run.steps_done(), run.steps_total()));
        }
        let Some(mut milestone) = stopped.filter(|_| !replaced && !self.is_live) else { return };
        if let Some((picture, all)) = self.batch.position() {
            milestone += &format!(" {} of {all} pictures are done.", picture - 1);
        }
        self.milestone = milestone;
    }

    fn fail(&mut self, job: Option<u32>, failure: Failure) {
        let Some(job) = job else {
            self.milestone = "Failed.".into();
            self.engine = EngineState::Failed(failure);
            self.pending = None;
            self.batch.stop();
            return;
        };
        let pending = self.pending.take_if(|(pending, _)| *pending == job).is_some();
        if let Some(run) = self.run_of(job).filter(|run| run.splitting.is_some()) {
            // The run itself is fine.
            run.splitting = None;
            self.milestone = failure.message;
            return;
        }
        let running = self.run_of(job).filter(|run| run.awaits_picture());
        if running.is_none() && !pending {
            return;
        }
        if let Some(run) = running {
            run.phase = Phase::Failed(failure.clone());
        }
        self.batch.stop();
        self.milestone = "Failed.".into();
        self.failure = Some(failure);
    }
}

fn malformed(what: &str) -> Failure {
    Failure {
        kind: protocol::FailureKind::Bug,
        message: format!("The engine sent {what} of the wrong size."),
        hint: "Reload the page; if it happens again, report it with a copied link.".into(),
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
