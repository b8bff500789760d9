//! A switch with a sentence that says what it does.

use super::controller;
use crate::field::{Field, OFF, ON};
use leptos::prelude::*;

/// A labelled checkbox.
#[component]
pub fn CheckField(
    /// Which field.
    field: Field,
    /// Label and accessible name.
    name: &'static str,
    /// What it does.
    hint: &'static str,
) -> impl IntoView {
    let controller = controller();
    let is_on = move || controller.settings.with(|settings| settings.get(field) == ON);
    let hint_id = format!("{}-hint", field.element_id());
    view! {
        <div class="field">
            <label class="check" for=field.element_id()>
                <input
                    id=field.element_id()
                    type="checkbox"
                    aria-describedby=hint_id.clone()
                    prop:checked=is_on
                    on:change=move |event| {
                        let text = if event_target_checked(&event) { ON } else { OFF };
                        controller.settings.update(|settings| settings.set(field, text));
                    }
                />
                <span>{name}</span>
            </label>
            <p class="field-hint" id=hint_id>{hint}</p>
        </div>
    }
}
