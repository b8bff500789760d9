//! The slider over the kept frames.

use super::controller;
use leptos::{html, prelude::*};

/// `Step shown`: arrow keys, mouse and touch go back to any step, also while steps still arrive.
#[component]
pub fn Scrubber() -> impl IntoView {
    let controller = controller();
    let session = controller.session;
    // Steps that there are, all steps, the step shown.
    let steps = Memo::new(move |_| {
        session.with(|s| s.run().map_or((0, 0, 0), |run| (run.steps_done(), run.steps_total(), run.shown_step())))
    });
    let text = move || match steps.get() {
        (0, ..) => "no step yet".into(),
        (_, total, shown) => format!("step {shown} of {total}"),
    };
    let share = move || {
        let (done, _, shown) = steps.get();
        format!("{}%", 100.0 * f64::from(shown.saturating_sub(1)) / f64::from(done.saturating_sub(1).max(1)))
    };
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        let (done, _, shown) = steps.get();
        if let Some(input) = input.get() {
            // The limit first: the browser would clamp a value beyond the old one.
            input.set_max(&done.max(1).to_string());
            input.set_value(&shown.max(1).to_string());
        }
    });
    view! {
        <label class="scrubber">
            <span class="scrubber-label">"Step shown"</span>
            <input
                node_ref=input
                type="range"
                min="1"
                step="1"
                aria-label="Step shown"
                aria-valuetext=text
                disabled=move || steps.get().0 == 0
                style:--done=share
                on:input=move |event| {
                    if let Ok(step) = event_target_value(&event).parse() {
                        controller.select(Some(step));
                    }
                }
            />
            <output class="figures">{move || match steps.get() {
                (0, ..) => "–".into(),
                (_, total, shown) => format!("{shown} / {total}"),
            }}</output>
        </label>
    }
}
