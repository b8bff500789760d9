//! The log of runs: kept in this browser, shown newest first, changed and exported by the user.

use super::Controller;
use crate::{
    browser, journal, share,
    store::{Record, Store, Table},
};
use lab::log::{self, RunRecord};
use leptos::prelude::*;
use std::rc::Rc;

/// What an undo brings back.
type Deleted = Vec<(RunRecord, Option<Vec<u8>>)>;

/// Handles to the log. Copies share it.
#[derive(Clone, Copy)]
pub struct Journal {
    /// Every run, newest first.
    pub records: RwSignal<Vec<RunRecord>>,
    /// Why nothing is kept, if that is so.
    pub problem: RwSignal<Option<String>>,
    /// The latest import's problem.
    pub import_error: RwSignal<Option<String>>,
    /// Records that are being written.
    pub writing: RwSignal<u32>,
    /// What was deleted last, until the next thing is.
    pub deleted: RwSignal<Deleted>,
    store: StoredValue<Option<Rc<Store>>, LocalStorage>,
}

impl Journal {
    /// Empty until [`Controller::open_journal`] has read it.
    pub fn new() -> Self {
        Self {
            records: RwSignal::new(Vec::new()),
            problem: RwSignal::new(None),
            import_error: RwSignal::new(None),
            writing: RwSignal::new(0),
            deleted: RwSignal::new(Vec::new()),
            store: StoredValue::new_local(None),
        }
    }

    /// The database, opened on first use.
    pub(super) async fn store(self) -> Result<Rc<Store>, String> {
        if let Some(store) = self.store.get_value() {
            return Ok(store);
        }
        let store = Rc::new(Store::open().await?);
        self.store.set_value(Some(store.clone()));
        Ok(store)
    }

    /// The picture of a run, as the bytes of a PNG file.
    pub async fn picture(self, id: &str) -> Option<Vec<u8>> {
        let record: Record<()> = self.store().await.ok()?.get(Table::Pictures, id).await.ok()??;
        record.bytes.into_iter().next()
    }

    /// Puts records and pictures; the first failure is told and ends it. What is on the screen stays in any case.
    fn keep(self, runs: Deleted) {
        self.writing.update(|writing| *writing += 1);
        leptos::task::spawn_local(async move {
            self.problem.set(self.put(runs).await.err());
            self.writing.update(|writing| *writing -= 1);
        });
    }

    async fn put(self, runs: Deleted) -> Result<(), String> {
        let store = self.store().await?;
        for (record, png) in runs {
            if let Some(png) = png {
                store.put(Table::Pictures, &record.id, &(), &[&png]).await?;
            }
            store.put(Table::Runs, &record.id, &record, &[]).await?;
        }
        Ok(())
    }

    fn insert(self, records: impl IntoIterator<Item = RunRecord>) {
        self.records.update(|all| {
            for record in records {
                all.retain(|other| other.id != record.id);
                all.push(record);
            }
            all.sort_by(|a, b| b.id.cmp(&a.id));
        });
    }
}

impl Controller {
    /// Reads what earlier visits have kept.
    pub(super) fn open_journal(self) {
        leptos::task::spawn_local(async move {
            let journal = self.journal;
            let read = async { journal.store().await?.all::<RunRecord>(Table::Runs).await };
            match read.await {
                Ok(records) => journal.insert(records.into_iter().map(|record| record.value)),
                Err(problem) => journal.problem.set(Some(problem)),
            }
        });
    }

    /// Keeps a run that has just ended.
    pub(super) fn log_run(self, job: u32) {
        let now = js_sys::Date::now() as u64;
        let ended = self.session.with_untracked(|session| {
            let run = session.gallery.find(job)?;
            journal::record(run, session.model.as_ref()?, session.report.as_ref(), now)
        });
        let Some((record, picture)) = ended else { return };
        self.journal.insert([record.clone()]);
        // A picture whose pixels do not fill it was refused when it came.
        let png = super::png::file(&record.request, &record.model, None, &picture).ok();
        self.journal.keep(vec![(record, png)]);
    }

