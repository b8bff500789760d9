//! Width and height, where the model leaves a choice.

use super::{controller, select_field::SelectField};
use crate::settings::Field;
use leptos::prelude::*;

/// Two selects, or nothing for a model of one size.
#[component]
pub fn SizeFields() -> impl IntoView {
    let controller = controller();
    let sizes = Memo::new(move |_| {
        let rule = controller.session.with(|session| session.model.as_ref().map(|model| model.size));
        let sizes = rule.map(|rule| (rule.min..=rule.max).filter(|size| rule.allows(*size)).collect::<Vec<_>>());
        sizes.unwrap_or_default().into_iter().map(|size| (size.to_string(), format!("{size} px"))).collect::<Vec<_>>()
    });
    let has_choice = move || sizes.with(Vec::len) > 1;
    view! {
        <Show when=has_choice>
            <div class="pair">
                <SelectField field=Field::Width name="Width" options=sizes/>
                <SelectField field=Field::Height name="Height" options=sizes/>
            </div>
        </Show>
    }
}
