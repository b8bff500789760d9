//! The settings that the two do not share.

use super::controller;
use crate::compare::{Side, differences};
use leptos::prelude::*;

/// A table of what differs, A beside B.
#[component]
pub fn DifferencesCard() -> impl IntoView {
    let controller = controller();
    let told = Memo::new(move |_| {
        let (a, b) = (controller.compared(Side::A)?, controller.compared(Side::B)?);
        Some(differences(&a, &b))
    });
    let body = move || match told.get() {
        None => ().into_any(),
        Some(told) if told.is_empty() => view! { <p class="field-hint">"The same settings."</p> }.into_any(),
        Some(told) => {
            let row = |difference: crate::compare::Difference| {
                let [a, b] = difference.values;
                view! { <tr><th scope="row">{difference.name}</th><td>{a}</td><td>{b}</td></tr> }
            };
            view! {
                <table class="compare-settings">
                    <thead><tr><th scope="col">"Setting"</th><th scope="col">"A"</th><th scope="col">"B"</th></tr></thead>
                    <tbody>{told.into_iter().map(row).collect_view()}</tbody>
                </table>
            }
            .into_any()
        }
    };
    view! {
        <section class="inside-card" aria-labelledby="differences-title">
            <h2 id="differences-title">"What was set differently"</h2>
            {body}
        </section>
    }
}