    /// Changes a record in place.
    pub fn edit_record(self, id: &str, change: impl FnOnce(&mut RunRecord)) {
        let edited = self.journal.records.try_update(|records| {
            let record = records.iter_mut().find(|record| record.id == id)?;
            change(record);
            Some(record.clone())
        });
        if let Some(record) = edited.flatten() {
            self.journal.keep(vec![(record, None)]);
        }
    }

    /// Runs the same again, on the Run page.
    pub fn rerun(self, id: &str) {
        let record = self.record(id);
        if let Some(record) = record {
            let fragment = share::fragment(&record.request, 1);
            // Asked for by name, it is run even if its picture is on show.
            self.queued.set(true);
            self.follow_link(&fragment);
        }
    }

    fn record(self, id: &str) -> Option<RunRecord> {
        self.journal.records.with_untracked(|records| records.iter().find(|record| record.id == id).cloned())
    }

    /// Deletes runs; [`Self::undelete`] brings them back until the next are deleted.
    pub fn delete_records(self, ids: Vec<String>) {
        leptos::task::spawn_local(async move {
            let mut gone = Vec::new();
            for id in &ids {
                let Some(record) = self.record(id) else { continue };
                gone.push((record, self.journal.picture(id).await));
            }
            self.journal.records.update(|records| records.retain(|record| !ids.contains(&record.id)));
            self.announce(&format!(
                "{} deleted.",
                if gone.len() == 1 { "Run".into() } else { format!("{} runs", gone.len()) }
            ));
            self.journal.deleted.set(gone);
            let deleted = async {
                let store = self.journal.store().await?;
                for id in &ids {
                    store.delete(Table::Pictures, id).await?;
                    store.delete(Table::Runs, id).await?;
                }
                Ok(())
            };
            self.journal.problem.set(deleted.await.err());
        });
    }

    /// Brings back what was deleted last.
    pub fn undelete(self) {
        let back = self.journal.deleted.try_update(std::mem::take).unwrap_or_default();
        self.journal.insert(back.iter().map(|(record, _)| record.clone()));
        self.journal.keep(back);
    }

    /// Saves the log as a file.
    pub fn export_log(self, as_csv: bool) {
        let (name, kind, text) = self.journal.records.with_untracked(|records| match as_csv {
            true => ("stepscope-log.csv", "text/csv", log::to_csv(records)),
            false => ("stepscope-log.json", "application/json", log::to_json(records)),
        });
        match browser::save_text(&text, kind, name) {
            Ok(()) => self.announce(&format!("Saved {name}.")),
            Err(error) => self.announce(&format!("The log could not be saved: {error}")),
        }
    }

    /// Adds the runs of an exported log; those that are here already are replaced.
    pub fn import_log(self, file: web_sys::File) {
        leptos::task::spawn_local(async move {
            let read = match browser::text(&file).await {
                Ok(text) => log::from_json(&text).map_err(|error| error.to_string()),
                Err(error) => Err(error),
            };
            match read {
                Ok(records) => {
                    self.journal.import_error.set(None);
                    self.announce(&format!("{} runs imported.", records.len()));
                    self.journal.insert(records.clone());
                    self.journal.keep(records.into_iter().map(|record| (record, None)).collect());
                }
                Err(error) => self.journal.import_error.set(Some(error)),
            }
        });
    }

    /// Puts text about a run on the clipboard: a Python program, or the line that AUTOMATIC1111 reads.
    pub fn copy_text(self, what: &'static str, text: String) {
        leptos::task::spawn_local(async move {
            match browser::copy(&text).await {
                Ok(()) => self.announce(&format!("{what} copied.")),
                Err(_) => {
                    self.announce("The clipboard is closed to this page: copy it by hand.");
                    self.link_by_hand.set(Some(text));
                }
            }
        });
    }
}
