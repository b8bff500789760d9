//! What the user can ask about the step that is shown.

use super::Controller;
use crate::run::Run;
use leptos::prelude::*;
use protocol::ToWorker;

impl Controller {
    /// Whether the engine still has the latents of the run on show.
    pub fn has_latents(self) -> bool {
        self.session.with(|session| {
            let shown = session.run().map(|run| run.job);
            shown.is_some() && shown == session.gallery.latest().map(|run| run.job)
        })
    }

    /// Takes the shown step's evaluation apart: one more run of the model, with and without the prompt.
    pub fn split_step(self) {
        let wanted = self.session.with_untracked(|session| {
            let run = session.run().filter(|_| !session.is_running())?;
            (run.shown_step() > 0).then_some((run.job, run.shown_step()))
        });
        if let Some((job, step)) = wanted {
            self.session.update(|session| {
                session.milestone = format!("Taking step {step} apart.");
                if let Some(run) = session.gallery.of(job) {
                    run.splitting = Some(step);
                }
            });
            self.send(&ToWorker::Split { job, step });
        }
    }
}

impl Run {
    /// The shown step taken apart, once it was.
    pub fn shown_split(&self) -> Option<&crate::run::StepSplit> {
        self.splits.iter().find(|split| split.step == self.shown_step())
    }
}
