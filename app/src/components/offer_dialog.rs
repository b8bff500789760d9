//! The question before a download: what, how much, and that it stays on this device.

use super::controller;
use crate::format;
use leptos::{html, prelude::*};

/// A modal that asks whether to download the model that was chosen, or that a link names.
#[component]
pub fn OfferDialog() -> impl IntoView {
    let controller = controller();
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let (Some(dialog), is_open) = (dialog.get(), controller.offer.with(Option::is_some)) else { return };
        match is_open {
            true if !dialog.open() => drop(dialog.show_modal()),
            false if dialog.open() => dialog.close(),
            _ => {}
        }
    });
    let text = move || {
        let offer = controller.offer.get()?;
        Some((offer.entry.name, format::bytes(offer.missing)))
    };
    view! {
        <dialog
            node_ref=dialog
            class="dialog"
            aria-labelledby="offer-title"
            aria-describedby="offer-text"
            // Escape means no.
            on:close=move |_| controller.answer_offer(false)
        >
            <h2 id="offer-title">{move || text().map(|(name, _)| format!("Download {name}?"))}</h2>
            <p id="offer-text" class="hint">
                {move || text().map(|(_, size)| format!(
                    "It is not on this device yet: {size} will be downloaded, once, and kept for offline use."
                ))}
            </p>
            <div class="row">
                <button type="button" class="primary" on:click=move |_| controller.answer_offer(true)>
                    {move || text().map(|(_, size)| format!("Download {size}"))}
                </button>
                <button type="button" on:click=move |_| controller.answer_offer(false)>"Not now"</button>
            </div>
        </dialog>
    }
}
