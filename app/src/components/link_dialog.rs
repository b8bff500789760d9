//! The link, selected, for when the clipboard is closed to the page.

use super::controller;
use leptos::{html, prelude::*};

/// A modal with the link in a field.
#[component]
pub fn LinkDialog() -> impl IntoView {
    let link = controller().link_by_hand;
    let dialog = NodeRef::<html::Dialog>::new();
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let (Some(link), Some(dialog), Some(input)) = (link.get(), dialog.get(), input.get()) {
            input.set_value(&link);
            if !dialog.open() && dialog.show_modal().is_ok() {
                input.select();
            }
        }
    });
    view! {
        <dialog node_ref=dialog class="dialog" aria-labelledby="link-title" on:close=move |_| link.set(None)>
            <form method="dialog">
                <h2 id="link-title">"Copy this link"</h2>
                <p class="hint">"The browser does not let the page use the clipboard, so copy it from here."</p>
                <input node_ref=input type="text" readonly aria-label="Link"/>
                <div class="row"><button type="submit">"Close"</button></div>
            </form>
        </dialog>
    }
}
