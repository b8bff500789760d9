//! The banner: what the user should know and need not act on.

use super::{controller, link_notice::LinkNotice};
use leptos::prelude::*;

/// Sentences, each with a button that dismisses it.
#[component]
pub fn Notices() -> impl IntoView {
    let controller = controller();
    let (session, update_ready) = (controller.session, controller.update_ready);
    let is_busy = move || controller.is_busy();
    let notices = Memo::new(move |_| session.with(|session| session.notices.clone()));
    view! {
        <div class="notices">
            <LinkNotice/>
            <Show when=move || update_ready.get()>
                <div class="notice" role="note">
                    <p>"A new version of Stepscope is ready. "
                        {move || is_busy().then_some("It can be loaded when the run has ended.")}</p>
                    <button type="button" disabled=is_busy on:click=move |_| controller.take_update()>"Load it"</button>
                    <button type="button" class="icon-button" aria-label="Later" on:click=move |_| update_ready.set(false)>"✕"</button>
                </div>
            </Show>
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
