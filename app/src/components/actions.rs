//! Generate and Cancel. On a phone they stick to the bottom, where the thumb is.

use super::controller;
use crate::session::Session;
use leptos::prelude::*;

/// Generate stays enabled while a picture is being made: it starts again with what the form says now.
#[component]
pub fn Actions() -> impl IntoView {
    let controller = controller();
    let is_idle = move || !controller.session.with(Session::is_running) && !controller.queued.get();
    view! {
        <div class="actions">
            <button type="button" class="primary" aria-keyshortcuts="Control+Enter" on:click=move |_| controller.generate()>
                "Generate"
            </button>
            <button type="button" disabled=is_idle on:click=move |_| controller.cancel()>"Cancel"</button>
            <p class="hint queued" hidden=move || !controller.queued.get()>"Starts when the model is ready."</p>
        </div>
    }
}
