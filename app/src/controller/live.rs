//! Live mode: the picture follows the form. One run at a time; the newest values win; the picture is decoded in full
//! once they rest.

use super::Controller;
use crate::{
    live::{Estimate, REST, Turn, is_news, turn},
    run::Run,
    session::Session,
};
use gloo::timers::callback::Timeout;
use leptos::prelude::*;
use protocol::{GenerateRequest, ToWorker};

/// Handles to what live mode remembers. Copies share it.
#[derive(Clone, Copy)]
pub struct Live {
    /// Whether the user has switched it on.
    pub is_on: RwSignal<bool>,
    /// What was asked for last.
    latest: StoredValue<Option<GenerateRequest>>,
    /// The job that was told to end.
    told: StoredValue<Option<u32>>,
    /// The form has changed since the run under way began.
    is_behind: StoredValue<bool>,
    /// Runs while values change; gone once they rest.
    rest: StoredValue<Option<Timeout>, LocalStorage>,
}

impl Live {
    /// Switched off.
    pub fn new() -> Self {
        Self {
            is_on: RwSignal::new(false),
            latest: StoredValue::new(None),
            told: StoredValue::new(None),
            is_behind: StoredValue::new(false),
            rest: StoredValue::new_local(None),
        }
    }
}

impl Controller {
    /// What the latest run that has steps says of the run that the form describes.
    pub fn live_estimate(self) -> Option<Estimate> {
        self.session.with(|session| {
            let (model, run) = (session.model.as_ref()?, session.gallery.latest()?);
            self.settings.with(|settings| Estimate::new(run, settings, model))
        })
    }

    /// Follows the form while the switch is on.
    pub(super) fn follow_the_form(self) {
        Effect::new(move |was_on: Option<bool>| {
            let is_on = self.live.is_on.get();
            self.settings.track();
            if is_on && was_on == Some(true) {
                untrack(|| self.form_changed());
            }
            is_on
        });
    }

    fn live_request(self) -> Option<GenerateRequest> {
        let model = self.session.with_untracked(|session| session.model.clone())?;
        self.settings.with_untracked(|settings| settings.request(&model).ok())
    }

    fn form_changed(self) {
        let Some(request) = self.live_request() else { return };
        if !self.live.latest.with_value(|latest| is_news(latest.as_ref(), &request)) {
            return;
        }
        if !self.live_estimate().is_some_and(Estimate::can_follow) {
            return;
        }
        self.live.latest.set_value(Some(request));
        let rested = Timeout::new(REST, move || {
            self.live.rest.set_value(None);
            self.live_rested();
        });
        // The old one is cancelled by being dropped.
        self.live.rest.set_value(Some(rested));
        let (active, left) = self.session.with_untracked(|session| {
            let left = session.gallery.latest().and_then(Run::ms_left);
            (session.active_job(), left.filter(|_| session.pending.is_none()))
        });
        let told = active.is_some() && active == self.live.told.get_value();
        match turn(active.is_some(), told, left) {
            Turn::Start => self.live_start(),
            Turn::Wait => self.live.is_behind.set_value(true),
            Turn::BreakOff => {
                self.live.is_behind.set_value(true);
                self.live.told.set_value(active);
                self.hurry();
                if let Some(job) = self.session.try_update(Session::cancel).flatten() {
                    self.send(&ToWorker::Cancel { job });
                }
            }
        }
    }

    fn live_start(self) {
        self.live.is_behind.set_value(false);
        let model = self.session.with_untracked(|session| session.model.clone());
        let (Some(model), Some(request)) = (model, self.live_request()) else { return };
        // A picture that cannot be used is told by Generate; the picture just stays meanwhile.
        if let Ok(job) = self.job(&model, request) {
            self.session.update(|session| session.submit_live(job));
            self.advance();
        }
    }

    /// A run has ended: the values that came meanwhile are next, or the picture if they rest.
    pub(super) fn live_next(self) {
        if self.live.is_behind.get_value() {
            self.live_start();
        } else if self.live.rest.with_value(Option::is_none) {
            self.live_rested();
        }
    }

    /// The values rest: decodes the picture of a run that was made without one.
    fn live_rested(self) {
        let job = self.session.with_untracked(|session| {
            let is_waiting = session.is_sampled() && session.active_job().is_none();
            session.gallery.latest().filter(|_| is_waiting).map(|run| run.job)
        });
        if let Some(job) = job {
            self.send(&ToWorker::Decode { job });
        }
    }
}
