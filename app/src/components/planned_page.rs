//! Pages that are not built yet say so, and what they will do.

use super::page_link::PageLink;
use crate::page::Page;
use leptos::prelude::*;

const fn plan(page: Page) -> (&'static str, [&'static str; 3]) {
    match page {
        Page::Sweep => (
            "One prompt over many step counts, to find how few are enough.",
            [
                "Runs a prompt at, say, 2, 4, 8, 16 and 32 steps over several seeds.",
                "Measures how far each result is from the longest run, and how long it took on this device.",
                "Recommends the smallest number of steps whose picture no longer changes.",
            ],
        ),
        Page::Run | Page::Compare | Page::Log | Page::Models => (
            "What was run before on this device.",
            [
                "Keeps settings, timings and a small picture of each run, in this browser only.",
                "Brings any of them back with one press.",
                "Exports the list as a file.",
            ],
        ),
    }
}

/// An honest placeholder.
#[component]
pub fn PlannedPage(
    /// Which page.
    page: Page,
) -> impl IntoView {
    let (lead, points) = plan(page);
    view! {
        <article class="document">
            <p class="badge">"Planned"</p>
            <h1>{page.label()}</h1>
            <p class="lead">{lead}</p>
            <ul>{points.map(|point| view! { <li>{point}</li> })}</ul>
            <p class="hint">"This page is not built yet. Until then, one run at a time is all yours:"</p>
            <p><PageLink page=Page::Run class="button">"Back to Run"</PageLink></p>
        </article>
    }
}
