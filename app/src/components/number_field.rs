//! A number that keeps what was typed, even where it is no number: the message below it quotes it.

use super::controller;
use crate::field::Field;
use leptos::prelude::*;

/// A spin button on a text field. (`type="number"` would hide what cannot be parsed.) The arrow keys step it.
#[component]
pub fn NumberField(
    /// Which field.
    field: Field,
    /// Accessible name.
    name: &'static str,
    /// What one press of an arrow key adds.
    step: f64,
    /// Least value.
    min: f64,
    /// Greatest value that the arrow keys reach.
    max: f64,
    /// Whether it does not count as things are.
    #[prop(default = Signal::stored(false))]
    disabled: Signal<bool>,
) -> impl IntoView {
    let controller = controller();
    let text = move || controller.settings.with(|settings| settings.get(field).to_owned());
    let is_bad = move || controller.error(field).is_some();
    let set = move |text: String| controller.settings.update(|settings| settings.set(field, text));
    let keys = move |event: web_sys::KeyboardEvent| {
        let sign = match event.key().as_str() {
            "ArrowUp" => 1.0,
            "ArrowDown" => -1.0,
            "Enter" => return controller.generate(),
            _ => return,
        };
        event.prevent_default();
        // Integers beyond 2^53 do not survive a float: those are stepped as integers.
        let stepped = match text().trim().parse::<u64>() {
            Ok(number) if step == 1.0 => number.saturating_add_signed(sign as i64).max(min as u64).to_string(),
            _ => text().trim().parse::<f64>().map_or(min, |number| (number + sign * step).clamp(min, max)).to_string(),
        };
        set(if stepped.parse::<f64>().is_ok_and(|number| number > max) { max.to_string() } else { stepped });
    };
    view! {
        <input
            id=field.element_id()
            class="number"
            type="text"
            role="spinbutton"
            inputmode=if step < 1.0 { "decimal" } else { "numeric" }
            autocomplete="off"
            aria-label=name
            disabled=disabled
            aria-valuemin=min
            aria-valuemax=max
            aria-valuenow=text
            aria-invalid=move || is_bad().to_string()
            aria-describedby=format!("{0}-error {0}-hint", field.element_id())
            prop:value=text
            on:input=move |event| set(event_target_value(&event))
            on:keydown=keys
        />
    }
}

/// What is wrong with a field; empty where nothing is.
#[component]
pub fn FieldMessage(
    /// Which field.
    field: Field,
) -> impl IntoView {
    let controller = controller();
    view! {
        <p class="field-error" id=format!("{}-error", field.element_id())>
            {move || controller.error(field).map(|error| error.message)}
        </p>
    }
}
