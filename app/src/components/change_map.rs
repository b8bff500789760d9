//! Where the step that is shown changed the predicted picture.

use super::controller;
use crate::{paint, run::Run, terms::percent};
use leptos::{html, prelude::*};

/// The change map of the step; the first step has none.
#[component]
pub fn ChangeMap() -> impl IntoView {
    let session = controller().session;
    let canvas = NodeRef::<html::Canvas>::new();
    let map = Memo::new(move |_| session.with(|s| s.run().and_then(Run::change_map)));
    let step = Memo::new(move |_| session.with(|s| s.run().map_or(0, Run::shown_step)));
    let share = move || session.with(|s| s.run()?.shown_frame()?.changed);
    Effect::new(move |_| {
        if let (Some(canvas), Some(pixels)) = (canvas.get(), map.get()) {
            paint::exactly(&canvas, &pixels);
        }
    });
    let text = move || match (step.get(), share()) {
        (_, Some(share)) => {
            format!("{} of it changed visibly; the brighter, the more, with the largest change white.", percent(share))
        }
        (0, _) => "From the second step on: where the predicted picture is not what it was before.".into(),
        _ => "The first step has no earlier prediction to compare with.".into(),
    };
    view! {
        <section class="inside-card change-card" aria-labelledby="change-title">
            <h2 id="change-title">"Where the prediction changed"</h2>
            <canvas
                node_ref=canvas
                role="img"
                aria-label=move || format!("Change at step {}", step.get())
                width="1"
                height="1"
                hidden=move || map.with(Option::is_none)
            ></canvas>
            <p class="field-hint">{text}</p>
        </section>
    }
}
