//! Links to sweeps: `sweep=2,4,8,16` and what else the Sweep screen's fields hold.

use super::{ESCAPED, Link};
use crate::sweep::form::{Other, SweepForm};
use lab::recommend::Metric;
use percent_encoding::{AsciiSet, utf8_percent_encode};

/// A key of a link that belongs to the sweep, not to the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SweepKey {
    Steps,
    Seeds,
    Vary,
    Values,
    Metric,
    Tolerance,
    Budget,
    Prompts,
}

impl SweepKey {
    pub(super) const ALL: [(&str, SweepKey); 8] = [
        ("sweep", SweepKey::Steps),
        ("sweep-seeds", SweepKey::Seeds),
        ("sweep-vary", SweepKey::Vary),
        ("sweep-values", SweepKey::Values),
        ("sweep-metric", SweepKey::Metric),
        ("sweep-tolerance", SweepKey::Tolerance),
        ("sweep-budget", SweepKey::Budget),
        ("sweep-prompts", SweepKey::Prompts),
    ];
}

/// What distances are measured in, as links have it. The first is the default.
const METRICS: [(&str, Metric); 3] =
    [("latents", Metric::LatentRmse), ("pixels", Metric::PixelRmse), ("structure", Metric::Dssim)];

impl Link {
    /// The sweep that the link is to, and a sentence for each of its values that cannot be read.
    pub fn sweep(&self) -> Option<(SweepForm, Vec<String>)> {
        if !self.sweep.iter().any(|(key, _)| *key == SweepKey::Steps) {
            return None;
        }
        let standard = SweepForm::default();
        let mut form = standard.clone();
        let mut problems = Vec::new();
        for (key, text) in &self.sweep {
            match key {
                SweepKey::Steps => form.steps.clone_from(text),
                SweepKey::Seeds => form.seeds.clone_from(text),
                SweepKey::Vary => {
                    form.other = Other::ALL.into_iter().find(|other| other.key() == text).unwrap_or_default();
                }
                SweepKey::Values => form.values.clone_from(text),
                SweepKey::Metric => match METRICS.iter().find(|(name, _)| name == text) {
                    Some((_, metric)) => form.metric = *metric,
                    None => {
                        problems.push(format!("'{text}' is none of the measures latents, pixels and structure."));
                    }
                },
                SweepKey::Tolerance => form.tolerance.clone_from(text),
                SweepKey::Budget => form.budget.clone_from(text),
                SweepKey::Prompts => form.held_out.clone_from(text),
            }
        }
        if let Err(error) = form.steps() {
            problems.push(error.to_string());
            form.steps = standard.steps;
        }
        if let Err(error) = lab::axis::parse_seeds(&form.seeds)
            && !form.seeds.trim().is_empty()
        {
            problems.push(error.to_string());
            form.seeds = standard.seeds;
        }
        if let Err(error) = form.other() {
            problems.push(error.to_string());
            (form.other, form.values) = (standard.other, standard.values);
        }
        if let Err(problem) = form.tolerance(None) {
            problems.push(problem);
            form.tolerance = standard.tolerance;
        }
        if let Err(problem) = form.budget() {
            problems.push(problem);
            form.budget = standard.budget;
        }
        let notice = |problem| format!("In the link, the sweep cannot be used as it is: {problem}");
        Some((form, problems.into_iter().map(notice).collect()))
    }
}

/// The part of a fragment that is about the sweep. Commas stay as they are: `sweep=2,4,8,16`.
pub fn sweep_fragment(form: &SweepForm) -> String {
    const LIST: &AsciiSet = &ESCAPED.remove(b',');
    let metric = METRICS[1..].iter().find(|(_, metric)| *metric == form.metric).map_or("", |(name, _)| name);
    let pairs = [
        ("sweep", form.steps.as_str()),
        ("sweep-seeds", form.seeds.as_str()),
        ("sweep-vary", if form.other == Other::None { "" } else { form.other.key() }),
        ("sweep-values", if form.other == Other::None { "" } else { &form.values }),
        ("sweep-metric", metric),
        ("sweep-tolerance", form.tolerance.as_str()),
        ("sweep-budget", form.budget.as_str()),
        ("sweep-prompts", form.held_out.as_str()),
    ];
    let filled = pairs.into_iter().filter(|(_, text)| !text.trim().is_empty());
    filled.map(|(key, text)| format!("{key}={}", utf8_percent_encode(text.trim(), LIST))).collect::<Vec<_>>().join("&")
}
