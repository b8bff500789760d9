//! What the user can do, and what happens when the worker says something: the one place that joins the plain state
//! with the browser. Components read its signals and call its methods.

mod compare;
mod export;
mod inside;
mod journal;
mod keep;
mod link;
mod live;
mod models;
mod pair;
mod png;
mod share;
mod start;
mod sweep;
mod update;
mod vote;
mod worker;

pub use compare::Compare;
pub use export::{Export, Progress};
pub use journal::Journal;
pub use live::Live;
pub use models::Offer;
pub use png::PngFile;
pub use share::{Sharing, Variant};
pub use start::Start;
pub use vote::{Booth, Choice, Voting};

use crate::{
    batch::Job,
    browser,
    catalog::{self, Entry},
    engine::Client,
    field::Field,
    inbox::Inbox,
    page::Page,
    run::Run,
    session::{EngineState, Session},
    settings::Settings,
    share::{Link, Opened},
    sweep::Sweep,
};
use leptos::prelude::*;
use protocol::{Deliver, Failure, FailureKind, FieldError, ModelInfo, ToWorker, View};
use std::rc::Rc;

/// Handles to everything that the page remembers. Copies share it.
#[derive(Clone, Copy)]
pub struct Controller {
    /// The form.
    pub settings: RwSignal<Settings>,
    /// The engine and its runs.
    pub session: RwSignal<Session>,
    /// Which view of a step the canvas shows.
    pub view: RwSignal<View>,
    /// Which page.
    pub page: RwSignal<Page>,
    /// The models that there are.
    pub models: RwSignal<Vec<Entry>>,
    /// A model that must be downloaded first, while the user is asked.
    pub offer: RwSignal<Option<Offer>>,
    /// Generate was pressed before the model was ready.
    pub queued: RwSignal<bool>,
    /// A new release of the page waits.
    pub update_ready: RwSignal<bool>,
    /// A link that the clipboard refused, shown for copying by hand.
    pub link_by_hand: RwSignal<Option<String>>,
    /// Links that are on offer, with their code.
    pub sharing: RwSignal<Option<Sharing>>,
    /// What the link does that was opened last, until the reader has read it.
    pub opened: RwSignal<Option<Opened>>,
    /// The picture to start from.
    pub start: Start,
    /// Saving the denoising.
    pub export: Export,
    /// The Compare screen.
    pub compare: Compare,
    /// The blind vote.
    pub voting: Voting,
    /// Live mode.
    pub live: Live,
    /// A picture's file whose settings are on offer.
    pub png: PngFile,
    /// The log of runs.
    pub journal: Journal,
    /// Whether the form's options are open.
    pub advanced_open: RwSignal<bool>,
    /// The Sweep screen.
    pub sweep: RwSignal<Sweep>,
    /// Start was pressed before the model was ready.
    pub sweep_queued: RwSignal<bool>,
    sweep_began: StoredValue<f64>,
    /// The grids whose cells are on show.
    sweep_grids: Memo<Vec<lab::grid::Grid>>,
    /// Whether it is known what an earlier visit left.
    keep_open: RwSignal<bool>,
    baseline: StoredValue<Settings>,
    link: StoredValue<Link>,
    /// The link stood on the page itself, so its reader knows what it does.
    link_is_own: StoredValue<bool>,
    client: StoredValue<Option<(Client, Rc<Inbox>)>, LocalStorage>,
    wanted_model: StoredValue<Option<String>>,
    worker_ready: StoredValue<bool>,
}

impl Controller {
    /// Reads the address, starts the worker and fetches the list of models.
    pub fn start() -> Self {
        let settings = RwSignal::new(Settings::built_in("", ""));
        let session = RwSignal::new(Session::default());
        let sweep = RwSignal::new(Sweep::default());
        let this = Self {
            settings,
            session,
            start: Start::new(settings, session),
            export: Export::new(),
            compare: Compare::new(),
            voting: Voting::new(),
            live: Live::new(),
            png: PngFile::new(),
            journal: Journal::new(),
            advanced_open: RwSignal::new(false),
            sweep,
            sweep_queued: RwSignal::new(false),
            sweep_began: StoredValue::new(0.0),
            sweep_grids: Memo::new(move |_| sweep.with(Sweep::grids)),
            keep_open: RwSignal::new(false),
            view: RwSignal::new(View::Denoised),
            page: RwSignal::new(Page::Run),
            models: RwSignal::new(Vec::new()),
            offer: RwSignal::new(None),
            queued: RwSignal::new(false),
            update_ready: RwSignal::new(false),
            link_by_hand: RwSignal::new(None),
            sharing: RwSignal::new(None),
            opened: RwSignal::new(None),
            baseline: StoredValue::new(Settings::built_in("", "")),
            link: StoredValue::new(Link::default()),
            link_is_own: StoredValue::new(false),
            client: StoredValue::new_local(None),
            wanted_model: StoredValue::new(None),
            worker_ready: StoredValue::new(false),
        };
        Effect::new(move |_| {
            browser::set_root("data-engine", this.session.with(Session::engine_name));
            let sweeps = this.sweep.with(Sweep::is_running);
            let state = this.session.with(Session::state_name);
            browser::set_root("data-state", if sweeps && state == "ready" { "running" } else { state });
        });
        this.watch_for_pictures();
        this.watch_for_update();
        this.follow_the_form();
        this.follow_export();
        this.follow_pair();
        this.open_keep();
        this.open_fragment();
        leptos::leptos_dom::helpers::window_event_listener(leptos::ev::hashchange, move |_| this.open_fragment());
        this.spawn();
        this.fetch_catalog();
        this.open_journal();
        this.open_votes();
        this
    }

