//! What can be done with the whole log: export, import, delete, undo; and how much room it takes.

use super::super::controller;
use crate::{browser, format};
use leptos::{html, prelude::*};

/// The row of buttons above the list.
#[component]
pub fn Tools(
    /// The runs that the search has found.
    found: Memo<Vec<String>>,
) -> impl IntoView {
    let controller = controller();
    let journal = controller.journal;
    let file = NodeRef::<html::Input>::new();
    let is_asking = RwSignal::new(false);
    let has_runs = move || found.with(|found| !found.is_empty());
    let room = LocalResource::new(move || {
        journal.records.track();
        browser::storage_used()
    });
    let gone = move || match journal.deleted.with(Vec::len) {
        1 => "Bring the run back".to_owned(),
        n => format!("Bring {n} runs back"),
    };
    view! {
        <div class="row">
            <Show when=has_runs>
                <button type="button" on:click=move |_| controller.export_log(true)>"Export CSV"</button>
                <button type="button" on:click=move |_| controller.export_log(false)>"Export JSON"</button>
            </Show>
            <button type="button" on:click=move |_| file.get().into_iter().for_each(|file| file.click())>"Import JSON"</button>
            <input
                node_ref=file type="file" accept=".json,application/json" hidden aria-label="Log to import"
                on:change=move |_| {
                    let Some(input) = file.get() else { return };
                    if let Some(chosen) = input.files().and_then(|files| files.get(0)) {
                        controller.import_log(chosen);
                    }
                    // The same file can be chosen again.
                    input.set_value("");
                }
            />
            <Show when=has_runs>
                <button type="button" on:click=move |_| {
                    if is_asking.get_untracked() {
                        controller.delete_records(found.get_untracked());
                    }
                    is_asking.update(|asking| *asking = !*asking);
                }>{move || match (is_asking.get(), found.with(Vec::len)) {
                    (false, _) => "Delete all".to_owned(),
                    (true, 1) => "Really delete the run".to_owned(),
                    (true, n) => format!("Really delete {n} runs"),
                }}</button>
                <Show when=move || is_asking.get()>
                    <button type="button" on:click=move |_| is_asking.set(false)>"Keep them"</button>
                </Show>
            </Show>
            <Show when=move || journal.deleted.with(|gone| !gone.is_empty())>
                <button type="button" on:click=move |_| controller.undelete()>{gone}</button>
            </Show>
        </div>
        {move || journal.import_error.get().map(|error| view! { <p class="field-error" role="alert">{error}</p> })}
        {move || room.get().flatten().map(|bytes| view! {
            <p class="hint">{format!("This page keeps {} on this device, models included.", format::bytes(bytes))}</p>
        })}
    }
}
