//! Links that are given away: copied, shown with a code for a phone's camera, handed to another program.

use super::Controller;
use crate::{
    browser,
    field::Field,
    share::{self, Preset},
};
use lab::log::RunRecord;
use leptos::prelude::*;
use protocol::GenerateRequest;

/// Which of the links on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// To a run as it is set, with so many steps.
    AsSet(u32),
    /// The same with another number of steps.
    Preset(Preset),
    /// Every setting, packed.
    Recipe,
    /// To the sweep.
    Sweep,
    /// To what Compare shows.
    Pair,
}

/// Links on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// Each with its address; the first is chosen at first.
    pub links: Vec<(Variant, String)>,
    /// Whether the run starts from a picture, which must be sent along.
    pub needs_picture: bool,
}

impl Sharing {
    fn one(variant: Variant, fragment: &str) -> Self {
        Self { links: vec![(variant, browser::address_with(fragment))], needs_picture: false }
    }

    /// Every link to a run.
    fn of_run(request: &GenerateRequest, pictures: u32, revision: &str) -> Self {
        let mut links = vec![(Variant::AsSet(request.num_inference_steps), share::fragment(request, pictures))];
        for preset in Preset::ALL {
            let fragment = share::preset_fragment(request, pictures, preset);
            links.extend(fragment.map(|fragment| (Variant::Preset(preset), fragment)));
        }
        links.push((Variant::Recipe, share::recipe_fragment(request, pictures, revision)));
        let with_address = |(variant, fragment): (Variant, String)| (variant, browser::address_with(&fragment));
        Self { links: links.into_iter().map(with_address).collect(), needs_picture: request.init.is_some() }
    }
}

impl Controller {
    /// What the form describes, as a link has it, with the number of pictures and the model's revision; says why where
    /// there is no link.
    fn linked_run(self) -> Option<(GenerateRequest, u32, String)> {
        let Some(model) = self.session.with_untracked(|session| session.model.clone()) else {
            self.announce("The link can be copied once the model is loaded.");
            return None;
        };
        if let Some(field) = Field::ALL.iter().find(|field| untrack(|| self.error(**field)).is_some()) {
            browser::focus(&field.element_id());
            return None;
        }
        let asked =
            self.settings.with_untracked(|settings| Some((settings.request(&model).ok()?, settings.pictures().ok()?)));
        let (mut request, pictures) = asked?;
        if untrack(|| self.start.has_picture()) {
            request.init = self.settings.with_untracked(|settings| settings.init(false).ok());
        }
        Some((request, pictures, model.revision))
    }

    /// Puts the link to what the form describes on the clipboard.
    pub fn copy_link(self) {
        let Some((request, pictures, _)) = self.linked_run() else { return };
        let said = match request.init {
            Some(_) => "Link copied. The picture to start from cannot be in it: send it along.",
            None => "Link copied.",
        };
        self.copy_address(browser::address_with(&share::fragment(&request, pictures)), said);
    }

    /// Shows every link to what the form describes.
    pub fn share_run(self) {
        if let Some((request, pictures, revision)) = self.linked_run() {
            self.sharing.set(Some(Sharing::of_run(&request, pictures, &revision)));
        }
    }

    /// Shows every link to a run of the log, the recipe first.
    pub fn share_record(self, record: &RunRecord) {
        let mut sharing = Sharing::of_run(&record.request, 1, &record.revision);
        sharing.links.rotate_right(1);
        self.sharing.set(Some(sharing));
    }

    /// Puts the recipe of a run of the log on the clipboard.
    pub fn copy_recipe(self, record: &RunRecord) {
        let fragment = share::recipe_fragment(&record.request, 1, &record.revision);
        self.copy_address(browser::address_with(&fragment), "Recipe link copied.");
    }

    /// The link to the sweep that the forms describe; says why where there is none.
    fn sweep_link(self) -> Option<String> {
        match untrack(|| self.sweep_base()) {
            Ok((request, _)) => {
                let form = self.sweep.with_untracked(|sweep| sweep.form.clone());
                return Some(format!("{}&{}", share::fragment(&request, 1), share::sweep_fragment(&form)));
            }
            Err(message) if message.is_empty() => self.announce("The link can be copied once the model is loaded."),
            Err(message) => self.announce(&message),
        }
        None
    }

    /// Puts the link to the sweep on the clipboard.
    pub fn copy_sweep_link(self) {
        if let Some(fragment) = self.sweep_link() {
            self.copy_address(browser::address_with(&fragment), "Link to the sweep copied.");
        }
    }

    /// Shows the link to the sweep.
    pub fn share_sweep(self) {
        self.sharing.set(self.sweep_link().map(|fragment| Sharing::one(Variant::Sweep, &fragment)));
    }

    /// Puts the link to what Compare shows on the clipboard.
    pub fn copy_pair_link(self) {
        match self.pair_link() {
            Some(fragment) => self.copy_address(browser::address_with(&fragment), "Link to the comparison copied."),
            None => self.announce("There is a link once there are two pictures."),
        }
    }

    /// Shows the link to what Compare shows.
    pub fn share_pair(self) {
        self.sharing.set(self.pair_link().map(|fragment| Sharing::one(Variant::Pair, &fragment)));
    }

    /// Puts an address on the clipboard, or shows it to be copied by hand.
    pub fn copy_address(self, address: String, said: &'static str) {
        leptos::task::spawn_local(async move {
            match browser::copy(&address).await {
                Ok(()) => self.announce(said),
                Err(_) => {
                    self.announce("The clipboard is closed to this page: copy the link by hand.");
                    self.sharing.set(None);
                    self.link_by_hand.set(Some(address));
                }
            }
        });
    }

    /// Hands an address to the system's own sharing.
    pub fn hand_over(self, address: String) {
        leptos::task::spawn_local(async move {
            // The user may change their mind: that is no failure.
            if browser::share(&address).await.is_ok() {
                self.announce("Link shared.");
            }
        });
    }
}
