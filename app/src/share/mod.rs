//! Links: a whole experiment in the fragment of the address, which never leaves the browser.
//! Unknown keys are ignored; a value that cannot be used gives way to the default, and the reader is told.
//!
//! A link says the version of its keys with `v=`; without it, it is of version 1. What a key means never changes: old
//! links open for ever, which `golden.rs` watches. The next version is for keys that an old page must not overlook.

mod pair;
mod qr;
mod read;
mod recipe;
mod sweep;
mod words;
mod write;

pub use pair::{Pair, Shown, pair_fragment};
pub use qr::QrCode;
pub use recipe::recipe_fragment;
pub use sweep::sweep_fragment;
pub use words::{Action, Opened};
pub use write::{Preset, fragment, preset_fragment};

use crate::field::Field;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str};
use sweep::SweepKey;

/// The version of links that this page writes, and the newest that it can read.
pub const VERSION: u32 = 1;

/// Everything but RFC 3986's unreserved characters, so that no chat program cuts a link short.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The value of a key, or what could not be decoded.
type Text = Result<String, String>;

/// The settings that a fragment names, not yet judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    values: Vec<(Field, Text)>,
    /// What the second of a pair has differently, if the link is to one.
    second: Vec<(Field, Text)>,
    /// Which steps of a pair are shown; finished pictures otherwise.
    shown: [Option<String>; 2],
    /// The fields of a sweep, if the link is to one, and what is wrong with them.
    sweep: Vec<(SweepKey, String)>,
    /// Which revision of the model made the picture, if the link says.
    revision: Option<String>,
    /// What is wrong with the link as a whole, in sentences.
    problems: Vec<String>,
    /// Which view of the page, if the fragment says.
    pub view: Option<String>,
    /// Where its values stand, for sentences about them.
    place: Place,
}

/// Where values stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Link,
    File,
    Second,
}

impl Link {
    /// Reads a fragment, with or without its `#`. What stands beside a packed recipe counts more than what is in it.
    pub fn parse(fragment: &str) -> Self {
        let mut link = Self::default();
        let pairs =
            || fragment.trim_start_matches('#').split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        if let Some((_, packed)) = pairs().rev().find(|(key, _)| *key == "recipe") {
            match recipe::unpack(packed) {
                Ok(values) => values.into_iter().for_each(|(key, text)| link.take(&key, Ok(text))),
                Err(error) => link.problems.push(format!("The recipe in the link {error}.")),
            }
        }
        for (key, raw) in pairs() {
            let spaced = raw.replace('+', " ");
            let text = percent_decode_str(&spaced).decode_utf8().map(|text| text.into_owned()).map_err(|_| raw.into());
            link.take(key, text);
        }
        link
    }

    /// Takes in one key; a later one replaces an earlier one.
    fn take(&mut self, key: &str, text: Text) {
        if let Some(field) = Field::from_key(key) {
            self.values.retain(|(other, _)| *other != field);
            return self.values.push((field, text));
        }
        if let Some(field) = key.strip_prefix(pair::PREFIX).and_then(Field::from_key) {
            self.second.retain(|(other, _)| *other != field);
            return self.second.push((field, text));
        }
        let Ok(text) = text else { return };
        match key {
            "view" => self.view = Some(text),
            "revision" => self.revision = Some(text),
            "shown" => self.shown[0] = Some(text),
            "compare-shown" => self.shown[1] = Some(text),
            "v" if text.trim().parse().is_ok_and(|version: u32| version <= VERSION) => {}
            "v" => self.problems.push(format!(
                "The link is of version '{text}', and this page knows version {VERSION}: what is new in it is left out. \
                 A newer Stepscope can open all of it."
            )),
            _ => {
                let known = SweepKey::ALL.iter().find(|(name, _)| *name == key);
                self.sweep.extend(known.map(|(_, key)| (*key, text)));
            }
        }
    }

    /// Settings by the keys of a link.
    pub fn of_settings(settings: &[(&'static str, String)]) -> Self {
        let known = |(key, text): &(&str, String)| Some((Field::from_key(key)?, Ok(text.clone())));
        Self { values: settings.iter().filter_map(known).collect(), ..Self::default() }
    }

    /// The same settings, with notices that speak of a file.
    pub fn within_file(self) -> Self {
        Self { place: Place::File, ..self }
    }

    /// Whether it says anything about a field.
    pub fn names(&self, field: Field) -> bool {
        self.values.iter().any(|(other, _)| *other == field)
    }

    /// Whether the fragment names a setting at all; if so, the page runs it at once.
    pub fn has_settings(&self) -> bool {
        !self.values.is_empty() || !self.second.is_empty()
    }

    /// What is wrong with the link as a whole, in sentences.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Whether it was made with another revision of the model than this one.
    pub fn is_of_other_revision(&self, revision: &str) -> bool {
        self.revision.as_deref().is_some_and(|wanted| !wanted.is_empty() && wanted != revision)
    }

    /// Leaves a setting to the default.
    pub fn forget(&mut self, field: Field) {
        self.values.retain(|(other, _)| *other != field);
    }

    /// Whether the link was made with a picture to start from, which no link can carry.
    pub fn wants_picture(&self) -> bool {
        self.names(Field::Strength)
    }
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
