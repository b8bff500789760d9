//! The controller's conversation with the worker: start, send, receive, replace after a crash.

use super::Controller;
use crate::{
    browser,
    engine::Client,
    inbox::{Delivery, Inbox},
    session::{EngineState, Session},
};
use leptos::prelude::*;
use protocol::{EngineChoice, Failure, FailureKind, FromWorker, PROTOCOL_VERSION, ToWorker};

impl Controller {
    pub(super) fn spawn(self) {
        self.client.set_value(None);
        self.worker_ready.set_value(false);
        let inbox = Inbox::new(request_animation_frame, queue_microtask, move |delivery| self.receive(delivery));
        let queue = inbox.clone();
        let on_message = move |delivery: Delivery| {
            queue.push(delivery);
            if browser::is_hidden() {
                queue.hurry();
            }
        };
        let url = browser::worker_url().unwrap_or_default();
        // A crash is handled after its event: the handler must not be dropped while it runs.
        let on_crash = move |words| set_timeout(move || self.crashed(words), std::time::Duration::ZERO);
        match Client::spawn(&url, on_message, on_crash) {
            Ok(client) => self.client.set_value(Some((client, inbox))),
            Err(error) => self.crashed(&error),
        }
    }

    pub(super) fn send_start(self) {
        if let Some(model) = self.wanted_model.get_value().filter(|_| self.worker_ready.get_value()) {
            let wanted = browser::query("engine");
            let engine = match wanted.as_deref() {
                Some("webgpu") => EngineChoice::WebGpu,
                Some("cpu") => EngineChoice::Cpu,
                None | Some("auto") => EngineChoice::Auto,
                Some(other) => {
                    let notice = format!("There is no engine '{other}': ?engine= takes webgpu or cpu.");
                    self.session.update(|session| session.notify(notice));
                    EngineChoice::Auto
                }
            };
            let models_url = browser::resolve("models/").unwrap_or_default();
            self.send(&ToWorker::Start { version: PROTOCOL_VERSION, engine, models_url, model });
        }
    }

    pub(super) fn send(self, message: &ToWorker) {
        self.send_pixels(message, None);
    }

    pub(super) fn send_pixels(self, message: &ToWorker, pixels: Option<&[u8]>) {
        let sent = self.client.with_value(|client| client.as_ref().map(|(client, _)| client.send(message, pixels)));
        if let Some(Err(error)) = sent {
            set_timeout(move || self.crashed(error), std::time::Duration::ZERO);
        }
    }

    /// What has arrived is worked off without waiting for the screen: the user wants something else.
    pub(super) fn hurry(self) {
        let inbox = self.client.with_value(|client| client.as_ref().map(|(_, inbox)| inbox.clone()));
        inbox.into_iter().for_each(|inbox| inbox.hurry());
    }

    pub(super) fn fail(self, failure: Failure) {
        self.session.update(|session| session.apply(FromWorker::Failed { job: None, failure }, None));
    }

    pub(super) fn receive(self, delivery: Delivery) {
        let Some((message, pixels)) = self.receive_sweep(delivery) else { return };
        if let FromWorker::Ready { version } = message {
            if version == PROTOCOL_VERSION {
                self.worker_ready.set_value(true);
                return self.send_start();
            }
            return self.fail(Failure {
                kind: FailureKind::Bug,
                message: format!("The page and its engine are of different versions ({PROTOCOL_VERSION}, {version})."),
                hint: "Reload the page to get both from the same build.".into(),
            });
        }
        let loaded = matches!(message, FromWorker::Model(_));
        let known = self.session.with_untracked(|session| match (&message, &session.model) {
            (FromWorker::Model(new), Some(old)) => new.id == old.id,
            _ => false,
        });
        let ended = matches!(
            message,
            FromWorker::Done { .. }
                | FromWorker::Sampled { .. }
                | FromWorker::Cancelled { .. }
                | FromWorker::Failed { job: Some(_), .. }
        );
        let over = match &message {
            FromWorker::Done { job, .. } | FromWorker::Cancelled { job, .. } => Some(*job),
            _ => None,
        };
        self.session.update(|session| session.apply(message, pixels.as_deref()));
        over.into_iter().for_each(|job| self.log_run(job));
        if loaded {
            self.model_loaded(known);
        }
        if ended {
            self.advance();
            if self.session.with_untracked(Session::is_live) {
                self.live_next();
            }
            // While values change in live mode, previews are enough.
            if self.session.with_untracked(|session| !session.is_sampled()) {
                self.refine();
            }
            self.advance_sweep();
        }
    }

    /// `known`: a new worker has loaded again what an old one had; the form is the user's by now.
    pub(super) fn model_loaded(self, known: bool) {
        let info = self.session.with_untracked(|session| session.model.clone()).filter(|_| !known);
        let link = self.link.get_value();
        if let Some(info) = info {
            let models = std::slice::from_ref(&info.id);
            self.rebase(link.over(&self.defaults_of(&info), models, Some(info.size)).0);
        }
        if link.has_settings() || link.sweep().is_some() {
            self.queued.set(false);
            self.apply_link();
        } else if self.sweep_queued.get_untracked() {
            self.sweep_queued.set(false);
            self.start_sweep();
        } else if self.queued.get_untracked() {
            self.queued.set(false);
            self.generate();
        }
    }

    /// Asks for full decodes of what is kept, once the engine has nothing better to do.
    pub(super) fn refine(self) {
        if let Some((job, view, steps)) = self.export_needs() {
            return self.send(&ToWorker::Refine { job, steps, view });
        }
        let view = self.view.get_untracked();
        let wanted = self.session.with_untracked(|session| {
            let run = session.run().filter(|_| !session.is_running())?;
            // The worker keeps the latents of the latest job only.
            let run = session.gallery.latest().filter(|latest| latest.job == run.job)?;
            let alive = session.engine == EngineState::Ready;
            Some((run.job, run.to_refine(view))).filter(|(_, steps)| alive && !steps.is_empty())
        });
        if let Some((job, steps)) = wanted {
            self.send(&ToWorker::Refine { job, steps, view });
        }
    }

    /// The worker is gone. One that had been working is replaced; one that never worked waits for the user.
    pub(super) fn crashed(self, words: impl AsRef<str>) {
        let worked = self.session.with_untracked(|session| session.engine == EngineState::Ready);
        let failure = Failure {
            kind: FailureKind::Bug,
            message: format!("The engine stopped unexpectedly: {}.", words.as_ref().trim_end_matches('.')),
            hint: "What was made so far is kept. Try again; reload the page if it keeps happening.".into(),
        };
        self.session.update(|session| {
            session.crashed(failure.clone());
            self.sweep.update(crate::sweep::Sweep::interrupted);
            if worked {
                session.failure = Some(failure);
                session.engine = EngineState::starting();
            }
        });
        self.client.set_value(None);
        if worked {
            self.spawn();
        }
    }
}
