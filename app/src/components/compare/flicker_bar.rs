//! Showing A and B in turn: by itself at a harmless pace, or by hand.

use super::controller;
use crate::compare::Side;
use gloo::timers::callback::Interval;
use leptos::prelude::*;

/// Changes a second. Two changes are one flash, so all of them stay below the three flashes a second from which on
/// flicker can do harm (WCAG 2.3.1).
const RATES: [u32; 3] = [1, 2, 4];

/// Start and stop, the pace, and a button that changes over by hand.
#[component]
pub fn FlickerBar() -> impl IntoView {
    let compare = controller().compare;
    let timer = StoredValue::new_local(None::<Interval>);
    let turn = move || {
        // The page may have gone meanwhile.
        compare.flash.try_update(|side| *side = if *side == Side::A { Side::B } else { Side::A });
    };
    Effect::new(move |_| {
        let every = 1000 / compare.rate.get();
        timer.set_value(compare.is_flickering.get().then(|| Interval::new(every, turn)));
    });
    on_cleanup(move || {
        timer.try_update_value(|timer| *timer = None);
    });
    let other = move || if compare.flash.get() == Side::A { "Show B" } else { "Show A" };
    view! {
        <div class="row compare-options">
            <button type="button" on:click=move |_| compare.is_flickering.update(|on| *on = !*on)>
                {move || if compare.is_flickering.get() { "Stop flicker" } else { "Start flicker" }}
            </button>
            <button type="button" disabled=move || compare.is_flickering.get() on:click=move |_| turn()>{other}</button>
            <div class="field inline">
                <label for="flicker-rate">"Changes a second"</label>
                <select
                    id="flicker-rate"
                    on:change=move |event| compare.rate.set(event_target_value(&event).parse().unwrap_or(RATES[0]))
                >
                    {RATES.map(|rate| view! { <option value=rate selected=compare.rate.get_untracked() == rate>{rate}</option> })}
                </select>
            </div>
        </div>
    }
}
