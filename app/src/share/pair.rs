//! Links to a pair: the keys of the first run, and those of the second with `compare-` before them where it differs:
//! `#prompt=a+red+heart&steps=4&compare-steps=30`.

use super::{
    Link, Place,
    write::{fragment, part, values},
};
use crate::{field::Field, settings::Settings};
use protocol::{GenerateRequest, SizeRule};

/// What stands before the keys of the second run.
pub(super) const PREFIX: &str = "compare-";

/// Which picture of each of the two is shown: a step, counted from 1, or the finished one.
pub type Shown = [Option<u32>; 2];

/// The two of a link, before they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The settings of the second.
    pub second: Settings,
    /// What is shown of the two.
    pub shown: Shown,
}

impl Link {
    /// Whether the link is to a pair.
    pub fn is_pair(&self) -> bool {
        !self.second.is_empty() || self.shown.iter().any(Option::is_some)
    }

    /// The pair whose first has these settings, with one sentence for each value that could not be used.
    pub fn pair(&self, first: &Settings, rule: Option<SizeRule>) -> Option<(Pair, Vec<String>)> {
        if !self.is_pair() {
            return None;
        }
        // One engine with one model makes both.
        let own_model = first.get(Field::Model).to_owned();
        let second = Link { values: self.second.clone(), place: Place::Second, ..Link::default() };
        let (mut second, mut notices) = second.over(first, std::slice::from_ref(&own_model), rule);
        second.set(Field::Pictures, "1");
        let mut shown: Shown = [None; 2];
        for ((text, settings), shown) in self.shown.iter().zip([first, &second]).zip(&mut shown) {
            let Some(text) = text else { continue };
            let steps = protocol::parse_steps(settings.get(Field::Steps)).unwrap_or(1);
            *shown = text.trim().parse().ok().filter(|step| (1..=steps).contains(step));
            if shown.is_none() {
                notices.push(format!(
                    "In the link, '{text}' is no step of a run with {steps}. Showing the finished picture instead."
                ));
            }
        }
        Some((Pair { second, shown }, notices))
    }
}

/// The fragment, without `#`, of a link to a pair.
pub fn pair_fragment(a: &GenerateRequest, b: &GenerateRequest, shown: Shown) -> String {
    let (first, second) = (values(a, 1), values(b, 1));
    let text_in = |all: &[(Field, String)], field| {
        all.iter().find(|(other, _)| *other == field).map(|(_, text)| text.clone()).unwrap_or_default()
    };
    // The steps are always there: they are what makes it a link to a pair.
    let differs = |field: &Field| *field == Field::Steps || text_in(&first, *field) != text_in(&second, *field);
    let differing = Field::ALL.iter().filter(|field| differs(field));
    let mut parts = vec![fragment(a, 1)];
    parts.extend(differing.map(|field| part(&format!("{PREFIX}{}", field.key()), &text_in(&second, *field))));
    for (key, step) in ["shown", "compare-shown"].into_iter().zip(shown) {
        parts.extend(step.map(|step| part(key, &step.to_string())));
    }
    parts.join("&")
}
