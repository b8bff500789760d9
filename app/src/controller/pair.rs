//! Links to a pair: what is missing of the two is made, and Compare shows them.

use super::Controller;
use crate::{
    batch::Job,
    compare::{Item, Side, Wanted},
    run::Run,
    session::EngineState,
    settings::Settings,
    share::{self, Pair},
};
use leptos::prelude::*;
use protocol::ModelInfo;

impl Controller {
    /// Opens the pair of a link.
    pub(super) fn open_pair(self, first: &Settings, pair: &Pair, info: &ModelInfo) {
        let (Ok(a), Ok(b)) = (first.request(info), pair.second.request(info)) else { return };
        self.compare.wanted.set(Some(Wanted { requests: [a, b], shown: pair.shown }));
        self.voting.is_open.set(false);
        self.make_wanted();
    }

    /// Makes what is missing of the pair that a link asked for.
    pub fn make_wanted(self) {
        let missing = self.compare.wanted.with_untracked(|wanted| {
            let Some(wanted) = wanted else { return Vec::new() };
            self.session.with_untracked(|session| wanted.missing(&session.gallery.finished().collect::<Vec<_>>()))
        });
        if missing.is_empty() {
            return;
        }
        let jobs = missing.into_iter().map(|request| Job { request, pixels: None }).collect();
        self.hurry();
        self.session.update(|session| session.submit(jobs));
        self.advance();
    }

    /// Whether the pair of a link is being made (`true`), or was given up before it was complete.
    pub fn is_making_pair(self) -> Option<bool> {
        let waits = self.compare.wanted.with(Option::is_some);
        waits.then(|| self.session.with(|session| session.engine == EngineState::Ready && session.is_running()))
    }

    /// Shows each of the two as soon as it is there.
    pub(super) fn follow_pair(self) {
        let found = Memo::new(move |_| {
            let wanted = self.compare.wanted.get()?;
            self.session.with(|session| Some(wanted.found(&session.gallery.finished().collect::<Vec<&Run>>())))
        });
        Effect::new(move |_| {
            let Some(found) = found.get() else { return };
            for (chosen, source) in self.compare.chosen.iter().zip(&found) {
                chosen.set(source.clone());
            }
            if found.iter().all(Option::is_some) {
                self.compare.wanted.set(None);
            }
        });
    }

    /// The fragment of the link to what Compare shows; `None` while it shows no pair.
    pub(super) fn pair_link(self) -> Option<String> {
        let [a, b] = Side::BOTH.map(|side| untrack(|| self.compared(side)));
        let (a, b) = (a?, b?);
        let step = |item: &Item| item.step.map(|(step, _)| step);
        Some(share::pair_fragment(&a.record.request, &b.record.request, [step(&a), step(&b)]))
    }
}
