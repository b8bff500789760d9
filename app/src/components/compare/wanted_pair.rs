//! The pair that a link asked for, until both of its pictures are there.

use super::controller;
use leptos::prelude::*;

/// What is going on, and a button where it was given up.
#[component]
pub fn WantedPair() -> impl IntoView {
    let controller = controller();
    let state = Memo::new(move |_| controller.is_making_pair());
    let milestone = move || controller.session.with(|session| session.milestone.clone());
    view! {
        <Show when=move || state.get().is_some()>
            <div class="row wanted-pair">
                <p class="figures" role="status">
                    {move || if state.get() == Some(true) { milestone() } else { "The pictures of the link are not complete.".into() }}
                </p>
                {move || match state.get() {
                    Some(true) => view! { <button type="button" on:click=move |_| controller.cancel()>"Cancel"</button> }.into_any(),
                    _ => view! { <button type="button" on:click=move |_| controller.make_wanted()>"Make them"</button> }.into_any(),
                }}
            </div>
        </Show>
    }
}
