//! Where common advice about steps is wrong, each with a source and a demonstration that runs here.

use super::{
    controller,
    expert_texts::{NOTES, Note},
    page_link::is_plain,
};
use leptos::prelude::*;

fn note(note: &'static Note) -> impl IntoView {
    let sources = note.sources.iter().map(|(label, address)| {
        view! { <li><a href=*address target="_blank" rel="noreferrer">{*label}</a></li> }
    });
    let controller = controller();
    let demos = note.demos.iter().map(|(label, fragment)| {
        let follow = move |event: web_sys::MouseEvent| {
            if is_plain(&event) {
                event.prevent_default();
                controller.follow_link(fragment);
            }
        };
        view! { <a class="demo" href=format!("#{fragment}") on:click=follow>{*label}</a> }
    });
    view! {
        <article>
            <h3>{note.claim}</h3>
            <p>{note.truth}</p>
            <p class="demos"><span>"See it here: "</span>{demos.collect_view()}</p>
            <p class="field-hint">{note.look}</p>
            <ul class="sources" aria-label="Sources">{sources.collect_view()}</ul>
        </article>
    }
}

/// Folded away at the end of the page.
#[component]
pub fn ExpertNotes() -> impl IntoView {
    view! {
        <details class="disclosure notes">
            <summary><h2>"Expert notes: where common advice about steps is wrong"</h2></summary>
            <p class="hint">
                "Much that is written about sampling steps is about training. Each note says what holds when a trained \
                 model makes a picture; the links fill the form and run it."
            </p>
            <div class="notes-list">{NOTES.iter().map(note).collect_view()}</div>
        </details>
    }
}
