//! A field of the sweep's form: text, what it may be, and what is wrong with it.

use super::controller;
use crate::sweep::form::SweepForm;
use leptos::prelude::*;

/// A labelled text field, or one of several lines.
#[component]
pub fn TextField(
    /// `id` of the control.
    id: &'static str,
    /// Label and accessible name.
    #[prop(into)]
    name: Signal<String>,
    /// Reads the field.
    get: fn(&SweepForm) -> &String,
    /// The field, to be changed.
    set: fn(&mut SweepForm) -> &mut String,
    /// What is wrong with it.
    #[prop(into)]
    problem: Signal<Option<String>>,
    /// What may be typed, or what empty means.
    #[prop(into)]
    hint: Signal<String>,
    /// Shown while it is empty.
    #[prop(into, optional)]
    placeholder: Signal<String>,
    /// Whether it has several lines.
    #[prop(optional)]
    lines: bool,
    /// What the Enter key does.
    #[prop(optional)]
    enter: Option<Callback<()>>,
) -> impl IntoView {
    let sweep = controller().sweep;
    let text = move || sweep.with(|sweep| get(&sweep.form).clone());
    let input = move |event| sweep.update(|sweep| *set(&mut sweep.form) = event_target_value(&event));
    let is_bad = move || problem.with(Option::is_some).to_string();
    let described = format!("{id}-error {id}-hint");
    view! {
        <div class="field">
            <label for=id>{name}</label>
            {if lines {
                view! {
                    <textarea id=id rows="2" aria-invalid=is_bad aria-describedby=described prop:value=text placeholder=placeholder on:input=input></textarea>
                }.into_any()
            } else {
                view! {
                    <input
                        id=id
                        class="number"
                        type="text"
                        autocomplete="off"
                        spellcheck="false"
                        aria-invalid=is_bad
                        aria-describedby=described
                        placeholder=placeholder
                        prop:value=text
                        on:input=input
                        on:keydown=move |event| {
                            if let (true, Some(enter)) = (event.key() == "Enter", enter) {
                                enter.run(());
                            }
                        }
                    />
                }.into_any()
            }}
            <p class="field-error" id=format!("{id}-error")>{problem}</p>
            <p class="field-hint" id=format!("{id}-hint")>{hint}</p>
        </div>
    }
}
