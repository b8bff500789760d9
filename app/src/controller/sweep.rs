//! The Sweep screen's part of the controller: what its form describes, and the queue of runs on the worker. A run that
//! the user watches always goes first; the sweep goes on when the engine is free again.

use super::Controller;
use crate::{
    browser,
    field::Field,
    inbox::Delivery,
    page::Page,
    session::{EngineState, Session},
    settings::Settings,
    share::{self, Link},
    sweep::{
        Purpose, Sweep, Task,
        cell::{Made, key},
        costs::{Lesson, Prediction, Shape},
        form::SweepForm,
        results::{self, RowResult},
    },
};
use lab::{
    budget::{Costs, StepTime},
    grid::Grid,
    recommend::Criteria,
};
use leptos::prelude::*;
use protocol::{FromWorker, GenerateRequest, ModelInfo, ToWorker, View};
use std::sync::Arc;

/// Steps of the run that measures a device on which nothing has run yet: one to warm up, three that count.
const CALIBRATION_STEPS: u32 = 4;

/// What a sweep will take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Runs in all.
    pub runs: usize,
    /// Runs that are not made yet.
    pub missing: usize,
    /// Seconds of those; `None` where nothing like them was measured on this device.
    pub seconds: Option<f64>,
    /// Bytes that the page keeps of all runs.
    pub bytes: u64,
}

impl Controller {
    /// What the Run form describes, for a sweep to vary: without a picture to start from, at any number of steps.
    ///
    /// # Errors
    /// A sentence; empty while the model is loading.
    pub fn sweep_base(self) -> Result<(GenerateRequest, ModelInfo), String> {
        let info = self.session.with(|session| session.model.clone()).ok_or_else(String::new)?;
        let mut settings = self.settings.get();
        if settings.is_ays() {
            return Err("Align Your Steps has ten steps and no others: choose other timesteps on the Run page.".into());
        }
        settings.set(Field::Steps, info.defaults.steps.to_string());
        let request = settings.request(&info).map_err(|errors| {
            let first = errors.into_iter().next().map(|error| error.message).unwrap_or_default();
            format!("On the Run page: {first}")
        })?;
        Ok((request, info))
    }

    /// The sweep that the forms describe.
    ///
    /// # Errors
    /// A sentence; empty while the model is loading.
    pub fn sweep_planned(self) -> Result<Grid, String> {
        let (base, _) = self.sweep_base()?;
        let form = self.sweep.with(|sweep| sweep.form.clone());
        form.grid(&base).map_err(|error| error.to_string())
    }

    /// What was made for a request.
    pub fn sweep_made(self, request: &GenerateRequest) -> Option<Arc<Made>> {
        let key = self.key_of(request)?;
        self.sweep.with(|sweep| sweep.made(&key).cloned())
    }

    /// The key of a request on this engine.
    pub fn key_of(self, request: &GenerateRequest) -> Option<String> {
        self.session.with(|session| Some(key(request, session.model.as_ref()?, session.engine_name())))
    }

    /// The cost of a run's parts, measured on this device.
    pub fn sweep_costs(self, request: &GenerateRequest) -> Option<Costs> {
        let shape = self.shape(request)?;
        let single = self.shape(&GenerateRequest { guidance_scale: 1.0, ..request.clone() })?;
        self.sweep.with(|sweep| {
            let single = sweep.learned.costs(&single).map(|costs| costs.evaluation);
            Some(sweep.learned.costs(&shape)?.where_guidance_stops(request, single))
        })
    }

    /// Model, size, engine and guidance of a request.
    pub fn shape(self, request: &GenerateRequest) -> Option<Shape> {
        self.session.with(|session| Some(Shape::of(request, session.model.as_ref()?, session.engine_name())))
    }

    /// The largest error that counts as none.
    pub fn criteria(self) -> Criteria {
        let form = self.sweep.with(|sweep| sweep.form.clone());
        let standard = Criteria::of(form.metric);
        Criteria { tolerance: form.tolerance(self.own_tolerance()).unwrap_or(standard.tolerance), ..standard }
    }

    /// What the user's blind votes say, where there are enough.
    pub fn own_tolerance(self) -> Option<f64> {
        self.seen_tolerance(self.sweep.with(|sweep| sweep.form.metric))
    }

    /// What the rows of the sweep on show say by now.
    pub fn sweep_rows(self) -> Vec<RowResult> {
        let criteria = self.criteria();
        let Some(grid) = self.sweep.with(|sweep| sweep.grid.clone()) else { return Vec::new() };
        results::rows(&grid, &|request| self.sweep_made(request), &criteria)
    }

