//! How much of the picture to start from is made anew.

use super::{
    controller,
    number_field::{FieldMessage, NumberField},
};
use crate::{field::Field, start::executed_steps};
use leptos::prelude::*;

/// A slider and a box over the same number, and what it means in steps.
#[component]
pub fn StrengthField() -> impl IntoView {
    let controller = controller();
    let strength = Memo::new(move |old: Option<&f64>| {
        let parsed = controller.settings.with(|settings| protocol::parse_strength(settings.get(Field::Strength)));
        parsed.unwrap_or(old.copied().unwrap_or_default())
    });
    let meaning = move || {
        let steps = controller.settings.with(|settings| protocol::parse_steps(settings.get(Field::Steps)).ok())?;
        Some(match executed_steps(steps, strength.get()) {
            0 => format!("Executes 0 of {steps} steps, which leaves nothing to do: raise the strength."),
            executed => format!("Executes {executed} of {steps} steps."),
        })
    };
    view! {
        <div class="field">
            <label for="strength-slider">"Strength"</label>
            <div class="row">
                <input
                    id="strength-slider"
                    type="range"
                    min="0"
                    max="1"
                    step="0.01"
                    aria-describedby="field-strength-hint"
                    style:--done=move || format!("{}%", 100.0 * strength.get())
                    prop:value=move || strength.get().to_string()
                    on:input=move |event| {
                        controller.settings.update(|settings| settings.set(Field::Strength, event_target_value(&event)));
                    }
                />
                <NumberField field=Field::Strength name="Strength (number)" step=0.05 min=0.0 max=1.0/>
            </div>
            <FieldMessage field=Field::Strength/>
            <p class="field-hint" id="field-strength-hint">{meaning}</p>
        </div>
    }
}
