//! A part of the form that is folded away until it is wanted.

use leptos::{html, prelude::*};

/// The platform's own disclosure; it stays as the user left it.
#[component]
pub fn Disclosure(
    /// What is in it.
    title: &'static str,
    /// Whether it is open.
    open: RwSignal<bool>,
    /// A few words on what is set inside, for when it is closed.
    #[prop(into)]
    note: Signal<String>,
    /// What is in it.
    children: Children,
) -> impl IntoView {
    let details = NodeRef::<html::Details>::new();
    view! {
        <details
            node_ref=details
            class="disclosure"
            prop:open=move || open.get()
            on:toggle=move |_| {
                if let Some(details) = details.get() {
                    open.set(details.open());
                }
            }
        >
            <summary>
                <span>{title}</span>
                <span class="disclosure-note" hidden=move || note.with(String::is_empty)>{note}</span>
            </summary>
            <div class="disclosure-body">{children()}</div>
        </details>
    }
}
