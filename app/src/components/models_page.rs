//! What is installed, and what it says of itself.

use super::{controller, page_link::PageLink};
use crate::{format, page::Page};
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

/// The loaded model; others will join it here.
#[component]
pub fn ModelsPage() -> impl IntoView {
    let session = controller().session;
    let model = Memo::new(move |_| session.with(|session| session.model.clone()));
    view! {
        <article class="document">
            <h1>"Models"</h1>
            <p class="lead">"What is on this device. Models run here; nothing that you type leaves the page."</p>
            {move || match model.get() {
                Some(model) => view! {
                    <section class="card">
                        <h2>{model.display_name.clone()}</h2>
                        <dl class="facts">
                            {rows(&model).into_iter().map(|(label, value)| view! {
                                <div><dt>{label}</dt><dd>{value}</dd></div>
                            }).collect_view()}
                        </dl>
                    </section>
                }.into_any(),
                None => view! { <p class="hint">"The model is still loading."</p> }.into_any(),
            }}
            <p><PageLink page=Page::Run>"Make a picture"</PageLink></p>
        </article>
    }
}
