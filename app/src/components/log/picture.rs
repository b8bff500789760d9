//! The picture of a run, read from the store when it comes near the screen.

use super::super::controller;
use crate::browser;
use leptos::prelude::*;

/// A picture of a fixed size, blank until it is read. Its prompt stands beside it, so it has no name of its own.
#[component]
pub fn Picture(id: String) -> impl IntoView {
    let journal = controller().journal;
    let url = RwSignal::new(None::<String>);
    leptos::task::spawn_local(async move {
        let Some(png) = journal.picture(&id).await else { return };
        // The entry may be gone by now.
        if let Some(address) = browser::object_url(&png, "image/png")
            && url.try_set(Some(address.clone())).is_some()
        {
            browser::revoke_url(&address);
        }
    });
    on_cleanup(move || {
        if let Some(Some(url)) = url.try_get_untracked() {
            browser::revoke_url(&url);
        }
    });
    view! { <img class="log-picture" alt="" width="96" height="96" src=move || url.get()/> }
}
