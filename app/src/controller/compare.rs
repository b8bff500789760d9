//! The Compare screen: which two pictures, how they are shown, and the pictures of the log that it needs.

use super::Controller;
use crate::{
    browser,
    compare::{self, Figures, Item, Mode, Side, Source, Wanted, Zoom},
    frames::Pixels,
    run::Run,
    session::EngineState,
};
use leptos::prelude::*;
use protocol::{ToWorker, View};
use std::collections::HashMap;

/// A heading of the list of pictures, and what is below it: each source with its label.
pub type Group = (&'static str, Vec<(Source, String)>);

/// What the user has chosen. Copies share it.
#[derive(Clone, Copy)]
pub struct Compare {
    /// The pictures of A and B; `None` follows what was made last.
    pub chosen: [RwSignal<Option<Source>>; 2],
    /// How they are shown.
    pub mode: RwSignal<Mode>,
    /// Where the divider is, as a share of the width.
    pub divider: RwSignal<f64>,
    /// Which part is shown.
    pub zoom: RwSignal<Zoom>,
    /// Which one the flicker shows.
    pub flash: RwSignal<Side>,
    /// Whether it flickers by itself.
    pub is_flickering: RwSignal<bool>,
    /// Changes a second.
    pub rate: RwSignal<u32>,
    /// The colour distance that the map shows brightest.
    pub full_scale: RwSignal<f64>,
    /// The pair of a link, until both pictures are there.
    pub wanted: RwSignal<Option<Wanted>>,
    /// Pictures of the log, once they are read.
    read: RwSignal<HashMap<String, Pixels>>,
}

impl Compare {
    /// The wipe, in the middle.
    pub fn new() -> Self {
        Self {
            chosen: [RwSignal::new(None), RwSignal::new(None)],
            mode: RwSignal::new(Mode::default()),
            divider: RwSignal::new(0.5),
            zoom: RwSignal::new(Zoom::default()),
            flash: RwSignal::new(Side::A),
            is_flickering: RwSignal::new(false),
            rate: RwSignal::new(2),
            full_scale: RwSignal::new(0.25),
            wanted: RwSignal::new(None),
            read: RwSignal::new(HashMap::new()),
        }
    }
}

impl Controller {
    /// What A or B is: what was chosen, else one of the latest.
    pub fn compared_source(self, side: Side) -> Option<Source> {
        self.compare.chosen[side as usize].get().or_else(|| {
            self.session.with(|session| {
                let finished: Vec<&Run> = session.gallery.finished().collect();
                let [a, b] = compare::default_pair(&finished);
                if side == Side::A { a } else { b }
            })
        })
    }

    /// A or B with all that is known of it; `None` while it is not there.
    pub fn compared(self, side: Side) -> Option<Item> {
        let source = self.compared_source(side)?;
        if let Source::Log(id) = &source {
            let record = self.journal.records.with(|all| all.iter().find(|record| record.id == *id).cloned())?;
            let pixels = self.compare.read.with(|read| read.get(id).cloned())?;
            return Some(Item { source, record, step: None, pixels, latents: None, is_preview: false });
        }
        self.session.with(|session| {
            let (Source::Run(job) | Source::Step(job, _)) = source else { return None };
            let run = session.gallery.find(job)?;
            let record = compare::record(run, session.model.as_ref(), session.report.as_ref());
            compare::of_run(run, &source, record)
        })
    }

    /// Every picture that can be chosen.
    pub fn comparable(self) -> Vec<Group> {
        let (visit, steps, requests) = self.session.with(|session| {
            let finished: Vec<&Run> = session.gallery.finished().collect();
            let visit = finished.iter().rev().map(|run| (Source::Run(run.job), compare::title(&run.request)));
            let shown = session.run().filter(|run| !run.is_running());
            let steps = shown.into_iter().flat_map(|run| {
                let all = run.steps_total();
                (1..=run.steps_done()).map(move |step| (Source::Step(run.job, step), format!("Step {step} of {all}")))
            });
            let requests: Vec<_> = finished.iter().map(|run| run.request.clone()).collect();
            (visit.collect::<Vec<_>>(), steps.collect::<Vec<_>>(), requests)
        });
        let logged = self.journal.records.with(|records| {
            // What was made in this visit is in the list already, with its latents.
            let older = records.iter().filter(|record| !requests.contains(&record.request));
            let label = |record: &lab::log::RunRecord| {
                format!("{} · {}", compare::title(&record.request), browser::local_time(record.created_ms))
            };
            older.map(|record| (Source::Log(record.id.clone()), label(record))).collect::<Vec<_>>()
        });
        let groups = [("This visit", visit), ("Steps of the run on show", steps), ("Log", logged)];
        groups.into_iter().filter(|(_, sources)| !sources.is_empty()).collect()
    }

    /// Chooses a picture; one of the log is read.
    pub fn choose_compared(self, side: Side, source: Source) {
        if let Source::Log(id) = &source {
            self.read_logged(id.clone());
        }
        self.compare.wanted.set(None);
        // The other one stays what it is, whatever is made next.
        let other = if side == Side::A { Side::B } else { Side::A };
        if let Some(now) = untrack(|| self.compared_source(other)) {
            self.compare.chosen[other as usize].set(Some(now));
        }
        self.compare.chosen[side as usize].set(Some(source));
    }

    /// A becomes B and B becomes A.
    pub fn swap_compared(self) {
        let [a, b] = Side::BOTH.map(|side| untrack(|| self.compared_source(side)));
        self.compare.chosen[0].set(b);
        self.compare.chosen[1].set(a);
    }

    fn read_logged(self, id: String) {
        if self.compare.read.with_untracked(|read| read.contains_key(&id)) {
            return;
        }
        leptos::task::spawn_local(async move {
            let read = match self.journal.picture(&id).await {
                Some(png) => browser::decode_exactly(&png).await,
                None => Err("the log has no picture of it".to_owned()),
            };
            match read {
                Ok(pixels) => self.compare.read.update(|read| drop(read.insert(id, pixels))),
                Err(error) => self.announce(&format!("That picture cannot be shown: {error}.")),
            }
        });
    }

    /// How far A and B are apart; a sentence where no figure can be had.
    pub fn compared_figures(self) -> Option<Result<Figures, &'static str>> {
        let (a, b) = (self.compared(Side::A)?, self.compared(Side::B)?);
        if a.is_preview != b.is_preview {
            return Some(Err(
                "One of the two is a rough preview, the other a full decode: figures would measure that.",
            ));
        }
        Some(
            Figures::of(&a, &b)
                .map_err(|_| "The two have different sizes, so no pixel of one belongs to one of the other."),
        )
    }

    /// The steps that are compared and not yet decoded in full, of the run whose latents the engine still has.
    pub fn compared_previews(self) -> Option<(u32, Vec<u32>)> {
        let latest = self.session.with(|session| {
            let idle = session.engine == EngineState::Ready && !session.is_running();
            session.gallery.latest().map(|run| run.job).filter(|_| idle)
        })?;
        let previews = Side::BOTH.map(|side| self.compared(side)).into_iter().flatten().filter(|item| item.is_preview);
        let steps = previews.filter_map(|item| match item.source {
            Source::Step(job, step) if job == latest => Some(step),
            _ => None,
        });
        Some((latest, steps.collect())).filter(|(_, steps): &(u32, Vec<u32>)| !steps.is_empty())
    }

    /// Asks for these decodes before those that the Run page would ask for.
    pub fn sharpen_compared(self, job: u32, mut steps: Vec<u32>) {
        if self.export_needs().is_some() {
            return;
        }
        let rest = self.session.with_untracked(|session| {
            session.gallery.find(job).map(|run| run.to_refine(View::Denoised)).unwrap_or_default()
        });
        steps.extend(rest.into_iter().filter(|step| !steps.contains(step)).collect::<Vec<_>>());
        self.send(&ToWorker::Refine { job, steps, view: View::Denoised });
    }
}
