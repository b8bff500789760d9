//! What the sweep will take, and the buttons that start, stop and share it.

use super::controller;
use crate::{
    format,
    sweep::{Purpose, Sweep, words::count},
};
use leptos::prelude::*;

/// The estimate, Start, Cancel, and what can be taken away.
#[component]
pub fn SweepActions() -> impl IntoView {
    let controller = controller();
    let sweep = controller.sweep;
    let running = Memo::new(move |_| sweep.with(Sweep::is_running) || controller.sweep_queued.get());
    let version = Memo::new(move |_| sweep.with(|sweep| (sweep.version, sweep.form.clone(), sweep.grid.clone())));
    let estimate = Memo::new(move |_| {
        // `track` alone would not compute a memo that nobody reads, and it would never hear of a change.
        version.with(|_| ());
        controller.settings.track();
        controller.session.with(|session| session.model.is_some());
        untrack(|| Some(controller.estimate(&[&controller.sweep_planned().ok()?])))
    });
    let unmeasured = move || estimate.get().is_some_and(|estimate| estimate.missing > 0 && estimate.seconds.is_none());
    let words = move || match estimate.get() {
        None => controller.sweep_planned().err().unwrap_or_default(),
        Some(it) if it.missing == 0 => format!("All {} are here already.", count(it.runs, "run")),
        Some(it) => {
            let runs = match it.runs - it.missing {
                0 => count(it.runs, "run"),
                here => format!("{} of {} to make, {here} here already", it.missing, count(it.runs, "run")),
            };
            let memory =
                format!("{} of pictures, the same model memory at any number of steps", format::bytes(it.bytes));
            match it.seconds {
                Some(seconds) => format!("{runs}: about {}; {memory}.", format::duration(seconds * 1000.0)),
                None => format!(
                    "{runs}; {memory}. Nothing like it was measured on this device yet: a run of 4 steps does that first."
                ),
            }
        }
    };
    let label = move || {
        let started = sweep.with(|sweep| sweep.grid.clone());
        let same = started.is_some() && started == controller.sweep_planned().ok();
        let part = estimate.get().is_some_and(|estimate| (1..estimate.runs).contains(&estimate.missing));
        if same && part { "Resume sweep" } else { "Start sweep" }
    };
    let complete = move || estimate.get().is_some_and(|estimate| estimate.missing == 0);
    let nothing = move || sweep.with(|sweep| sweep.grid.is_none() || sweep.version == 0);
    let calibrating = move || sweep.with(|sweep| sweep.purpose() == Some(Purpose::Calibration));
    view! {
        <p class="sweep-estimate figures" id="sweep-estimate">{words}</p>
        <p class="hint" hidden=move || !calibrating()>"Measuring this device with a short run."</p>
        <button type="button" class="small quiet" hidden=move || !unmeasured() || running.get() on:click=move |_| controller.calibrate()>
            "Measure this device"
        </button>
        <div class="actions">
            <button
                type="button" class="primary" aria-describedby="sweep-estimate"
                disabled=move || running.get() || (complete() && !nothing())
                on:click=move |_| controller.start_sweep()
            >{label}</button>
            <button type="button" disabled=move || !running.get() on:click=move |_| controller.cancel_sweep()>"Cancel"</button>
            <p class="hint queued" hidden=move || !controller.sweep_queued.get()>"Starts when the model is ready."</p>
        </div>
        <div class="row sweep-share">
            <button type="button" class="small" on:click=move |_| controller.copy_sweep_link()>"Copy link"</button>
            <button type="button" class="small" on:click=move |_| controller.share_sweep()>"Share"</button>
            <button type="button" class="small" disabled=nothing on:click=move |_| controller.export_sweep()>"Export CSV"</button>
        </div>
    }
}
