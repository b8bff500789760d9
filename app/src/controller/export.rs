//! Saving the denoising: decodes what is missing, encodes one frame a slice, and can be stopped at any of them.

use super::Controller;
use crate::{
    browser,
    export::{
        Film, Format,
        encode::{self, ExportError},
        sheet::{Layout, Sheet},
        video,
    },
    format,
    frames::Pixels,
    paint,
    run::Run,
};
use leptos::prelude::*;
use protocol::{ToWorker, View};
use web_sys::Blob;

/// How far an export is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Frames are being decoded in full: of which job, which view, how many of how many.
    Decoding(u32, View, u32, u32),
    /// Frames are being written: how many of how many.
    Writing(u32, u32),
}

/// What the user has chosen, and what is under way. Copies share it.
#[derive(Clone, Copy)]
pub struct Export {
    /// Kind of file.
    pub format: RwSignal<Format>,
    /// Which lane.
    pub view: RwSignal<View>,
    /// Milliseconds of each frame but the last.
    pub ms_each: RwSignal<u32>,
    /// Milliseconds of the last.
    pub ms_last: RwSignal<u32>,
    /// `None` while nothing is being saved.
    pub progress: RwSignal<Option<Progress>>,
}

impl Export {
    /// Five frames a second, the last one for two seconds.
    pub fn new() -> Self {
        Self {
            format: RwSignal::new(Format::default()),
            view: RwSignal::new(View::Denoised),
            ms_each: RwSignal::new(200),
            ms_last: RwSignal::new(2000),
            progress: RwSignal::new(None),
        }
    }

    /// The film of a run.
    pub fn film(self, run: &Run) -> Film {
        let size = [run.request.width, run.request.height];
        Film::new(size, run.frames.len(), self.ms_each.get(), self.ms_last.get())
    }
}

/// The best picture of every step in a lane; the last prediction is the finished picture.
fn pictures(run: &Run, view: View) -> Vec<Pixels> {
    let mut all: Vec<_> = run.frames.iter().map(|frame| frame.view(view).clone()).collect();
    if let (View::Denoised, Some(picture), Some(last)) = (view, &run.picture, all.last_mut()) {
        *last = picture.clone();
    }
    all
}

impl Controller {
    /// Begins to save the run on show: first what is missing of full decodes, where the engine still has the latents.
    pub fn save_denoising(self) {
        let view = self.export.view.get_untracked();
        let wanted = self.session.with_untracked(|session| {
            let run = session.run().filter(|run| !run.is_running() && !run.frames.is_empty())?;
            Some((run.job, run.unrefined(view), run.steps_done()))
        });
        let Some((job, missing, all)) = wanted else { return };
        let done = all - missing.len() as u32;
        self.export.progress.set(Some(Progress::Decoding(job, view, done, all)));
        let can_decode = untrack(|| self.has_latents()) && !self.session.with_untracked(|s| s.is_running());
        match missing.is_empty() || !can_decode {
            true => self.write_frames(),
            false => self.send(&ToWorker::Refine { job, steps: missing, view }),
        }
    }

    /// Stops what is being saved, within one frame.
    pub fn stop_saving(self) {
        self.export.progress.set(None);
        self.announce("Saving was stopped.");
    }

    /// Follows the full decodes that an export waits for. A new run takes the engine away: what is there must do.
    pub(super) fn follow_export(self) {
        Effect::new(move |_| {
            let Some(Progress::Decoding(job, view, done, all)) = self.export.progress.get() else { return };
            let (left, is_taken) = self.session.with(|session| {
                let run = session.run().filter(|run| run.job == job);
                let left = run.map(|run| run.unrefined(view).len() as u32);
                (left, session.is_running() || session.gallery.latest().is_none_or(|latest| latest.job != job))
            });
            match left {
                None => self.stop_saving(),
                Some(0) => self.write_frames(),
                Some(_) if is_taken => self.write_frames(),
                Some(left) if all - left != done => {
                    self.export.progress.set(Some(Progress::Decoding(job, view, all - left, all)));
                }
                Some(_) => {}
            }
        });
    }

    /// The decodes that an export waits for, in place of those that the page would ask for.
    pub(super) fn export_needs(self) -> Option<(u32, View, Vec<u32>)> {
        let Some(Progress::Decoding(job, view, ..)) = self.export.progress.get_untracked() else { return None };
        let steps = self.session.with_untracked(|session| session.run().map(|run| run.unrefined(view)))?;
        Some((job, view, steps)).filter(|(.., steps)| !steps.is_empty())
    }

    fn write_frames(self) {
        let view = self.export.view.get_untracked();
        let format = self.export.format.get_untracked();
        let run = self.session.with_untracked(|session| session.run().cloned());
        let Some(run) = run else { return self.export.progress.set(None) };
        let film = untrack(|| self.export.film(&run));
        self.export.progress.set(Some(Progress::Writing(0, film.len() as u32)));
        let (suffix, extension) = format.suffix();
        let lane = if view == View::Noisy { "-noisy" } else { "" };
        let name = format!("{}{suffix}{lane}.{extension}", run.file_stem());
        leptos::task::spawn_local(async move {
            let saved = match self.file(&run, view, format, &film).await {
                Ok(blob) => browser::save_blob(&blob, &name).map_err(ExportError::Browser),
                Err(error) => Err(error),
            };
            match saved {
                Ok(()) => self.announce(&format!("Saved {name}.")),
                Err(ExportError::Stopped) => {}
                Err(error) => self.announce(&format!("The denoising could not be saved: {error}.")),
            }
            self.export.progress.set(None);
        });
    }

    async fn file(self, run: &Run, view: View, format: Format, film: &Film) -> Result<Blob, ExportError> {
        let pictures = pictures(run, view);
        let all = film.len() as u32;
        let written = std::cell::Cell::new(0);
        // One frame at the film's size, after a rest for the page; an error once the user has stopped.
        let next = async |i: usize| {
            video::rest(0).await;
            match self.export.progress.get_untracked() {
                Some(Progress::Writing(..)) => {
                    // An animated PNG asks for one of them twice.
                    written.set(all.min(written.get() + 1));
                    self.export.progress.set(Some(Progress::Writing(written.get(), all)));
                }
                _ => return Err(ExportError::Stopped),
            }
            let source = pictures.get(i).ok_or(ExportError::Empty)?;
            let whole = [0.0, 0.0, f64::from(source.width), f64::from(source.height)];
            paint::fitted(source, whole, film.width, film.height).ok_or(ExportError::Canvas)
        };
        let in_browser = ExportError::Browser;
        match format {
            Format::Apng => browser::blob(&encode::apng(film, next).await?, "image/png").map_err(in_browser),
            Format::Gif => browser::blob(&encode::gif(film, next).await?, "image/gif").map_err(in_browser),
            Format::WebM => video::record(film, next).await,
            Format::Strip => {
                let request = &run.request;
                let prompt = if request.prompt.trim().is_empty() { "no prompt" } else { request.prompt.trim() };
                let scale = format::figure(request.guidance_scale);
                let title =
                    format!("{prompt} · {} · guidance {scale} · seed {}", request.scheduler.label(), request.seed);
                let sheet = Sheet::new(Layout::new(film.len(), [film.width, film.height]), &title)?;
                for (i, frame) in run.frames.iter().enumerate() {
                    let label = format!("{} · σ {}", frame.report.step, format::figure(frame.report.sigma));
                    sheet.draw(i, &next(i).await?, &label)?;
                }
                browser::canvas_blob(&sheet.canvas).await.map_err(in_browser)
            }
        }
    }
}
