//! A link's values are judged by the parsers of the form, and laid over what the form has.

use super::{Link, Place};
use crate::{
    field::{Field, check},
    settings::{AYS_STEPS, Settings},
};
use protocol::SizeRule;

impl Place {
    const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::File => "file",
            Self::Second => "link's second picture",
        }
    }
}

impl Link {
    /// Lays the link's values over `defaults`. Also returns one sentence for each value that could not be used.
    /// `models` are the identifiers that exist; the size rule is that of the model, once it is known.
    pub fn over(&self, defaults: &Settings, models: &[String], rule: Option<SizeRule>) -> (Settings, Vec<String>) {
        let mut settings = defaults.clone();
        let mut notices = self.problems.clone();
        let place = self.place.name();
        for (field, text) in &self.values {
            let problem = match text {
                Err(raw) => Some(format!("the {place}'s {} '{raw}' is not valid text.", field.key())),
                Ok(text) if *field == Field::Model && !models.is_empty() && !models.contains(text) => {
                    Some(format!("there is no model '{text}' here."))
                }
                Ok(text) => check(*field, text, rule).err().map(|error| error.message),
            };
            match (problem, text) {
                (None, Ok(text)) => settings.set(*field, text.as_str()),
                (problem, _) => notices.push(format!(
                    "In the {place}, {} cannot be used: {} Using {} instead.",
                    field.key(),
                    problem.unwrap_or_default(),
                    match defaults.get(*field) {
                        "" => "the default",
                        text => text,
                    }
                )),
            }
        }
        if settings.is_ays() {
            let asked = settings.get(Field::Steps).to_owned();
            let names_steps = self.names(Field::Steps);
            if names_steps && settings.error(Field::Steps, rule).is_some() {
                notices.push(format!(
                    "In the {place}, {asked} steps do not go with Align Your Steps, which has {AYS_STEPS}. Using {AYS_STEPS}."
                ));
            }
            settings.set(Field::Steps, AYS_STEPS.to_string());
        }
        (settings, notices)
    }
}
