//! Width and height, where the model leaves a choice.

use super::{controller, number_field::FieldMessage, select_field::SelectField};
use crate::field::Field;
use leptos::prelude::*;

/// Two selects with a button that swaps them, or nothing for a model of one size.
#[component]
pub fn SizeFields() -> impl IntoView {
    let controller = controller();
    let sizes = Memo::new(move |_| {
        let rule = controller.session.with(|session| session.model.as_ref().map(|model| model.size));
        let sizes = rule.map(|rule| (rule.min..=rule.max).filter(|size| rule.allows(*size)).collect::<Vec<_>>());
        sizes.unwrap_or_default().into_iter().map(|size| (size.to_string(), format!("{size} px"))).collect::<Vec<_>>()
    });
    let has_choice = move || sizes.with(Vec::len) > 1;
    let swap = move |_| {
        controller.settings.update(|settings| {
            let (width, height) = (settings.get(Field::Width).to_owned(), settings.get(Field::Height).to_owned());
            settings.set(Field::Width, height);
            settings.set(Field::Height, width);
        });
    };
    view! {
        <Show when=has_choice>
            <div class="size">
                <SelectField field=Field::Width name="Width" options=sizes/>
                <button
                    type="button"
                    class="icon-button"
                    aria-label="Swap width and height"
                    title="Swap width and height"
                    on:click=swap
                >
                    <svg viewBox="0 0 20 20" aria-hidden="true">
                        <path d="M6.5 3 2.5 7l4 4V8.2H14V5.8H6.5zM13.5 9l4 4-4 4v-2.8H6v-2.4h7.5z"/>
                    </svg>
                </button>
                <SelectField field=Field::Height name="Height" options=sizes/>
            </div>
            <FieldMessage field=Field::Width/>
            <FieldMessage field=Field::Height/>
        </Show>
    }
}
