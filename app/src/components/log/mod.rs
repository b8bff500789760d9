//! The Log page: every run of this browser, what changed from one to the next, notes, export.

mod entry;
mod picture;
mod tools;

use super::{controller, page_link::PageLink};
use crate::page::Page;
use entry::Entry;
use lab::log::Search;
use leptos::prelude::*;
use tools::Tools;

/// Entries that are in the document at first, and that "Show more" adds: each has a picture to load.
const PAGE: usize = 40;

/// The list with its search and its tools.
#[component]
pub fn LogPage() -> impl IntoView {
    let journal = controller().journal;
    let query = RwSignal::new(String::new());
    let limit = RwSignal::new(PAGE);
    let found = Memo::new(move |_| {
        let search = Search::parse(&query.get());
        journal.records.with(|records| {
            records.iter().filter(|record| search.matches(record)).map(|record| record.id.clone()).collect::<Vec<_>>()
        })
    });
    let total = Memo::new(move |_| journal.records.with(Vec::len));
    let shown = Memo::new(move |_| found.with(|ids| ids.iter().take(limit.get()).cloned().collect::<Vec<_>>()));
    let count = move || match (found.with(Vec::len), total.get()) {
        (1, 1) => "1 run".to_owned(),
        (found, total) if found == total => format!("{total} runs"),
        (found, total) => format!("{found} of {total} runs"),
    };
    view! {
        <article class="document log">
            <h1>"Log"</h1>
            <p class="lead">"Every run is kept here, in this browser only. Nothing leaves the page unless you export it."</p>
            <Show when=move || journal.problem.with(Option::is_some)>
                <p class="field-error" role="alert">
                    {move || journal.problem.get()} " Runs are shown here until the page is closed; export them to keep them."
                </p>
            </Show>
            <Show
                when=move || total.get() != 0 || journal.deleted.with(|gone| !gone.is_empty())
                fallback=|| view! {
                    <p class="hint">"Nothing was run yet."</p>
                    <p><PageLink page=Page::Run class="button">"Make a picture"</PageLink></p>
                }
            >
                <div class="log-search field">
                    <label for="log-query">"Search"</label>
                    <input
                        id="log-query" type="search" placeholder="heart steps:20 star" autocomplete="off"
                        on:input=move |event| query.set(event_target_value(&event))
                    />
                    <p class="hint">
                        "Words anywhere; " <code>"steps:20"</code> ", " <code>"sampler:karras"</code> ", " <code>"seed:7"</code>
                        ", " <code>"note:sharp"</code> "; " <code>"star"</code> " for what you marked."
                    </p>
                </div>
                <p class="figures" aria-live="polite">{count}</p>
            </Show>
            <Tools found=found/>
            <ol class="log-list" aria-label="Runs" aria-busy=move || (journal.writing.get() > 0).to_string()>
                <For each=move || shown.get() key=String::clone let:id><Entry id/></For>
            </ol>
            <Show when=move || { limit.get() < found.with(Vec::len) }>
                <button type="button" on:click=move |_| limit.update(|limit| *limit += PAGE)>"Show more"</button>
            </Show>
        </article>
    }
}
