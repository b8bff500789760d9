//! How far the sweep is, when it will be done, and the status region of this page.

use super::controller;
use crate::{format, sweep::words::count};
use leptos::prelude::*;

/// The bar `Sweep`, its figures, what was predicted and what it took.
#[component]
pub fn SweepProgress() -> impl IntoView {
    let controller = controller();
    let progress = Memo::new(move |_| controller.sweep.with(|sweep| sweep.progress));
    let running = Memo::new(move |_| controller.sweep.with(|sweep| sweep.is_running()));
    let milestone = Memo::new(move |_| controller.session.with(|session| session.milestone.clone()));
    let share = move || {
        let [done, all] = progress.get().evaluations;
        if all == 0 { 0.0 } else { 100.0 * done as f64 / all as f64 }
    };
    let figures = move || {
        let it = progress.get();
        let runs = format!("{} of {}", it.done, count(it.all, "run"));
        let predicted = it.predicted.map(|seconds| format::duration(seconds * 1000.0));
        match (it.wall, running.get()) {
            (Some(wall), false) => {
                let before = predicted.map(|text| format!(" (predicted {text})")).unwrap_or_default();
                format!("{runs} in {}{before}", format::duration(wall * 1000.0))
            }
            (_, true) => match controller.sweep_left() {
                Some(left) => format!("{runs}, about {} left", format::duration(left * 1000.0)),
                None => runs,
            },
            _ => format!("{runs}; stopped"),
        }
    };
    let slow = move || {
        let slowdown = controller.sweep_slowdown()?;
        (slowdown > lab::budget::THROTTLING).then(|| {
            view! { <p class="remark">{format!("The device is {slowdown:.1} times slower than at its quickest: it throttles, or does something else besides. Predictions follow.")}</p> }
        })
    };
    let failure = move || {
        let failure = controller.sweep.with(|sweep| sweep.failure.clone())?;
        Some(view! {
            <div class="failure" role="alert"><h2>{failure.message}</h2><p class="hint">{failure.hint}</p></div>
        })
    };
    view! {
        <section class="progress" aria-label="Progress" hidden=move || progress.get().all == 0>
            <div
                class="bar" role="progressbar" aria-label="Sweep" aria-valuemin="0" aria-valuemax="100"
                aria-valuenow=move || format!("{:.0}", share())
                style:--done=move || format!("{}%", share())
            ></div>
            <p class="figures">{figures}</p>
            {slow}
        </section>
        {failure}
        <p class="status visually-hidden" role="status">{milestone}</p>
    }
}
