//! How far the model's download is.

use super::controller;
use crate::{format, session::EngineState};
use leptos::prelude::*;

/// A bar with bytes and percent, over the stage, while the engine is loading.
#[component]
pub fn Loading() -> impl IntoView {
    let session = controller().session;
    let loading = Memo::new(move |_| {
        session.with(|session| match &session.engine {
            EngineState::Loading { what, received, total } => Some((what.clone(), *received, *total)),
            _ => None,
        })
    });
    let percent = move || {
        let (_, received, total) = loading.get()?;
        (total > 0).then(|| (100 * received.min(total) / total) as u32)
    };
    let figures = move || {
        let (_, received, total) = loading.get().unwrap_or_default();
        match percent() {
            Some(percent) => format!("{} of {} · {percent} %", format::bytes(received), format::bytes(total)),
            None if received > 0 => format::bytes(received),
            None => String::new(),
        }
    };
    view! {
        <Show when=move || loading.with(Option::is_some)>
            <div class="loading">
                <div class="loading-line"><strong>"Loading the model"</strong><span class="figures">{figures}</span></div>
                <div
                    class="bar"
                    class:indeterminate=move || percent().is_none()
                    role="progressbar"
                    aria-label="Loading the model"
                    aria-valuemin="0"
                    aria-valuemax="100"
                    aria-valuenow=percent
                    style:--done=move || format!("{}%", percent().unwrap_or(0))
                ></div>
                <p class="loading-what">{move || loading.get().map(|(what, ..)| what)}</p>
            </div>
        </Show>
    }
}
