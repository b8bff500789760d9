//! Which of a step's two pictures the canvas shows.

use super::controller;
use leptos::prelude::*;
use protocol::View;

/// Predicted picture, or the latents with their noise.
#[component]
pub fn ViewToggle() -> impl IntoView {
    let controller = controller();
    let option = move |view: View, label: &'static str| {
        view! {
            <button
                type="button"
                aria-pressed=move || (controller.view.get() == view).to_string()
                on:click=move |_| controller.show(view)
            >{label}</button>
        }
    };
    view! {
        <div class="toggle" role="group" aria-label="What each step shows">
            {option(View::Denoised, "Predicted picture (x0)")}
            {option(View::Noisy, "Noisy latents")}
        </div>
    }
}
