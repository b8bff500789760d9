//! What most pictures do not need: size, eta, whose random numbers, timesteps, prompt weights, several pictures.

use super::{
    check_field::CheckField,
    controller,
    disclosure::Disclosure,
    number_field::{FieldMessage, NumberField},
    select_field::SelectField,
    size_fields::SizeFields,
};
use crate::field::{Field, PICTURES_MAX, RNGS, TIMESTEPS};
use leptos::prelude::*;

fn options<T>(choices: &[(&str, &str, T)]) -> Signal<Vec<(String, String)>> {
    Signal::stored(choices.iter().map(|(value, label, _)| ((*value).to_owned(), (*label).to_owned())).collect())
}

/// The options. A field that cannot be used opens them.
#[component]
pub fn AdvancedFields() -> impl IntoView {
    let controller = controller();
    let open = controller.advanced_open;
    let has_error =
        Memo::new(move |_| Field::ALL.iter().any(|field| field.is_advanced() && controller.error(*field).is_some()));
    Effect::new(move |_| {
        if has_error.get() {
            open.set(true);
        }
    });
    let note = Signal::derive(move || {
        let model = controller.session.with(|session| session.model.clone());
        let changed = model.map_or(0, |model| controller.settings.with(|settings| settings.options_changed(&model)));
        if changed == 0 { String::new() } else { format!("{changed} changed") }
    });
    let has_no_eta = Signal::derive(move || !controller.settings.with(|settings| settings.takes_eta()));
    let eta_hint = move || match has_no_eta.get() {
        true => "Only DDIM and TCD take it.",
        false => "0 adds no noise, 1 as much as DDPM.",
    };
    let is_ays = move || controller.settings.with(|settings| settings.is_ays());
    view! {
        <Disclosure title="Advanced" open=open note=note>
            <SizeFields/>
            <div class="pair">
                <div class="field">
                    <label for=Field::Pictures.element_id()>"Pictures"</label>
                    <NumberField field=Field::Pictures name="Pictures" step=1.0 min=1.0 max=f64::from(PICTURES_MAX)/>
                    <p class="field-hint" id="field-pictures-hint">"One seed after another."</p>
                </div>
                <div class="field">
                    <label for=Field::GuidanceStop.element_id()>"CFG end"</label>
                    <NumberField field=Field::GuidanceStop name="CFG end" step=0.1 min=0.0 max=1.0/>
                    <p class="field-hint" id="field-guidance-stop-hint">"Share of the steps with guidance; the others cost half."</p>
                </div>
                <div class="field">
                    <label for=Field::Eta.element_id()>"Eta"</label>
                    <NumberField field=Field::Eta name="Eta" step=0.1 min=0.0 max=1.0 disabled=has_no_eta/>
                    <p class="field-hint" id="field-eta-hint">{eta_hint}</p>
                </div>
                <FieldMessage field=Field::Pictures/>
                <FieldMessage field=Field::GuidanceStop/>
                <FieldMessage field=Field::Eta/>
            </div>
            <SelectField field=Field::Rng name="Random numbers" options=options(&RNGS)/>
            <div class="field">
                <SelectField field=Field::Timesteps name="Timesteps" options=options(&TIMESTEPS)/>
                <p class="field-hint" hidden=move || !is_ays()>
                    "Align Your Steps is a list of 10 timesteps for each family of models, so Steps is 10."
                </p>
            </div>
            <CheckField
                field=Field::Weights
                name="Prompt weights: (word:1.3), [word], BREAK"
                hint="As AUTOMATIC1111 reads them, and long prompts go on. Off, they are plain text, as in diffusers."
            />
        </Disclosure>
    }
}
