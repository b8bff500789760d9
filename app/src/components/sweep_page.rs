//! The Sweep page: what to vary at the left, what came out at the right.

use super::{
    controller,
    sweep::{
        BudgetPanel, CellViewer, LessonPanel, RecheckPanel, Shown, SweepActions, SweepCharts, SweepFields, SweepGrid,
        SweepProgress, VerdictPanel,
    },
};
use leptos::prelude::*;

/// One prompt over many step counts: how few are enough?
#[component]
pub fn SweepPage() -> impl IntoView {
    provide_context(Shown::new());
    let started = move || controller().sweep.with(|sweep| sweep.grid.is_some());
    view! {
        <div class="run-page sweep-page">
            <form class="form" aria-label="Sweep settings" novalidate on:submit=|event| event.prevent_default()>
                <h1>"Sweep"</h1>
                <p class="hint">"The same pictures at several step counts, to find how few are enough. What is made is kept."</p>
                <SweepFields/>
                <SweepActions/>
            </form>
            <div class="sweep-results">
                <SweepProgress/>
                <VerdictPanel/>
                <SweepGrid/>
                <SweepCharts/>
                <div class="sweep-panels" hidden=move || !started()>
                    <BudgetPanel/>
                    <RecheckPanel/>
                </div>
                <LessonPanel/>
            </div>
            <CellViewer/>
        </div>
    }
}
