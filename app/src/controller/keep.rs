//! The Sweep screen beyond this visit: what is finished is written down at once, and found again when it is needed.

use super::Controller;
use crate::{
    store::{Record, Table},
    sweep::{
        cell::Made,
        keep::{self, SCREEN, Screen},
    },
};
use lab::grid::Grid;
use leptos::prelude::*;
use std::sync::Arc;

impl Controller {
    /// Opens the database and takes in what an earlier visit left. Where there is none, nothing is kept, and the reader
    /// is told when it would matter.
    pub(super) fn open_keep(self) {
        leptos::task::spawn_local(async move {
            let read = async { self.journal.store().await?.get::<Screen>(Table::Settings, SCREEN).await };
            let screen = read.await.ok().flatten().map(|record: Record<Screen>| record.value);
            if let Some(Screen { form, grid, held_out, learned }) = screen {
                self.sweep.update(|sweep| {
                    sweep.learned.join(learned);
                    // A link, or the user's own first keystrokes, go before what was left.
                    if sweep.grid.is_none() && sweep.form == Default::default() {
                        (sweep.form, sweep.grid, sweep.held_out) = (form, grid, held_out);
                    }
                });
            }
            self.keep_open.set(true);
        });
        // A sweep that was asked for before it was known what there is.
        Effect::new(move |_| {
            let ready = self.keep_open.get() && self.session.with(|session| session.model.is_some());
            if ready && self.sweep_queued.get_untracked() {
                self.start_sweep();
            }
        });
        // What the screen shows is looked up once model and engine are known, and whenever it becomes another.
        Effect::new(move |_| {
            let ready = self.keep_open.get() && self.session.with(|session| session.model.is_some());
            let grids = self.sweep_grids.get();
            if ready {
                let keys = untrack(|| self.keys_of(&grids));
                leptos::task::spawn_local(async move { self.find_kept(keys).await });
            }
        });
    }

    pub(super) fn keys_of(self, grids: &[Grid]) -> Vec<String> {
        let cells = grids.iter().flat_map(Grid::cells);
        let keys = cells.filter_map(|cell| self.key_of(&cell.request));
        keys.filter(|key| self.sweep.with_untracked(|sweep| sweep.made(key).is_none())).collect()
    }

    /// Takes those of these runs that are kept into memory.
    pub(super) async fn find_kept(self, keys: Vec<String>) {
        let Ok(store) = self.journal.store().await else { return };
        let mut found = Vec::new();
        for key in keys {
            // What cannot be read is made again.
            let record = store.get(Table::Cells, &key).await.ok().flatten();
            found.extend(record.and_then(keep::unpack).map(|made| (key, made)));
        }
        if !found.is_empty() {
            self.sweep.update(|sweep| sweep.restore(found));
        }
    }

    /// Writes down a finished run.
    pub(super) fn keep_made(self, key: String, made: Arc<Made>) {
        leptos::task::spawn_local(async move {
            let kept = async {
                let store = self.journal.store().await?;
                let (value, latents) = keep::pack(&made);
                store.put(Table::Cells, &key, &value, &[&made.picture.rgba, &latents]).await?;
                store.trim_cells(keep::most(&made)).await
            };
            if let Err(problem) = kept.await {
                let told = format!("The sweep's pictures last as long as this page is open. {problem}");
                self.session.update(|session| session.notify(told));
            }
        });
    }

    /// Writes down what the screen looks like.
    pub(super) fn keep_screen(self) {
        let screen = self.sweep.with_untracked(|sweep| Screen {
            form: sweep.form.clone(),
            grid: sweep.grid.clone(),
            held_out: sweep.held_out.clone(),
            learned: sweep.learned.clone(),
        });
        // Lost at worst: the fields start as they are for everyone.
        leptos::task::spawn_local(async move {
            let put = async { self.journal.store().await?.put(Table::Settings, SCREEN, &screen, &[]).await };
            let _ = put.await;
        });
    }
}
