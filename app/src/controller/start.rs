//! The picture to start from: where it comes from, how it fits, what is painted anew.

use super::Controller;
use crate::{
    batch::Job,
    browser,
    frames::Pixels,
    mask::Mask,
    page::Page,
    paint,
    session::Session,
    settings::Settings,
    start::{Fit, StartPicture, part},
};
use leptos::{ev, leptos_dom::helpers::window_event_listener, prelude::*};
use protocol::{Failure, FailureKind, GenerateRequest, ModelInfo};
use web_sys::{DataTransfer, File};

/// Handles to what the page remembers of the picture. Copies share it.
#[derive(Clone, Copy)]
pub struct Start {
    /// The picture, if there is one.
    pub picture: RwSignal<Option<StartPicture>>,
    /// How it becomes one of the request's shape.
    pub fit: RwSignal<Fit>,
    /// What is painted anew; all of it where there is no mask or an empty one.
    pub mask: RwSignal<Option<Mask>>,
    /// What is wrong with the latest file.
    pub error: RwSignal<Option<String>>,
    /// Whether the form's section is open.
    pub open: RwSignal<bool>,
    /// Whether the mask is being painted.
    pub is_painting: RwSignal<bool>,
    /// Whether something is dragged over the page.
    pub is_dragging: RwSignal<bool>,
    /// The picture at the size of the request.
    pub fitted: Memo<Option<Pixels>>,
}

impl Start {
    /// No picture.
    pub fn new(settings: RwSignal<Settings>, session: RwSignal<Session>) -> Self {
        let (picture, fit) = (RwSignal::new(None), RwSignal::new(Fit::default()));
        let size = Memo::new(move |old: Option<&Option<(u32, u32)>>| {
            let model = session.with(|session| session.model.clone())?;
            // While a size is being typed the latest good one stays.
            settings.with(|settings| settings.size(&model)).or(old.copied().flatten())
        });
        let fitted = Memo::new(move |_| {
            let (width, height) = size.get()?;
            let source = picture.with(|picture: &Option<StartPicture>| Some(picture.as_ref()?.source.clone()))?;
            let part = part((source.width, source.height), (width, height), fit.get());
            paint::fitted(&source, part, width, height)
        });
        Self {
            picture,
            fit,
            mask: RwSignal::new(None),
            error: RwSignal::new(None),
            open: RwSignal::new(false),
            is_painting: RwSignal::new(false),
            is_dragging: RwSignal::new(false),
            fitted,
        }
    }

    /// Whether there is a picture.
    pub fn has_picture(self) -> bool {
        self.picture.with(Option::is_some)
    }

    fn set(self, picture: Option<StartPicture>) {
        self.error.set(None);
        self.mask.set(None);
        self.picture.set(picture);
    }

    /// The job with this picture and mask; `None` where the picture could not be cut to the size.
    fn job(self, mut request: GenerateRequest, settings: &Settings) -> Option<Job> {
        if !untrack(|| self.has_picture()) {
            return Some(Job { request, pixels: None });
        }
        let right_size = |pixels: &Pixels| (pixels.width, pixels.height) == (request.width, request.height);
        let picture = self.fitted.get_untracked().filter(right_size)?;
        let mask =
            self.mask.get_untracked().filter(|mask| !mask.is_empty() && mask.size() == (picture.width, picture.height));
        request.init = settings.init(mask.is_some()).ok();
        let mask = mask.as_ref().map_or(&[][..], Mask::bytes);
        Some(Job { request, pixels: Some([&picture.rgba, mask].concat().into()) })
    }
}

impl Controller {
    /// Takes pictures that are dropped or pasted anywhere on the page; keeps the mask over its picture.
    pub(super) fn watch_for_pictures(self) {
        window_event_listener(ev::dragover, move |event| {
            // A file that is not taken must not replace the page either.
            if carries(event.data_transfer().as_ref(), "Files") {
                event.prevent_default();
                self.start.is_dragging.set(self.takes_pictures());
            }
        });
        window_event_listener(ev::dragleave, move |event| {
            if event.related_target().is_none() {
                self.start.is_dragging.set(false);
            }
        });
        window_event_listener(ev::drop, move |event| {
            self.start.is_dragging.set(false);
            let Some(file) = file_in(event.data_transfer()) else { return };
            event.prevent_default();
            self.take_dropped(file);
        });
        window_event_listener(ev::paste, move |event| {
            let data = event.clipboard_data();
            // Office programs put a picture of the text beside the text.
            let is_text = carries(data.as_ref(), "text/plain");
            if let Some(file) = file_in(data).filter(|_| !is_text) {
                event.prevent_default();
                self.take_dropped(file);
            }
        });
        Effect::new(move |_| {
            let size = self.start.fitted.with(|pixels| pixels.as_ref().map(|pixels| (pixels.width, pixels.height)));
            let (Some((width, height)), Some(mask)) = (size, self.start.mask.get_untracked()) else { return };
            let (old_width, old_height) = mask.size();
            if (width, height) == (old_width, old_height) {
                return;
            }
            if u64::from(width) * u64::from(old_height) == u64::from(height) * u64::from(old_width) {
                self.start.mask.set(Some(mask.resized(width, height)));
            } else {
                // Another shape shows another part of the picture: the mask would lie elsewhere.
                self.start.mask.set(None);
                self.announce("The mask was cleared: at this size the picture is cut differently.");
            }
        });
    }

