//! Buttons of the zoom.

use super::controller;
use crate::compare::Zoom;
use leptos::prelude::*;

/// Farther, nearer, all of it; and how near it is.
#[component]
pub fn ZoomBar() -> impl IntoView {
    let zoom = controller().compare.zoom;
    let step = move |nearer: bool| zoom.update(|zoom| *zoom = zoom.stepped(nearer, [0.5; 2]));
    let fits = move || zoom.get().fits();
    view! {
        <div class="row compare-zoom" role="group" aria-label="Zoom">
            <button type="button" class="icon-button" aria-label="Zoom out" disabled=fits on:click=move |_| step(false)>"−"</button>
            <output class="figures" aria-label="Magnification">{move || format!("{} ×", zoom.get().scale)}</output>
            <button
                type="button" class="icon-button" aria-label="Zoom in"
                disabled=move || zoom.get().is_largest() on:click=move |_| step(true)
            >"+"</button>
            <button type="button" disabled=fits on:click=move |_| zoom.set(Zoom::default())>"Fit"</button>
            <p class="field-hint">"Drag to move; Ctrl and the wheel zoom. Both pictures move together."</p>
        </div>
    }
}
