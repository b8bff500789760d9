//! Every step of the run in figures: the table behind the curve.

use super::controller;
use crate::{format, frames::Frame, terms::percent};
use leptos::{html, prelude::*};

/// Folded away; its rows are made when it is opened.
#[component]
pub fn StepTable() -> impl IntoView {
    let session = controller().session;
    let is_open = RwSignal::new(false);
    let details = NodeRef::<html::Details>::new();
    let rows = move || {
        if !is_open.get() {
            return None;
        }
        session.with(|s| {
            let run = s.run()?;
            let row = |step: u32| {
                let eval = run.evals_of(step).next();
                let frame = run.frames.get(step as usize - 1);
                let planned = |value: Option<f64>| value.map_or("–".into(), format::figure);
                let measured = |pick: &dyn Fn(&Frame) -> Option<String>| frame.and_then(pick).unwrap_or("–".into());
                view! {
                    <tr>
                        <th scope="row">{step}</th>
                        <td>{planned(eval.map(|eval| eval.timestep))}</td>
                        <td>{planned(eval.map(|eval| eval.sigma))}</td>
                        <td>{planned(eval.map(|eval| eval.alpha_bar))}</td>
                        <td>{measured(&|frame| frame.report.change.map(format::figure))}</td>
                        <td>{measured(&|frame| frame.changed.map(percent))}</td>
                        <td>{measured(&|frame| Some(format::duration(frame.report.ms)))}</td>
                    </tr>
                }
            };
            Some((1..=run.steps_total()).map(row).collect_view())
        })
    };
    view! {
        <details
            node_ref=details
            class="disclosure"
            on:toggle=move |_| is_open.set(details.get().is_some_and(|details| details.open()))
        >
            <summary>"All steps as a table"</summary>
            <div class="table-scroll" tabindex="0" role="region" aria-label="All steps as a table">
                <table class="figures">
                    <thead>
                        <tr>
                            <th scope="col">"Step"</th><th scope="col">"Timestep"</th><th scope="col">"σ"</th>
                            <th scope="col">"ᾱ"</th><th scope="col">"Change of x0"</th>
                            <th scope="col">"Picture changed"</th><th scope="col">"Time"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    }
}