    /// Whether the model can start from a picture, and the form is on show.
    pub fn takes_pictures(self) -> bool {
        let has_encoder = |session: &Session| session.model.as_ref().is_some_and(|model| model.has_encoder);
        self.page.get_untracked() == Page::Run && self.session.with_untracked(has_encoder)
    }

    /// Starts from a file. One that is no picture leaves the previous picture as it was.
    pub fn take_file(self, file: File) {
        leptos::task::spawn_local(async move {
            let name = file.name();
            match browser::decode(&file).await {
                Ok(source) => {
                    self.start.set(Some(StartPicture { name: name.clone(), source }));
                    self.announce(&format!("Starts from {name}."));
                }
                Err(error) => {
                    let kept = if untrack(|| self.start.has_picture()) { " The picture stays as it was." } else { "" };
                    self.start.error.set(Some(format!(
                        "'{name}' cannot be used: {error}. Choose a PNG, JPEG, WebP, AVIF or GIF picture.{kept}"
                    )));
                }
            }
            self.start.open.set(true);
        });
    }

    /// Starts from the finished picture on show.
    pub fn use_result(self) {
        let result = self.session.with_untracked(|session| {
            let run = session.run()?;
            let name = format!("Result, seed {}", run.request.seed);
            Some(StartPicture { name, source: run.picture.clone()? })
        });
        if let Some(picture) = result {
            self.announce(&format!("Starts from {}.", picture.name));
            self.start.set(Some(picture));
            self.start.open.set(true);
            // Once it is there: on a phone it lies below the picture.
            request_animation_frame(|| browser::reveal("start-picture"));
        }
    }

    /// Starts from noise again.
    pub fn remove_start(self) {
        self.start.set(None);
        self.announce("Starts from noise.");
    }

    /// Cuts or squeezes the picture.
    pub fn fit_start(self, fit: Fit) {
        if self.start.fit.get_untracked() != fit {
            self.start.fit.set(fit);
            self.start.mask.set(None);
        }
    }

    /// Opens the mask for painting.
    pub fn paint_mask(self) {
        let size = self.start.fitted.with_untracked(|pixels| pixels.as_ref().map(|p| (p.width, p.height)));
        if let Some((width, height)) = size {
            self.start.mask.update(|mask| *mask = mask.take().or_else(|| Some(Mask::new(width, height))));
            self.start.is_painting.set(true);
        }
    }

    /// The job that form and picture describe. Without what the model cannot do without, the reason.
    pub(super) fn job(self, model: &ModelInfo, request: GenerateRequest) -> Result<Job, Failure> {
        let (width, height) = (request.width, request.height);
        let job = match model.has_encoder {
            true => self.settings.with_untracked(|settings| self.start.job(request, settings)),
            false => Some(Job { request, pixels: None }),
        };
        let job = job.ok_or_else(|| Failure {
            kind: FailureKind::BadRequest,
            message: format!("The browser could not cut the picture to {width} × {height} pixels."),
            hint: "Choose a smaller size, or close other tabs: it may be out of memory.".into(),
        })?;
        if model.needs_mask && !job.request.init.is_some_and(|init| init.mask) {
            self.start.open.set(true);
            return Err(Failure {
                kind: FailureKind::BadRequest,
                message: "This model repaints a part of a picture, so it needs a picture and a mask.".into(),
                hint: "Choose a picture under 'Start from a picture' and paint a mask over what is to change.".into(),
            });
        }
        Ok(job)
    }
}

fn carries(data: Option<&DataTransfer>, kind: &str) -> bool {
    data.is_some_and(|data| data.types().includes(&kind.into(), 0))
}

/// The first picture among the files, else the first file.
fn file_in(data: Option<DataTransfer>) -> Option<File> {
    let files = data?.files()?;
    let files: Vec<_> = (0..files.length()).filter_map(|i| files.get(i)).collect();
    files.iter().find(|file| file.type_().starts_with("image/")).or(files.first()).cloned()
}
