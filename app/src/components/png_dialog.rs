//! What a picture's file tells of how it was made, before any of it goes into the form.

use super::controller;
use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

/// The button that reads the settings of a picture.
#[component]
pub fn PngButton() -> impl IntoView {
    let controller = controller();
    let choose = move |event: web_sys::Event| {
        let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        let Some(input) = input else { return };
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            controller.take_settings(file);
        }
        // The same file can be chosen again.
        input.set_value("");
    };
    view! {
        <label class="file-button quiet" title="As Stepscope, AUTOMATIC1111, ComfyUI or InvokeAI saved it">
            <input type="file" accept="image/png" on:change=choose/>
            <span>"Settings from a PNG"</span>
        </label>
    }
}

/// A modal that lists what is taken over and what is not.
#[component]
pub fn PngDialog() -> impl IntoView {
    let controller = controller();
    let offer = controller.png.offer;
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let (Some(dialog), is_open) = (dialog.get(), offer.with(Option::is_some)) else { return };
        match is_open {
            true if !dialog.open() => drop(dialog.show_modal()),
            false if dialog.open() => dialog.close(),
            _ => {}
        }
    });
    let title = move || offer.get().map(|offer| format!("{} by {}", offer.file, offer.program));
    let taken = move || offer.get().map(|offer| offer.taken).unwrap_or_default();
    let left_out = Memo::new(move |_| offer.get().map(|offer| offer.left_out).unwrap_or_default());
    view! {
        <dialog
            node_ref=dialog
            class="dialog png"
            aria-labelledby="png-title"
            // Escape means no.
            on:close=move |_| controller.decline_png()
        >
            <h2 id="png-title">{title}</h2>
            <dl class="png-taken">
                {move || taken().into_iter().map(|(label, value)| view! { <div><dt>{label}</dt><dd>{value}</dd></div> }).collect_view()}
            </dl>
            <Show when=move || left_out.with(|sentences| !sentences.is_empty())>
                <h3>"Not taken over"</h3>
                <ul class="png-left">
                    {move || left_out.get().into_iter().map(|sentence| view! { <li>{sentence}</li> }).collect_view()}
                </ul>
            </Show>
            <div class="row">
                <button type="button" class="primary" on:click=move |_| controller.accept_png()>"Use these settings"</button>
                <Show when=move || offer.with(Option::is_some) && controller.takes_pictures()>
                    <button type="button" on:click=move |_| controller.start_from_png()>"Start from the picture"</button>
                </Show>
                <button type="button" on:click=move |_| controller.decline_png()>"Cancel"</button>
            </div>
        </dialog>
    }
}
