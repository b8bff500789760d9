//! What went wrong, what to do about it, and the button that does it.

use super::controller;
use crate::{browser, session::EngineState};
use leptos::prelude::*;
use protocol::{Failure, FailureKind};

const fn title(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::NoGpu => "No usable WebGPU",
        FailureKind::OutOfMemory => "Out of memory",
        FailureKind::DeviceLost => "The graphics device went away",
        FailureKind::Network => "A file did not arrive",
        FailureKind::BadModel => "The model cannot be used",
        FailureKind::BadRequest => "This cannot be made",
        FailureKind::Bug => "Something broke",
    }
}

/// The latest failure as a card; nothing where there is none.
#[component]
pub fn FailureCard() -> impl IntoView {
    let controller = controller();
    let session = controller.session;
    let engine = Memo::new(move |_| {
        session.with(|session| match &session.engine {
            EngineState::Failed(failure) => Some(failure.clone()),
            _ => None,
        })
    });
    // Dismissing does not heal the engine: Generate tries it again.
    let dismissed = RwSignal::new(None);
    let failure = Memo::new(move |_| {
        let job = session.with(|session| session.failure.clone());
        engine.get().filter(|failure| dismissed.with(|dismissed| dismissed.as_ref() != Some(failure))).or(job)
    });
    Effect::new(move |_| {
        if failure.with(Option::is_some) {
            browser::reveal("stage");
        }
    });
    let card = move |Failure { kind, message, hint }: Failure| {
        let retry = move |_| if engine.get_untracked().is_some() { controller.retry() } else { controller.generate() };
        view! {
            <div class="failure" role="alert">
                <h2>{title(kind)}</h2>
                <p>{message}</p>
                <p class="hint">{hint}</p>
                <div class="row">
                    <button type="button" on:click=retry>"Try again"</button>
                    <button type="button" class="quiet" on:click=move |_| {
                        dismissed.set(engine.get_untracked());
                        session.update(|session| session.failure = None);
                    }>"Dismiss"</button>
                </div>
            </div>
        }
    };
    move || failure.get().map(card)
}
