//! What the picture should show, and what it should not.

use super::controller;
use crate::field::Field;
use leptos::prelude::*;

/// How many example prompts are offered.
const EXAMPLES: usize = 6;

/// Prompt, examples, negative prompt. Ctrl+Enter (or ⌘+Enter) generates.
#[component]
pub fn PromptFields() -> impl IntoView {
    let controller = controller();
    let examples = Memo::new(move |_| {
        let model = controller.session.with(|session| session.model.clone());
        model.map(|model| model.example_prompts.into_iter().take(EXAMPLES).collect::<Vec<_>>()).unwrap_or_default()
    });
    let has_none = move || {
        let is_known = controller.session.with(|session| session.model.is_some());
        is_known && examples.with(Vec::is_empty)
    };
    let text = move |field: Field| move || controller.settings.with(|settings| settings.get(field).to_owned());
    let input = move |field: Field| {
        move |event: web_sys::Event| {
            controller.settings.update(|settings| settings.set(field, event_target_value(&event)));
        }
    };
    let keys = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            controller.generate();
        }
    };
    let use_example = move |example: String| {
        move |_| controller.settings.update(|settings| settings.set(Field::Prompt, example.as_str()))
    };
    view! {
        <div class="field prompt">
            <label for=Field::Prompt.element_id()>"Prompt"</label>
            <textarea
                id=Field::Prompt.element_id()
                rows="2"
                spellcheck="true"
                placeholder="Empty works too: a picture of anything"
                prop:value=text(Field::Prompt)
                on:input=input(Field::Prompt)
                on:keydown=keys
            ></textarea>
            <div class="examples" role="group" aria-label="Example prompts" hidden=has_none>
                <For each=move || examples.get() key=String::clone let:example>
                    <button type="button" class="chip" on:click=use_example(example.clone())>{example.clone()}</button>
                </For>
            </div>
        </div>
        <div class="field">
            <label for=Field::Negative.element_id()>"Negative prompt"</label>
            <textarea
                id=Field::Negative.element_id()
                rows="1"
                placeholder="What it should not show"
                prop:value=text(Field::Negative)
                on:input=input(Field::Negative)
                on:keydown=keys
            ></textarea>
        </div>
    }
}
