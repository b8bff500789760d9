//! The finished pictures of this visit; a click shows one with all its steps.

use super::controller;
use crate::{paint, run::Run};
use leptos::{html, prelude::*};

/// A row of pictures, once there is more than one.
#[component]
pub fn GalleryStrip() -> impl IntoView {
    let controller = controller();
    let jobs = Memo::new(move |_| {
        controller.session.with(|session| session.gallery.finished().map(|run| run.job).collect::<Vec<_>>())
    });
    view! {
        <Show when=move || jobs.with(|jobs| jobs.len() > 1)>
            <div class="gallery" role="group" aria-label="Gallery">
                <For each=move || jobs.get() key=|job| *job children=|job| view! { <Picture job=job/> }/>
            </div>
        </Show>
    }
}

/// One finished picture.
#[component]
fn Picture(
    /// Its run.
    job: u32,
) -> impl IntoView {
    let controller = controller();
    let session = controller.session;
    let canvas = NodeRef::<html::Canvas>::new();
    let find = move |pick: &dyn Fn(&Run) -> String| {
        session.with(|session| session.gallery.finished().find(|run| run.job == job).map(pick)).unwrap_or_default()
    };
    let name =
        Memo::new(move |_| find(&|run| format!("Picture with seed {}: {}", run.request.seed, run.request.prompt)));
    let is_shown = Memo::new(move |_| session.with(|session| session.run().is_some_and(|run| run.job == job)));
    Effect::new(move |_| {
        let pixels =
            session.with_untracked(|session| session.gallery.finished().find(|run| run.job == job)?.picture.clone());
        if let (Some(canvas), Some(pixels)) = (canvas.get(), pixels) {
            paint::exactly(&canvas, &pixels);
            // The newest is the last: it comes into sight.
            if let Some(strip) = canvas.closest(".gallery").ok().flatten() {
                strip.set_scroll_left(strip.scroll_width());
            }
        }
    });
    view! {
        <button
            type="button"
            aria-label=name
            title=name
            aria-pressed=move || is_shown.get().to_string()
            on:click=move |_| controller.pick(job)
        ><canvas node_ref=canvas aria-hidden="true" width="1" height="1"></canvas></button>
    }
}
