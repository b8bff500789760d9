//! The form: everything that decides a picture, and the buttons that start and stop it.

use super::{
    actions::Actions, advanced_fields::AdvancedFields, live_switch::LiveSwitch, png_dialog::PngButton,
    prompt_fields::PromptFields, sampler_fields::SamplerFields, start_section::StartSection, steps_field::StepsField,
};
use leptos::prelude::*;

/// All fields and the bar of actions.
#[component]
pub fn Form() -> impl IntoView {
    view! {
        <form class="form" aria-label="Settings" novalidate on:submit=|event| event.prevent_default()>
            <div class="fields">
                <PromptFields/>
                <StepsField/>
                <SamplerFields/>
                <LiveSwitch/>
                <StartSection/>
                <AdvancedFields/>
                <PngButton/>
            </div>
            <Actions/>
        </form>
    }
}
