//! What the link does that was just opened: which settings it brings, what starts, what is missing.

use super::controller;
use crate::format;
use leptos::prelude::*;

/// One notice; it goes when it is dismissed, and when the reader goes on to something else.
#[component]
pub fn LinkNotice() -> impl IntoView {
    let controller = controller();
    let opened = controller.opened;
    let missing = move || controller.offer.get().map(|offer| (offer.entry.name, format::bytes(offer.missing)));
    let words = move || {
        let missing = missing();
        let download = missing.as_ref().map(|(name, size)| (name.as_str(), size.as_str()));
        opened.with(|opened| opened.as_ref().map(|it| format!("{} {}", it.settings(), it.what_happens(download))))
    };
    view! {
        <Show when=move || opened.with(Option::is_some)>
            <div class="notice link-notice" role="note" aria-label="The link">
                <p>{words}</p>
                <button type="button" class="icon-button" aria-label="Dismiss" on:click=move |_| opened.set(None)>"✕"</button>
            </div>
        </Show>
    }
}
