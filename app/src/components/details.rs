//! The figures of the step that is shown, and what can be done with its picture.

use super::controller;
use crate::format;
use leptos::prelude::*;

/// σ, timestep, milliseconds and change since the previous step; Save and Copy.
#[component]
pub fn Details() -> impl IntoView {
    let controller = controller();
    let session = controller.session;
    let frame = Memo::new(move |_| session.with(|s| s.run()?.shown_frame().map(|frame| frame.report.clone())));
    let figure = move |pick: fn(&protocol::StepReport) -> Option<String>| {
        move || frame.with(|frame| frame.as_ref().and_then(pick)).unwrap_or_else(|| "–".into())
    };
    let title = move || match frame.with(|frame| frame.as_ref().map(|frame| frame.step)) {
        Some(step) => format!("Step {step}"),
        None => "Step".into(),
    };
    let is_back =
        move || session.with(|s| s.gallery.is_elsewhere() || s.run().is_some_and(|run| run.selected.is_some()));
    let is_running = move || session.with(|s| s.gallery.is_elsewhere() || s.run().is_some_and(|run| run.is_running()));
    let is_empty = move || frame.with(Option::is_none);
    let can_start = Memo::new(move |_| {
        let is_finished = |s: &crate::session::Session| s.run().is_some_and(|run| run.picture.is_some());
        session.with(|s| is_finished(s) && s.model.as_ref().is_some_and(|model| model.has_encoder))
    });
    view! {
        <div class="details">
            <div class="details-title">
                <h2>{title}</h2>
                <button
                    type="button"
                    class="quiet small"
                    style:visibility=move || if is_back() { "visible" } else { "hidden" }
                    on:click=move |_| controller.select(None)
                >{move || if is_running() { "Follow the newest" } else { "Back to the result" }}</button>
            </div>
            <dl>
                <div><dt>"Noise level σ"</dt><dd>{figure(|r| Some(format::figure(r.sigma)))}</dd></div>
                <div><dt>"Timestep"</dt><dd>{figure(|r| Some(format::figure(r.timestep)))}</dd></div>
                <div><dt>"Time"</dt><dd>{figure(|r| Some(format::duration(r.ms)))}</dd></div>
                <div><dt>"Change since previous"</dt><dd>{figure(|r| r.change.map(format::figure))}</dd></div>
            </dl>
        </div>
        <div class="row keep">
            <button type="button" disabled=is_empty on:click=move |_| controller.save_png()>"Save PNG"</button>
            <button type="button" on:click=move |_| controller.copy_link()>"Copy link"</button>
            <button type="button" on:click=move |_| controller.share_run()>"Share"</button>
            <button
                type="button"
                title="Start the next picture from this one"
                hidden=move || !can_start.get()
                on:click=move |_| controller.use_result()
            >"Use this result"</button>
        </div>
    }
}
