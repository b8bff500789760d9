//! Which model is loaded: choosing another, asking before a download, keeping what is already here.

use super::Controller;
use crate::{
    browser,
    catalog::{self, Entry},
    field::Field,
    session::EngineState,
};
use leptos::prelude::*;
use protocol::ToWorker;

/// A model that was asked for and is not on this device.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// What the list says of it.
    pub entry: Entry,
    /// Bytes that would be downloaded; files that another model brought along are not among them.
    pub missing: u64,
}

impl Controller {
    /// The user wants this model; its size is told first if it is not here.
    pub fn choose_model(self, id: &str) {
        self.settings.update(|settings| settings.set(Field::Model, id));
        if self.loaded_model().as_deref() == Some(id) {
            // Back to what is loaded: whatever was on its way is not wanted any more.
            self.offer.set(None);
            if self.wanted_model.get_value().as_deref() == Some(id) {
                return;
            }
        }
        self.open_model(id.to_owned());
    }

    /// Loads a model that is here, or asks whether to download it. The page's own first model needs no question: the
    /// page is nothing without one.
    pub(super) fn open_model(self, id: String) {
        let first = self.models.with_untracked(|models| models.first().is_some_and(|entry| entry.id == id));
        if first && self.loaded_model().is_none() {
            return self.load_model(id);
        }
        leptos::task::spawn_local(async move {
            let missing = self.missing_bytes(&id).await.unwrap_or(0);
            if self.settings.with_untracked(|settings| settings.get(Field::Model) != id) {
                return;
            }
            let entry = self.models.with_untracked(|models| models.iter().find(|entry| entry.id == id).cloned());
            match entry.filter(|_| missing > 0) {
                Some(entry) => self.offer.set(Some(Offer { entry, missing })),
                None => self.load_model(id),
            }
        });
    }

    /// What the list calls a model; its identifier where it is not listed.
    pub fn model_name(self, id: &str) -> String {
        let listed = |models: &Vec<Entry>| models.iter().find(|entry| entry.id == id).map(|entry| entry.name.clone());
        self.models.with(listed).unwrap_or_else(|| id.to_owned())
    }

    /// Bytes of a model that are not on this device; `None` where its list of files cannot be read, of which the engine
    /// will say what is wrong.
    pub async fn missing_bytes(self, id: &str) -> Option<u64> {
        catalog::missing_bytes(&browser::resolve("models/")?, id).await.ok()
    }

    /// What the user says to an offer. Without the download the model that was loaded stays, or the first one comes.
    pub fn answer_offer(self, download: bool) {
        let Some(offer) = self.offer.try_update(Option::take).flatten() else { return };
        if download {
            return self.load_model(offer.entry.id);
        }
        self.link.update_value(|link| link.forget(Field::Model));
        let loaded = self.loaded_model();
        let first = self.models.with_untracked(|models| models.first().map(|entry| entry.id.clone()));
        let Some(id) = loaded.clone().or(first) else { return };
        self.settings.update(|settings| settings.set(Field::Model, &id));
        if loaded.is_none() {
            self.load_model(id);
        } else if self.link.with_value(|link| link.has_settings()) {
            self.apply_link();
        }
    }

    fn load_model(self, id: String) {
        self.cancel();
        self.wanted_model.set_value(Some(id.clone()));
        let has_engine = self.session.with_untracked(|session| session.report.is_some());
        if !has_engine {
            return self.send_start();
        }
        self.session.update(|session| {
            session.engine = EngineState::starting();
            session.failure = None;
            session.milestone = "Loading the model.".into();
        });
        self.send(&ToWorker::Load { model: id });
    }

    /// The folder name of the model that is loaded.
    fn loaded_model(self) -> Option<String> {
        self.session.with_untracked(|session| session.model.as_ref().map(|model| model.id.clone()))
    }
}