    /// Goes to a page; the address follows.
    pub fn open_page(self, page: Page) {
        browser::set_fragment(&page.href());
        self.page.set(page);
        self.opened.set(None);
    }

    /// What is wrong with a field, if anything.
    pub fn error(self, field: Field) -> Option<FieldError> {
        if field == Field::Strength && !self.start.has_picture() {
            return None;
        }
        let rule = self.session.with(|session| session.model.as_ref().map(|model| model.size));
        self.settings.with(|settings| settings.error(field, rule))
    }

    /// Makes the picture that the form describes, or shows what is wrong with the form.
    pub fn generate(self) {
        self.opened.set(None);
        if let Some(field) = Field::ALL.iter().find(|field| untrack(|| self.error(**field)).is_some()) {
            return browser::focus(&field.element_id());
        }
        let ready = self.session.with_untracked(|session| session.engine == EngineState::Ready);
        let model = self.session.with_untracked(|session| session.model.clone()).filter(|_| ready);
        let Some(model) = model else {
            self.queued.set(true);
            self.announce("Generates as soon as the model is ready.");
            if self.session.with_untracked(|session| matches!(session.engine, EngineState::Failed(_))) {
                self.retry();
            }
            return;
        };
        let asked =
            self.settings.with_untracked(|settings| Some((settings.request(&model).ok()?, settings.pictures().ok()?)));
        let Some((request, pictures)) = asked else { return };
        match self.job(&model, request) {
            Ok(job) => {
                self.hurry();
                self.session.update(|session| session.submit(job.series(pictures)));
                self.advance();
            }
            Err(failure) => self.session.update(|session| session.failure = Some(failure)),
        }
        browser::reveal("stage");
    }

    /// Sends the next job, if one waits.
    fn advance(self) {
        if let Some((job, Job { request, pixels })) = self.session.try_update(Session::advance).flatten() {
            let picture = !self.session.with_untracked(Session::is_live);
            // A few kilobytes a step; what is compared later is measured by them.
            let deliver = Deliver { picture, latents: true, ..Deliver::default() };
            let message = ToWorker::Generate { job, request, deliver };
            self.send_pixels(&message, pixels.as_deref());
        }
    }

    /// Stops what is under way; of several pictures, those that are finished stay.
    pub fn cancel(self) {
        self.queued.set(false);
        if let Some(job) = self.session.try_update(Session::cancel).flatten() {
            self.hurry();
            self.send(&ToWorker::Cancel { job });
        }
    }

    /// Shows a finished run.
    pub fn pick(self, job: u32) {
        self.session.update(|session| session.gallery.pick(job));
        self.refine();
    }

    /// Goes to a step; `None` goes back to the newest of the run that is being made, or to the finished picture.
    pub fn select(self, step: Option<u32>) {
        if step.is_none() && self.session.with_untracked(|session| session.gallery.is_elsewhere()) {
            self.session.update(|session| session.gallery.follow());
        }
        self.session.update(|session| match (session.gallery.shown_mut(), step) {
            (Some(run), Some(step)) => run.select(step),
            (Some(run), None) => run.selected = None,
            (None, _) => {}
        });
        // The step that is looked at goes first.
        let view = self.view.get_untracked();
        let frame = |run: &Run| run.shown_frame().is_some_and(|frame| !frame.is_refined(view));
        if self.session.with_untracked(|session| session.run().is_some_and(frame)) {
            self.refine();
        }
    }

    /// Shows the other view of the steps.
    pub fn show(self, view: View) {
        self.view.set(view);
        self.refine();
    }

    /// Tries again after the engine or its model could not be used.
    pub fn retry(self) {
        let failure = self.session.with_untracked(|session| match &session.engine {
            EngineState::Failed(failure) => Some(failure.kind),
            _ => None,
        });
        self.session.update(|session| {
            session.engine = EngineState::starting();
            session.failure = None;
            session.milestone = "Loading the model.".into();
        });
        if self.models.with_untracked(Vec::is_empty) {
            self.fetch_catalog();
        }
        match failure {
            Some(FailureKind::Network | FailureKind::BadModel) if self.worker_ready.get_value() => {
                if let Some(model) = self.wanted_model.get_value() {
                    self.send(&ToWorker::Load { model });
                }
            }
            _ => self.spawn(),
        }
    }

    /// Says something in the status region.
    pub fn announce(self, milestone: &str) {
        self.session.update(|session| session.milestone = milestone.to_owned());
    }

    fn fetch_catalog(self) {
        leptos::task::spawn_local(async move {
            let url = browser::resolve("models/catalog.json").unwrap_or_default();
            match catalog::fetch(&url).await {
                Ok(models) => {
                    if let Some(first) = models.first() {
                        self.rebase(Settings::built_in(&first.id, &first.prompt));
                    }
                    self.models.set(models);
                    self.open_fragment();
                    self.open_model(self.settings.with_untracked(|settings| settings.get(Field::Model).to_owned()));
                }
                Err(error) => self.fail(Failure {
                    kind: FailureKind::Network,
                    message: format!("The list of models (models/catalog.json) could not be read: {error}."),
                    hint: "Check the connection and try again.".into(),
                }),
            }
        });
    }

    fn defaults_of(self, info: &ModelInfo) -> Settings {
        let prompt = self.models.with_untracked(|models| {
            models.iter().find(|entry| entry.id == info.id).map(|entry| entry.prompt.clone()).unwrap_or_default()
        });
        Settings::of_model(info, &prompt)
    }

    fn rebase(self, defaults: Settings) {
        let old = self.baseline.get_value();
        self.settings.update(|settings| settings.adopt(&old, &defaults));
        self.baseline.set_value(defaults);
    }
}
