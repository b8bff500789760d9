//! How many steps: the question that this page is about.

use super::{
    controller,
    number_field::{FieldMessage, NumberField},
};
use crate::{cost, field::Field};
use leptos::prelude::*;
use protocol::{STEPS_MAX, STEPS_MIN};

/// A slider and a box over the same number.
#[component]
pub fn StepsField() -> impl IntoView {
    let controller = controller();
    let steps = Memo::new(move |old: Option<&u32>| {
        let parsed = controller.settings.with(|settings| protocol::parse_steps(settings.get(Field::Steps)));
        parsed.unwrap_or(old.copied().unwrap_or(STEPS_MIN))
    });
    let trained = move || {
        let range = controller.session.with(|session| session.model.as_ref().and_then(|model| model.trained_steps))?;
        let [fewest, most] = range;
        let is_outside = !(fewest..=most).contains(&steps.get());
        is_outside
            .then(|| view! { <p class="remark">{format!("This model is made for {fewest} to {most} steps.")}</p> })
    };
    let cost = move || {
        let has_picture = controller.start.has_picture();
        controller.settings.with(|settings| cost::of_form(settings, has_picture))
    };
    let share = move || format!("{}%", 100.0 * f64::from(steps.get() - STEPS_MIN) / f64::from(STEPS_MAX - STEPS_MIN));
    view! {
        <div class="field">
            <label for="steps-slider">"Steps"</label>
            <div class="row">
                <input
                    id="steps-slider"
                    type="range"
                    min=STEPS_MIN
                    max=STEPS_MAX
                    step="1"
                    style:--done=share
                    prop:value=move || steps.get().to_string()
                    on:input=move |event| {
                        controller.settings.update(|settings| settings.set(Field::Steps, event_target_value(&event)));
                    }
                />
                <NumberField
                    field=Field::Steps
                    name="Steps (number)"
                    step=1.0
                    min=f64::from(STEPS_MIN)
                    max=f64::from(STEPS_MAX)
                />
            </div>
            <FieldMessage field=Field::Steps/>
            <p class="field-hint figures" id="field-steps-hint">{cost}</p>
            {trained}
        </div>
    }
}
