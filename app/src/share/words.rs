//! What a link will do, in words, for the reader who has just opened it.

use super::{Link, Pair};
use crate::{
    field::{Field, parse_scheduler},
    settings::Settings,
};

/// Letters of a text that are shown.
const SHORT: usize = 60;

/// What happens with a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The model is loading.
    Waits,
    /// Pictures are made, so many.
    Runs(u32),
    /// Its picture is on show already.
    Known,
    /// A sweep starts.
    Sweeps,
    /// A sweep is in its fields, and something about it could not be read.
    WaitsForSweep,
    /// Two pictures are made and compared.
    Compares,
    /// A picture to start from must be chosen.
    NeedsPicture,
    /// Another model must be loaded; its name.
    NeedsModel(String),
}

/// A link that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Label and value of what it sets.
    pub told: Vec<(&'static str, String)>,
    /// Of a pair, what the second has differently.
    pub second: Vec<(&'static str, String)>,
    /// What happens now.
    pub action: Action,
}

impl Opened {
    /// What a link that led to these settings will do; `defaults` are what it was laid over.
    pub fn new(link: &Link, settings: &Settings, defaults: &Settings, pair: Option<&Pair>, action: Action) -> Self {
        use Field::{Guidance, Prompt, Scheduler, Seed, Steps};
        let is_used = |field: Field| {
            link.values.iter().any(|(other, text)| *other == field && text.as_deref() == Ok(settings.get(field)))
        };
        let is_news = |field: Field| {
            matches!(field, Prompt | Steps | Scheduler | Guidance | Seed) || settings.get(field) != defaults.get(field)
        };
        let named = Field::ALL.iter().copied().filter(|field| is_used(*field) && is_news(*field));
        let differs = |field: &Field| pair.is_some_and(|pair| pair.second.get(*field) != settings.get(*field));
        Self {
            told: named.map(|field| (field.label(), value(settings, field))).collect(),
            second: Field::ALL
                .iter()
                .copied()
                .filter(differs)
                .map(|field| (field.label(), pair.map(|pair| value(&pair.second, field)).unwrap_or_default()))
                .collect(),
            action,
        }
    }

    /// Which settings came from the link, and what the second of a pair has differently.
    pub fn settings(&self) -> String {
        let list = |all: &[(&str, String)]| {
            let each = all.iter().map(|(label, value)| format!("{} {value}", lower(label)));
            each.collect::<Vec<_>>().join(", ")
        };
        let first = match self.told.as_slice() {
            [] => "This link changes no setting.".to_owned(),
            told => format!("This link sets {}; everything else is as the model has it.", list(told)),
        };
        match (&self.action, self.second.as_slice()) {
            (Action::Compares, []) => format!("{first} Both pictures are of one run."),
            (_, []) => first,
            (_, second) => format!("{first} The second picture has {}.", list(second)),
        }
    }

    /// What happens now; `download` is a model that the user is asked about, and its size.
    pub fn what_happens(&self, download: Option<(&str, &str)>) -> String {
        if let Some((name, size)) = download {
            return format!("Missing: the model {name}, {size} to download if you allow it.");
        }
        match &self.action {
            Action::Waits => "It starts when the model is ready.".into(),
            Action::Runs(1) => "It runs at once.".into(),
            Action::Runs(pictures) => format!("It runs at once: {pictures} pictures."),
            Action::Known => "Its picture is here already.".into(),
            Action::Sweeps => "The sweep starts at once; pictures that are here already are not made again.".into(),
            Action::WaitsForSweep => "Check the sweep's fields, then press Start sweep.".into(),
            Action::Compares => "Pictures that are not here yet are made, then the two are shown side by side.".into(),
            Action::NeedsPicture => "Missing: the picture that it starts from. Choose it, then press Generate.".into(),
            Action::NeedsModel(name) => format!("It needs the model {name}, which is loaded first."),
        }
    }
}

/// A value as the page shows it.
fn value(settings: &Settings, field: Field) -> String {
    let text = settings.get(field).trim();
    match field {
        Field::Scheduler => parse_scheduler(text).map_or_else(|_| text.to_owned(), |kind| kind.label().to_owned()),
        Field::Prompt | Field::Negative if text.is_empty() => "empty".into(),
        Field::Prompt | Field::Negative => {
            let short: String = text.chars().take(SHORT).collect();
            format!("“{short}{}”", if short.len() < text.len() { "…" } else { "" })
        }
        Field::Weights => if text == crate::field::ON { "on" } else { "off" }.into(),
        _ => text.to_owned(),
    }
}

/// A label within a sentence.
fn lower(label: &str) -> String {
    let mut letters = label.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
