//! A new release of the page: it is offered, never forced, and never in the middle of a run.

use super::Controller;
use crate::{browser, session::Session, sweep::Sweep};
use leptos::{leptos_dom::helpers::window_event_listener_untyped, prelude::*};

impl Controller {
    /// Hears from `register-sw.js` that a new release waits.
    pub(super) fn watch_for_update(self) {
        self.update_ready.set(browser::root("data-update").as_deref() == Some("ready"));
        window_event_listener_untyped("stepscope-update", move |_| self.update_ready.set(true));
    }

    /// Whether something is being made, be it by a sweep.
    pub fn is_busy(self) -> bool {
        self.session.with(Session::is_running) || self.sweep.with(Sweep::is_running)
    }

    /// Loads the page again in its new release. Runs that are kept in the log are there again; what is being made ends.
    pub fn take_update(self) {
        if !untrack(|| self.is_busy()) {
            browser::say("stepscope-take-update");
        }
    }
}