    /// What these runs will take, those that are made already left out.
    pub fn estimate(self, grids: &[&Grid]) -> Estimate {
        let mut estimate = Estimate { seconds: Some(0.0), ..Estimate::default() };
        let scale = self.session.with(|session| session.model.as_ref().map_or(8, |info| info.vae_scale_factor));
        for cell in grids.iter().flat_map(|grid| grid.cells()) {
            let request = &cell.request;
            let pixels = u64::from(request.width) * u64::from(request.height);
            estimate.runs += 1;
            // RGBA, and at most 16 channels of f32 latents.
            estimate.bytes += 4 * pixels + 64 * pixels / u64::from(scale * scale);
            if self.sweep_made(request).is_none() {
                estimate.missing += 1;
                estimate.seconds = estimate.seconds.and_then(|sum| Some(sum + self.seconds_of_cell(request)?));
            }
        }
        estimate
    }

    /// Seconds of a run whose text is encoded already and that nobody watches.
    fn seconds_of_cell(self, request: &GenerateRequest) -> Option<f64> {
        let costs = self.sweep_costs(request)?;
        Some(Costs { text: 0.0, preview: 0.0, ..costs }.of(request))
    }

    /// Seconds until the runs under way are done, at the pace of the latest ones.
    pub fn sweep_left(self) -> Option<f64> {
        self.sweep.with(|sweep| sweep.left(|request| self.seconds_of_cell(request)))
    }

    /// How much slower the device is than at its quickest.
    pub fn sweep_slowdown(self) -> Option<f64> {
        let base = self.sweep.with(|sweep| sweep.grid.as_ref().map(|grid| grid.base.clone()))?;
        let shape = self.shape(&base)?;
        self.sweep.with(|sweep| sweep.learned.slowdown(&shape))
    }

    /// Starts the sweep that the forms describe, or goes on with it, as soon as it is known what is there already.
    pub fn start_sweep(self) {
        match untrack(|| self.sweep_planned()) {
            Ok(grid) if self.keep_open.get_untracked() => {
                self.sweep_queued.set(false);
                self.sweep.update(|sweep| {
                    sweep.grid = Some(grid.clone());
                    sweep.held_out = None;
                });
                self.keep_screen();
                self.submit_grid(grid, Purpose::Cell);
            }
            Err(message) if !message.is_empty() => self.announce(&message),
            _ => self.sweep_queued.set(true),
        }
    }

    /// Makes those runs of a grid that neither this visit nor an earlier one has made.
    fn submit_grid(self, grid: Grid, purpose: Purpose) {
        leptos::task::spawn_local(async move {
            self.find_kept(untrack(|| self.keys_of(std::slice::from_ref(&grid)))).await;
            self.submit(untrack(|| self.tasks(&grid, purpose)));
        });
    }

    /// The runs of a grid, after a short one for each kind of run that was never measured here.
    fn tasks(self, grid: &Grid, purpose: Purpose) -> Vec<Task> {
        let mut tasks: Vec<Task> = Vec::new();
        let mut shapes: Vec<Shape> = Vec::new();
        for cell in grid.cells() {
            let Some(shape) = self.shape(&cell.request).filter(|shape| !shapes.contains(shape)) else { continue };
            // Nothing is left to predict where all runs are there.
            if self.sweep_made(&cell.request).is_some() {
                continue;
            }
            if self.sweep_costs(&cell.request).is_none() {
                let request = GenerateRequest { num_inference_steps: CALIBRATION_STEPS, ..cell.request };
                tasks.extend(self.task(request, Purpose::Calibration));
            }
            shapes.push(shape);
        }
        let calibrated: Vec<String> = tasks.iter().map(|task| task.key.clone()).collect();
        let cells = grid.cells().into_iter().filter_map(|cell| self.task(cell.request, purpose));
        // A run that calibrates and is a cell, too, is made once.
        tasks.extend(cells.filter(|task| !calibrated.contains(&task.key)));
        tasks
    }

    fn task(self, request: GenerateRequest, purpose: Purpose) -> Option<Task> {
        let predicted = self.seconds_of_cell(&request);
        Some(Task { key: self.key_of(&request)?, request, purpose, predicted })
    }

    /// Measures the device, so that the estimate has something to go by.
    pub fn calibrate(self) {
        let tasks = untrack(|| self.sweep_planned().map(|grid| self.tasks(&grid, Purpose::Cell))).unwrap_or_default();
        self.submit(tasks.into_iter().filter(|task| task.purpose == Purpose::Calibration).collect());
    }

