//! Which noise the picture starts from.

use super::{controller, number_field::NumberField};
use crate::{browser, field::Field};
use leptos::prelude::*;

/// The seed, and dice that throw another one.
#[component]
pub fn SeedField() -> impl IntoView {
    let controller = controller();
    let throw = move |_| {
        controller.settings.update(|settings| settings.set(Field::Seed, browser::random_seed().to_string()));
    };
    view! {
        <div class="field">
            <label for=Field::Seed.element_id()>"Seed"</label>
            <div class="joined">
                <NumberField field=Field::Seed name="Seed" step=1.0 min=0.0 max=u64::MAX as f64/>
                <button type="button" class="icon-button" aria-label="Random seed" title="Random seed" on:click=throw>
                    <svg viewBox="0 0 20 20" aria-hidden="true">
                        <rect x="2.75" y="2.75" width="14.5" height="14.5" rx="3.5"/>
                        <circle cx="6.9" cy="6.9" r="1.3"/><circle cx="13.1" cy="6.9" r="1.3"/>
                        <circle cx="10" cy="10" r="1.3"/>
                        <circle cx="6.9" cy="13.1" r="1.3"/><circle cx="13.1" cy="13.1" r="1.3"/>
                    </svg>
                </button>
            </div>
        </div>
    }
}
