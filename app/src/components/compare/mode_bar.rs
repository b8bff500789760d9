//! How the two are shown, with what the way of showing needs.

use super::{controller, flicker_bar::FlickerBar, heat_bar::HeatBar};
use crate::{browser, compare::Mode};
use leptos::prelude::*;

/// One button a mode.
#[component]
pub fn ModeBar() -> impl IntoView {
    let controller = controller();
    let compare = controller.compare;
    let choose = move |mode: Mode| {
        compare.mode.set(mode);
        // What moves by itself begins only for those who have not asked for less of it.
        compare.is_flickering.set(mode == Mode::Flicker && !browser::wants_less_motion());
    };
    let button = move |mode: Mode| {
        view! {
            <button
                type="button"
                aria-pressed=move || (compare.mode.get() == mode).to_string()
                on:click=move |_| choose(mode)
            >{mode.label()}</button>
        }
    };
    view! {
        <div class="toggle compare-modes" role="group" aria-label="How they are shown">
            {Mode::ALL.map(button)}
        </div>
        {move || match compare.mode.get() {
            Mode::Wipe => view! { <Divider/> }.into_any(),
            Mode::Flicker => view! { <FlickerBar/> }.into_any(),
            Mode::Difference => view! { <HeatBar/> }.into_any(),
            Mode::Side => ().into_any(),
        }}
    }
}

/// How far A reaches.
#[component]
fn Divider() -> impl IntoView {
    let divider = controller().compare.divider;
    let percent = move || (100.0 * divider.get()).round();
    view! {
        <label class="scrubber">
            <span class="scrubber-label">"Divider"</span>
            <input
                type="range"
                min="0"
                max="100"
                step="1"
                aria-label="Divider"
                aria-valuetext=move || format!("A on the left {} %, B on the rest", percent())
                prop:value=percent
                style:--done=move || format!("{}%", percent())
                on:input=move |event| {
                    if let Ok(percent) = event_target_value(&event).parse::<f64>() {
                        divider.set(percent / 100.0);
                    }
                }
            />
        </label>
    }
}
