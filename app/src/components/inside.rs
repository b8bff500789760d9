//! What lies behind the step that is shown, and the whole run as a file.

use super::{
    change_map::ChangeMap, export_card::ExportCard, guidance_split::GuidanceSplit, sigma_curve::SigmaCurve,
    step_terms::StepTerms,
};
use leptos::prelude::*;

/// The cards below the film.
#[component]
pub fn Inside() -> impl IntoView {
    view! {
        <section class="inside" aria-label="Inside the step">
            <SigmaCurve/>
            <StepTerms/>
            <GuidanceSplit/>
            <ChangeMap/>
            <ExportCard/>
        </section>
    }
}
