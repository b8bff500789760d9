//! The banner: what the user should know and need not act on.

use super::controller;
use leptos::prelude::*;

/// Sentences, each with a button that dismisses it.
#[component]
pub fn Notices() -> impl IntoView {
    let session = controller().session;
    let notices = Memo::new(move |_| session.with(|session| session.notices.clone()));
    view! {
        <div class="notices">
            <For each=move || notices.get() key=String::clone let:notice>
                <div class="notice" role="note">
                    <p>{notice.clone()}</p>
                    <button type="button" class="icon-button" aria-label="Dismiss" on:click=move |_| {
                        session.update(|session| session.notices.retain(|other| *other != notice));
                    }>"✕"</button>
                </div>
            </For>
        </div>
    }
}
