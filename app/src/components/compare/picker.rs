//! Which picture is A, or B.

use super::controller;
use crate::compare::{Side, Source};
use leptos::prelude::*;

/// A labelled list of all pictures that there are.
#[component]
pub fn Picker(
    /// A or B.
    side: Side,
) -> impl IntoView {
    let controller = controller();
    let id = format!("compare-{}", side.name());
    let groups = Memo::new(move |_| controller.comparable());
    let chosen = Memo::new(move |_| controller.compared_source(side));
    let is_listed = move || {
        chosen.with(|chosen| {
            let chosen = chosen.as_ref()?;
            groups
                .with(|groups| groups.iter().flat_map(|(_, all)| all).any(|(source, _)| source == chosen))
                .then_some(())
        })
    };
    // A step of an earlier run, or nothing yet.
    let unlisted = move || {
        if is_listed().is_some() {
            return None;
        }
        let label = controller.compared(side).map_or("Choose a picture".into(), |item| item.label());
        let key = chosen.with(|chosen| chosen.as_ref().map(Source::key)).unwrap_or_default();
        Some(view! { <option value=key selected>{label}</option> })
    };
    let option = move |(source, label): (Source, String)| {
        let key = source.key();
        view! { <option value=key prop:selected=move || chosen.with(|chosen| chosen.as_ref() == Some(&source))>{label}</option> }
    };
    let list = move || {
        let group = |(name, sources): (&'static str, Vec<(Source, String)>)| {
            view! { <optgroup label=name>{sources.into_iter().map(option).collect_view()}</optgroup> }
        };
        groups.get().into_iter().map(group).collect_view()
    };
    view! {
        <div class="field">
            <label for=id.clone()>{format!("Picture {}", side.name())}</label>
            <select
                id=id
                on:change=move |event| {
                    if let Some(source) = Source::from_key(&event_target_value(&event)) {
                        controller.choose_compared(side, source);
                    }
                }
            >
                {unlisted}
                {list}
            </select>
        </div>
    }
}