    /// Checks a recommendation on prompts and seeds that had no part in it.
    pub fn recheck(self, row: usize, steps: u32) {
        let Some(held) = untrack(|| self.held_out_grid(row, steps)) else { return };
        self.sweep.update(|sweep| sweep.held_out = Some((held.clone(), row, steps)));
        self.keep_screen();
        self.submit_grid(held, Purpose::HeldOut);
    }

    /// The runs of a re-check.
    pub fn held_out_grid(self, row: usize, steps: u32) -> Option<Grid> {
        let info = self.session.with(|session| session.model.clone())?;
        self.sweep.with(|sweep| sweep.form.held_out(sweep.grid.as_ref()?, row, steps, &info).ok())
    }

    /// Makes the long run whose steps stand beside short runs.
    pub fn start_lesson(self, request: GenerateRequest) {
        let task = untrack(|| self.task(request, Purpose::Lesson));
        self.sweep.update(|sweep| sweep.track = None);
        self.submit(task.into_iter().collect());
    }

    /// Measures single runs, of other ways to be quicker.
    pub fn measure(self, requests: Vec<GenerateRequest>) {
        let task = |request| untrack(|| self.task(request, Purpose::Alternative));
        self.submit(requests.into_iter().filter_map(task).collect());
    }

    fn submit(self, tasks: Vec<Task>) {
        let running = self.sweep.try_update(|sweep| sweep.stop()).flatten();
        if let Some(job) = running {
            self.send(&ToWorker::Cancel { job });
        }
        self.sweep.update(|sweep| sweep.submit(tasks));
        self.sweep_began.set_value(js_sys::Date::now());
        self.advance_sweep();
    }

    /// Stops the runs of this screen. What is finished stays.
    pub fn cancel_sweep(self) {
        self.sweep_queued.set(false);
        if let Some(job) = self.sweep.try_update(Sweep::stop).flatten() {
            self.send(&ToWorker::Cancel { job });
        }
    }

    /// Sends the next run, if the engine is free.
    pub(super) fn advance_sweep(self) {
        let free = self.session.with_untracked(|session| session.engine == EngineState::Ready && !session.is_running());
        if !free || self.sweep.with_untracked(|sweep| !sweep.is_running()) {
            return;
        }
        let next = self
            .sweep
            .try_update(|sweep| sweep.next(|| self.session.try_update(Session::take_number).unwrap_or_default()));
        if let Some((job, task)) = next.flatten() {
            let deliver = task.deliver();
            self.send(&ToWorker::Generate { job, request: task.request, deliver });
        }
    }

    /// Takes in what the worker says of a run of this screen; gives back what is for the Run screen.
    pub(super) fn receive_sweep(self, (message, bytes): Delivery) -> Option<Delivery> {
        let job = match &message {
            FromWorker::Started { job, .. }
            | FromWorker::Step { job, .. }
            | FromWorker::Done { job, .. }
            | FromWorker::Cancelled { job, .. }
            | FromWorker::Refined { job, .. }
            | FromWorker::Failed { job: Some(job), .. } => *job,
            _ => return Some((message, bytes)),
        };
        if !self.sweep.with_untracked(|sweep| sweep.owns(job)) {
            if let FromWorker::Done { ms, text_reused, .. } = &message {
                self.learn_from_run(job, *ms, *text_reused);
            }
            return Some((message, bytes));
        }
        let done = self.sweep.try_update(|sweep| sweep.apply(message, bytes.as_deref().unwrap_or_default())).flatten();
        if let Some((task, made)) = done {
            self.learn_from_cell(&made);
            if task.purpose != Purpose::Lesson {
                self.keep_made(task.key.clone(), made.clone());
            }
            self.after(&task);
        }
        self.advance_sweep();
        None
    }

    fn learn_from_cell(self, made: &Made) {
        let Some(shape) = untrack(|| self.shape(&made.request)) else { return };
        let figures = &made.figures;
        let lesson = Lesson {
            steps: alike(&made.request, &figures.steps),
            ms: figures.ms,
            text_reused: figures.text_reused,
            previews_ms: None,
        };
        self.sweep.update(|sweep| sweep.learned.learn(shape, &lesson));
    }

