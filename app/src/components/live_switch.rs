//! The switch of live mode, with what was measured for it.

use super::controller;
use crate::{format, live::RUN_MAX};
use leptos::prelude::*;

/// Offered only where a run is short enough.
#[component]
pub fn LiveSwitch() -> impl IntoView {
    let controller = controller();
    let is_on = controller.live.is_on;
    let estimate = Memo::new(move |old: Option<&Option<crate::live::Estimate>>| {
        // While a run has no steps yet, what was measured before stands.
        controller.live_estimate().or(old.copied().flatten())
    });
    let fits = move || estimate.get().is_some_and(|estimate| estimate.can_follow());
    let hint = move || {
        let limit = format::duration(RUN_MAX);
        let Some(estimate) = estimate.get() else {
            return format!("Offered once a run was measured here and takes less than {limit}.");
        };
        let measured = format!(
            "Measured: {} a step, so about {} a run",
            format::duration(estimate.step),
            format::duration(estimate.run)
        );
        match (estimate.can_follow(), is_on.get()) {
            (true, false) => format!("{measured}. The picture can follow the form."),
            (true, true) => format!("{measured}. Previews follow at once, the full picture when you rest."),
            (false, false) => format!("{measured}; live needs less than {limit}. Take fewer steps or guidance 1."),
            (false, true) => format!("{measured}; over {limit} the picture waits for Generate."),
        }
    };
    view! {
        <div class="field live">
            <label class="check" for="live">
                <input
                    id="live"
                    type="checkbox"
                    aria-describedby="live-hint"
                    prop:checked=move || is_on.get()
                    disabled=move || !fits() && !is_on.get()
                    on:change=move |event| is_on.set(event_target_checked(&event))
                />
                <span>"Live: the picture follows"</span>
            </label>
            <p class="field-hint figures" id="live-hint">{hint}</p>
        </div>
    }
}
