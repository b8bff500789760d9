//! Image to image: a picture to start from instead of noise.

use super::{controller, disclosure::Disclosure, start_picture::StartPictureFields};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

/// The section; nothing for a model that came without its encoder.
#[component]
pub fn StartSection() -> impl IntoView {
    let controller = controller();
    let start = controller.start;
    let has_encoder = move || controller.session.with(|session| session.model.as_ref().is_some_and(|m| m.has_encoder));
    let note = Signal::derive(move || {
        let name = start.picture.with(|picture| picture.as_ref().map(|picture| picture.name.clone()));
        name.unwrap_or_default()
    });
    let choose = move |event: web_sys::Event| {
        let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        let Some(input) = input else { return };
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            controller.take_file(file);
        }
        // The same file can be chosen again.
        input.set_value("");
    };
    let has_picture = Memo::new(move |_| start.has_picture());
    view! {
        <Show when=has_encoder>
            <Disclosure title="Start from a picture" open=start.open note=note>
                <div class="drop" class:dragging=move || start.is_dragging.get()>
                    <label class="file-button">
                        <input type="file" accept="image/*" on:change=choose/>
                        <span>{move || if has_picture.get() { "Choose another picture" } else { "Choose a picture" }}</span>
                    </label>
                    <p class="hint">"or drop or paste one"</p>
                </div>
                {move || start.error.get().map(|error| view! { <p class="field-error" role="alert">{error}</p> })}
                <Show when=move || has_picture.get()><StartPictureFields/></Show>
            </Disclosure>
        </Show>
    }
}