    /// A run on the Run screen has ended: its times count, too, and so does what was predicted of it.
    fn learn_from_run(self, job: u32, ms: [f64; 3], text_reused: bool) {
        let run = self.session.with_untracked(|session| session.gallery.latest().filter(|run| run.job == job).cloned());
        let Some(run) = run.filter(|run| run.request.init.is_none()) else { return };
        let Some(shape) = untrack(|| self.shape(&run.request)) else { return };
        let reports = || run.frames.iter().map(|frame| &frame.report);
        let steps: Vec<StepTime> =
            reports().map(|report| StepTime { seconds: report.ms / 1000.0, evaluations: report.evaluations }).collect();
        let previews_ms = Some(reports().map(|report| report.preview_ms).sum());
        let before = untrack(|| self.sweep_costs(&run.request)).map(|costs| costs.of(&run.request));
        self.sweep.update(|sweep| {
            if let Some(predicted) = before {
                sweep.learned.note(Prediction { predicted, measured: ms.iter().sum::<f64>() / 1000.0 });
            }
            sweep.learned.learn(shape, &Lesson { steps: alike(&run.request, &steps), ms, text_reused, previews_ms });
        });
        self.keep_screen();
    }

    /// What follows from a finished run.
    fn after(self, task: &Task) {
        let (progress, is_running) = self.sweep.with_untracked(|sweep| (sweep.progress, sweep.is_running()));
        if task.purpose == Purpose::Lesson {
            self.refine_lesson();
        }
        if !is_running {
            let wall = (js_sys::Date::now() - self.sweep_began.get_value()) / 1000.0;
            self.sweep.update(|sweep| sweep.progress.wall = Some(wall));
            let runs = if progress.all == 1 { "1 run".into() } else { format!("{} runs", progress.all) };
            self.announce(&format!("Done: {runs} in {}.", crate::format::duration(wall * 1000.0)));
            self.keep_screen();
        }
    }

    /// Asks for the pictures of the lesson's steps that have a run of their own beside them.
    fn refine_lesson(self) {
        let wanted = self.sweep.with_untracked(|sweep| {
            let track = sweep.track.as_ref()?;
            let last = track.latents.len() as u32;
            let steps = sweep.grid.as_ref()?.steps.iter().copied().filter(|step| *step < last).collect();
            Some((track.job, steps))
        });
        if let Some((job, steps)) = wanted {
            self.send(&ToWorker::Refine { job, steps, view: View::Denoised });
        }
    }

    /// Makes a cell's picture again on the Run screen, with all its steps.
    pub fn show_on_run(self, request: &GenerateRequest) {
        self.follow_link(&share::fragment(request, 1));
    }

    /// Puts a recommended run into the Run form.
    pub fn apply_to_run(self, request: &GenerateRequest) {
        let Some(info) = self.session.with_untracked(|session| session.model.clone()) else { return };
        let seed = self.settings.with_untracked(|settings| settings.get(Field::Seed).to_owned());
        if request.model != info.id {
            // The link asks before it downloads, and runs once the model is there.
            return self.follow_link(&share::fragment(request, 1));
        }
        let defaults = Settings::of_model(&info, "");
        let models = [info.id];
        let link = Link::parse(&share::fragment(request, 1));
        let (mut settings, _) = link.over(&defaults, &models, Some(info.size));
        // The seed is the user's: a recommendation holds for all of them.
        settings.set(Field::Seed, seed);
        self.settings.set(settings);
        self.open_page(Page::Run);
        self.announce(&format!("Set to {} steps. Press Generate.", request.num_inference_steps));
        browser::focus(&Field::Steps.element_id());
    }

    /// Everything that is finished as a CSV file.
    pub fn export_sweep(self) {
        let form = self.sweep.with_untracked(|sweep| sweep.form.clone());
        let (grid, held) = self
            .sweep
            .with_untracked(|sweep| (sweep.grid.clone(), sweep.held_out.as_ref().map(|(grid, ..)| grid.clone())));
        let Some(grid) = grid else { return };
        let mut grids = vec![(&grid, false)];
        grids.extend(held.as_ref().map(|grid| (grid, true)));
        let rows = untrack(|| results::table(&grids, &|request| self.sweep_made(request), form.metric));
        let said = match browser::save_text(&lab::table::to_csv(&rows), "text/csv", "stepscope-sweep.csv") {
            Ok(()) => format!("Saved {} runs as stepscope-sweep.csv.", rows.len()),
            Err(error) => format!("The file could not be saved: {error}"),
        };
        self.announce(&said);
    }

    /// Opens the sweep of a link, and starts it if all of it could be read.
    pub(super) fn open_sweep(self, form: SweepForm, usable: bool) {
        self.sweep.update(|sweep| sweep.form = form);
        if usable {
            self.start_sweep();
        }
    }
}

/// The steps of a run that cost the same: where guidance stops early, those before.
fn alike<'a>(request: &GenerateRequest, steps: &'a [StepTime]) -> &'a [StepTime] {
    let guided = request.guided_steps(steps.len() as u32) as usize;
    if request.guidance_scale > 1.0 && request.guidance_stop < 1.0 { &steps[..guided] } else { steps }
}
