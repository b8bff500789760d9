//! PNG files: saved with how they were made, and read back, whoever wrote them.

use super::Controller;
use crate::{browser, field::Field, frames::Pixels, page::Page, png_words::PngOffer, share};
use lab::{log, png_info};
use leptos::prelude::*;
use protocol::{GenerateRequest, View};
use web_sys::File;

/// Handles to the file whose settings are on offer. Copies share it.
#[derive(Clone, Copy)]
pub struct PngFile {
    /// What it tells.
    pub offer: RwSignal<Option<PngOffer>>,
    file: StoredValue<Option<File>, LocalStorage>,
}

impl PngFile {
    /// No file.
    pub fn new() -> Self {
        Self { offer: RwSignal::new(None), file: StoredValue::new_local(None) }
    }
}

/// A picture as the bytes of a PNG file with the link and AUTOMATIC1111's parameters in it. `step` says which step it
/// shows, if it is not the finished one.
///
/// # Errors
/// Where the pixels do not fill the picture.
pub(super) fn file(
    request: &GenerateRequest,
    model: &str,
    step: Option<u32>,
    pixels: &Pixels,
) -> Result<Vec<u8>, String> {
    let (link, parameters) = (share::fragment(request, 1), log::parameters(request, model, step));
    png_info::write(pixels.width, pixels.height, &pixels.rgba, &link, &parameters).map_err(|error| error.to_string())
}

impl Controller {
    /// Saves what the canvas shows.
    pub fn save_png(self) {
        let view = self.view.get_untracked();
        let file = self.session.with_untracked(|session| {
            let run = session.run()?;
            let shown = run.shown(view)?;
            let model = session.model.as_ref().filter(|model| model.id == run.request.model);
            let model = model.map_or(run.request.model.as_str(), |model| model.display_name.as_str());
            // A noisy view of the last step is not the picture either.
            let step = shown.step.or((view == View::Noisy).then(|| run.steps_done()));
            Some((run.file_name(shown.step, view), file(&run.request, model, step, &shown.pixels)))
        });
        let Some((name, png)) = file else { return };
        match png.and_then(|png| browser::save_blob(&browser::blob(&png, "image/png")?, &name)) {
            Ok(()) => self.announce(&format!("Saved {name}.")),
            Err(error) => self.announce(&format!("The picture could not be saved: {error}")),
        }
    }

    /// A file that was dropped or pasted: its settings are offered if it has some, else it is a picture to start from.
    pub(super) fn take_dropped(self, file: File) {
        leptos::task::spawn_local(async move {
            match self.read_png(&file).await {
                Ok(offer) => self.offer_png(offer, file),
                Err(_) if self.takes_pictures() => self.take_file(file),
                Err(error) => self.announce(&error),
            }
        });
    }

    /// A file that was chosen for its settings.
    pub fn take_settings(self, file: File) {
        leptos::task::spawn_local(async move {
            match self.read_png(&file).await {
                Ok(offer) => self.offer_png(offer, file),
                Err(error) => self.session.update(|session| session.notify(format!("'{}': {error}", file.name()))),
            }
        });
    }

    async fn read_png(self, file: &File) -> Result<PngOffer, String> {
        let info = png_info::read(&browser::bytes(file).await?).map_err(|error| error.to_string())?;
        let model = self.session.with_untracked(|session| session.model.clone());
        let defaults = model.as_ref().map_or_else(|| self.baseline.get_value(), |model| self.defaults_of(model));
        let models: Vec<_> = self.models.with_untracked(|models| models.iter().map(|m| m.id.clone()).collect());
        Ok(PngOffer::new(&file.name(), info, &defaults, &models, model.map(|model| model.size)))
    }

    fn offer_png(self, offer: PngOffer, file: File) {
        self.png.file.set_value(Some(file));
        self.png.offer.set(Some(offer));
    }

    /// Puts the offered settings into the form. Those of another model wait for it, and are run when it is there.
    pub fn accept_png(self) {
        let Some(offer) = self.png.offer.try_update(Option::take).flatten() else { return };
        self.open_page(Page::Run);
        let model = self.session.with_untracked(|session| session.model.clone());
        let defaults = model.as_ref().map_or_else(|| self.baseline.get_value(), |model| self.defaults_of(model));
        let models: Vec<_> = self.models.with_untracked(|models| models.iter().map(|m| m.id.clone()).collect());
        let (settings, _) = offer.link.over(&defaults, &models, model.as_ref().map(|model| model.size));
        if model.is_none_or(|model| settings.get(Field::Model) != model.id) {
            self.link.set_value(offer.link);
            self.link_is_own.set_value(true);
            return self.apply_link();
        }
        if offer.link.wants_picture() && !untrack(|| self.start.has_picture()) {
            self.start.open.set(true);
        }
        self.settings.set(settings);
        self.announce(&format!("The settings of {} are in the form.", offer.file));
    }

    /// Starts from the offered file's picture instead.
    pub fn start_from_png(self) {
        self.png.offer.set(None);
        if let Some(file) = self.png.file.try_update_value(Option::take).flatten() {
            self.take_file(file);
        }
    }

    /// Leaves everything as it is.
    pub fn decline_png(self) {
        self.png.offer.set(None);
        self.png.file.set_value(None);
    }
}
