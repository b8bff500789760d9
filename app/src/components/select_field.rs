//! A choice among few: the platform's own select.

use super::controller;
use crate::field::Field;
use leptos::prelude::*;

/// A labelled select over (value, label) pairs.
#[component]
pub fn SelectField(
    /// Which field.
    field: Field,
    /// Label and accessible name.
    name: &'static str,
    /// Value and label of each choice.
    #[prop(into)]
    options: Signal<Vec<(String, String)>>,
    /// What a choice does, if it is more than filling the field.
    #[prop(optional, into)]
    on_choose: Option<Callback<String>>,
) -> impl IntoView {
    let controller = controller();
    let chosen = Memo::new(move |_| controller.settings.with(|settings| settings.get(field).to_owned()));
    view! {
        <div class="field">
            <label for=field.element_id()>{name}</label>
            <select
                id=field.element_id()
                on:change=move |event| {
                    let value = event_target_value(&event);
                    match on_choose {
                        Some(on_choose) => on_choose.run(value),
                        None => controller.settings.update(|settings| settings.choose(field, value)),
                    }
                }
            >
                <For each=move || options.get() key=|(value, _)| value.clone() let((value, label))>
                    <option value=value.clone() prop:selected=move || chosen.get() == value>{label}</option>
                </For>
            </select>
        </div>
    }
}
