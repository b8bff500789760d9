//! Scheduler, guidance, seed, model.

use super::{
    controller,
    number_field::{FieldMessage, NumberField},
    seed_field::SeedField,
    select_field::SelectField,
};
use crate::{field::Field, format};
use leptos::prelude::*;
use protocol::{GUIDANCE_MAX, GUIDANCE_MIN, SchedulerKind};

/// The fields that decide how the picture is made.
#[component]
pub fn SamplerFields() -> impl IntoView {
    let controller = controller();
    let schedulers: Vec<_> =
        SchedulerKind::ALL.iter().map(|kind| (kind.name().to_owned(), kind.label().to_owned())).collect();
    let models = Signal::derive(move || {
        let entry = |m: crate::catalog::Entry| (m.id, format!("{} · {}", m.name, format::bytes(m.bytes)));
        controller.models.get().into_iter().map(entry).collect::<Vec<_>>()
    });
    view! {
        <div class="pair">
            <SelectField field=Field::Scheduler name="Scheduler" options=Signal::stored(schedulers)/>
            <div class="field">
                <label for=Field::Guidance.element_id()>"Guidance"</label>
                <NumberField field=Field::Guidance name="Guidance" step=0.5 min=GUIDANCE_MIN max=GUIDANCE_MAX/>
            </div>
            <FieldMessage field=Field::Guidance/>
        </div>
        <div class="pair">
            <SeedField/>
            <SelectField field=Field::Model name="Model" options=models on_choose=move |id: String| controller.choose_model(&id)/>
            <FieldMessage field=Field::Seed/>
        </div>
    }
}
