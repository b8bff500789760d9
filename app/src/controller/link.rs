//! Links that are opened: what they set, what starts, and what the reader is told of it.

use super::Controller;
use crate::{
    browser,
    field::Field,
    page::Page,
    settings::Settings,
    share::{Action, Link, Opened},
};
use leptos::prelude::*;
use protocol::ModelInfo;

impl Controller {
    /// Follows a link to settings that is on the page itself. (The base of the page has no query, so the browser would
    /// load the page anew where the address has one.)
    pub fn follow_link(self, fragment: &str) {
        self.link_is_own.set_value(true);
        match browser::fragment().trim_start_matches('#') == fragment {
            true => self.open_fragment(),
            false => browser::set_fragment(fragment),
        }
    }

    /// Follows the fragment of the address: page, settings, and a run where it names settings.
    pub(super) fn open_fragment(self) {
        let link = Link::parse(&browser::fragment());
        let view = link.view.as_deref().and_then(Page::from_key);
        let sweeps = link.sweep().is_some();
        let page = match () {
            () if sweeps => Page::Sweep,
            () if link.is_pair() => Page::Compare,
            () => Page::default(),
        };
        self.page.set(view.unwrap_or(page));
        if !link.has_settings() && !link.is_pair() && !sweeps {
            self.link_is_own.set_value(false);
            // Nothing to do, but there may be something to say.
            return self.tell(link.problems().to_vec());
        }
        self.link.set_value(link);
        self.apply_link();
    }

    fn tell(self, notices: Vec<String>) {
        if !notices.is_empty() {
            self.session.update(|session| notices.into_iter().for_each(|notice| session.notify(notice)));
        }
    }

    /// Fills the form from the link. Once the model is there the link has done its work and runs.
    pub(super) fn apply_link(self) {
        let link = self.link.get_value();
        let info = self.session.with_untracked(|session| session.model.clone());
        let defaults = info.as_ref().map_or_else(|| self.baseline.get_value(), |info| self.defaults_of(info));
        let models: Vec<_> = self.models.with_untracked(|models| models.iter().map(|m| m.id.clone()).collect());
        let rule = info.as_ref().map(|info| info.size);
        let (settings, mut notices) = link.over(&defaults, &models, rule);
        let pair = link.pair(&settings, rule).map(|(pair, problems)| {
            notices.extend(problems);
            pair
        });
        let explain = |action| {
            let own = self.link_is_own.get_value();
            let opened = || Opened::new(&link, &settings, &defaults, pair.as_ref(), action);
            self.opened.set((!own).then(opened));
        };
        let Some(info) = info else {
            explain(Action::Waits);
            return self.rebase(settings);
        };
        if settings.get(Field::Model) != info.id {
            // The link goes on once its model is there.
            explain(Action::NeedsModel(self.model_name(settings.get(Field::Model))));
            return self.choose_model(settings.get(Field::Model));
        }
        self.link.set_value(Link::default());
        if link.is_of_other_revision(&info.revision) {
            notices.push(format!(
                "The recipe was made with another release of {}: the picture may come out a little different.",
                info.display_name
            ));
        }
        self.tell(notices);
        self.settings.set(settings.clone());
        if let Some((form, problems)) = link.sweep() {
            let usable = problems.is_empty();
            self.tell(problems);
            explain(if usable { Action::Sweeps } else { Action::WaitsForSweep });
            self.open_sweep(form, usable);
        } else if link.wants_picture() && !untrack(|| self.start.has_picture()) {
            explain(Action::NeedsPicture);
            self.page.set(Page::Run);
            self.start.open.set(true);
            self.tell(vec![
                "The link starts from a picture, which no link can carry: choose it, then press Generate.".into(),
            ]);
        } else if let Some(pair) = &pair {
            explain(Action::Compares);
            self.open_pair(&settings, pair, &info);
        } else if self.is_on_show(&settings, &info) && !self.queued.get_untracked() {
            explain(Action::Known);
        } else {
            self.queued.set(false);
            self.generate();
            explain(Action::Runs(settings.pictures().unwrap_or(1)));
        }
        self.link_is_own.set_value(false);
    }

    fn is_on_show(self, settings: &Settings, info: &ModelInfo) -> bool {
        let shown = self.session.with_untracked(|s| s.run().map(|run| run.request.clone()));
        shown.is_some() && settings.request(info).ok() == shown && settings.pictures() == Ok(1)
    }
}
