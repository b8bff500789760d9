//! Links that were given away once: each must mean for ever what is noted beside it in `golden.json`. Lines are added to
//! that file, never changed or taken away.

use super::Link;
use crate::{
    field::Field,
    settings::{Settings, tests::model},
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A link and what it means for a page with the model `emoji`, whose defaults are those of `settings::tests::model`.
#[derive(Deserialize)]
struct Golden {
    link: String,
    /// Every setting that is not the model's default, by its key.
    #[serde(default)]
    settings: BTreeMap<String, String>,
    /// Part of each sentence that the reader is told, in order.
    #[serde(default)]
    told: Vec<String>,
    /// Of a pair, what the second has differently.
    second: Option<BTreeMap<String, String>>,
    /// Which steps of a pair are shown.
    #[serde(default)]
    shown: [Option<u32>; 2],
    /// The fragment of the sweep, as it is written today.
    sweep: Option<String>,
    view: Option<String>,
    #[serde(default)]
    starts_from_a_picture: bool,
}

fn differing(settings: &Settings, from: &Settings) -> BTreeMap<String, String> {
    let differs = |field: &&Field| settings.get(**field) != from.get(**field);
    let entry = |field: &Field| (field.key().to_owned(), settings.get(*field).to_owned());
    Field::ALL.iter().filter(differs).map(entry).collect()
}

#[test]
fn every_link_that_was_ever_given_away_means_what_it_meant() {
    let all: Vec<Golden> = serde_json::from_str(include_str!("golden.json")).unwrap();
    assert!(all.len() >= 30, "links were taken away");
    let info = model();
    let defaults = Settings::of_model(&info, "");
    for golden in all {
        let link = Link::parse(&golden.link);
        let (settings, mut told) = link.over(&defaults, std::slice::from_ref(&info.id), Some(info.size));
        assert_eq!(differing(&settings, &defaults), golden.settings, "{}", golden.link);
        let pair = link.pair(&settings, Some(info.size));
        if let Some((pair, problems)) = &pair {
            assert_eq!(pair.shown, golden.shown, "{}", golden.link);
            told.extend(problems.clone());
        }
        assert_eq!(pair.map(|(pair, _)| differing(&pair.second, &settings)), golden.second, "{}", golden.link);
        let sweep = link.sweep();
        told.extend(sweep.iter().flat_map(|(_, problems)| problems.clone()));
        assert_eq!(sweep.map(|(form, _)| super::sweep_fragment(&form)), golden.sweep, "{}", golden.link);
        assert_eq!(
            (link.view.clone(), link.wants_picture()),
            (golden.view, golden.starts_from_a_picture),
            "{}",
            golden.link
        );
        assert_eq!(told.len(), golden.told.len(), "{}: {told:?}", golden.link);
        for (told, part) in told.iter().zip(&golden.told) {
            assert!(told.contains(part), "{}: '{told}' does not say '{part}'", golden.link);
        }
    }
}
