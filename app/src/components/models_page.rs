//! What is installed, what it says of itself, and what could be.

use super::{controller, loading::Loading, page_link::PageLink};
use crate::{catalog::Entry, field::Field, format, page::Page, session::EngineState};
use leptos::prelude::*;
use protocol::ModelInfo;

fn rows(model: &ModelInfo) -> Vec<(&'static str, String)> {
    let defaults = &model.defaults;
    let mut rows = vec![
        ("Parameters", format::count(model.parameters)),
        ("Weights", format::bytes(model.bytes)),
        ("Picture", format!("{} × {} px", defaults.width, defaults.height)),
        (
            "Latents",
            format!(
                "{} × {}",
                defaults.width / model.vae_scale_factor.max(1),
                defaults.height / model.vae_scale_factor.max(1)
            ),
        ),
        ("Prompt", format!("up to {} tokens", model.max_prompt_tokens)),
        (
            "Starts with",
            format!("{} steps, {}, guidance {}", defaults.steps, defaults.scheduler.label(), defaults.guidance),
        ),
    ];
    let from_picture = match (model.has_encoder, model.needs_mask) {
        (_, true) => "always, with a mask over what is to change",
        (true, false) => "can, with or without a mask",
        (false, false) => "cannot: it came without its encoder",
    };
    rows.push(("From a picture", from_picture.into()));
    if let Some([fewest, most]) = model.trained_steps {
        rows.push(("Made for", format!("{fewest} to {most} steps")));
    }
    rows.push(("Licence", model.license.clone().unwrap_or_else(|| "not stated".into())));
    rows
}

/// Every model of the list: the loaded one with its facts, the others with what they would cost.
#[component]
pub fn ModelsPage() -> impl IntoView {
    let controller = controller();
    let loaded = Memo::new(move |_| controller.session.with(|session| session.model.clone()));
    view! {
        <article class="document">
            <h1>"Models"</h1>
            <p class="lead">"What is on this device. Models run here; nothing that you type leaves the page."</p>
            <For each=move || controller.models.get() key=|entry| entry.id.clone() let:entry>
                <section class="card">
                    <h2>{entry.name.clone()}</h2>
                    {move || match loaded.get().filter(|model| model.id == entry.id) {
                        Some(model) => view! { <Facts model/> }.into_any(),
                        None => view! { <Choice entry=entry.clone()/> }.into_any(),
                    }}
                </section>
            </For>
            <p><PageLink page=Page::Run>"Make a picture"</PageLink></p>
        </article>
    }
}

#[component]
fn Facts(model: ModelInfo) -> impl IntoView {
    view! {
        <p class="badge">"Loaded"</p>
        <dl class="facts">
            {rows(&model).into_iter().map(|(label, value)| view! {
                <div><dt>{label}</dt><dd>{value}</dd></div>
            }).collect_view()}
        </dl>
    }
}

#[component]
fn Choice(entry: Entry) -> impl IntoView {
    let controller = controller();
    let (name, id, bytes) = (entry.name.clone(), entry.id.clone(), entry.bytes);
    let missing = LocalResource::new({
        let id = id.clone();
        move || {
            let id = id.clone();
            async move { controller.missing_bytes(&id).await }
        }
    });
    let state = move || match missing.get() {
        None => String::new(),
        Some(Some(0)) => format!("On this device, {}.", format::bytes(bytes)),
        Some(Some(missing)) if missing < bytes => {
            format!("{} of {} are still to be downloaded.", format::bytes(missing), format::bytes(bytes))
        }
        Some(_) => format!("Not on this device: {} to download.", format::bytes(bytes)),
    };
    let is_coming = Memo::new({
        let id = id.clone();
        move |_| {
            let is_loading = controller.session.with(|session| matches!(session.engine, EngineState::Loading { .. }));
            is_loading && controller.settings.with(|settings| settings.get(Field::Model) == id)
        }
    });
    view! {
        <p class="hint">{state}</p>
        <Show when=move || is_coming.get()><Loading/></Show>
        <button type="button" aria-label=format!("Use this model: {name}") on:click=move |_| controller.choose_model(&id)>
            "Use this model"
        </button>
    }
}
