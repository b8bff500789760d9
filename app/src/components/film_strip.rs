//! All frames of the run in a row and in two lanes: the latents with their noise, and below them the picture that each
//! step predicts, with a bar for how much the prediction changed. For the mouse and the finger; the scrubber below does
//! the same for everyone.

use super::controller;
use crate::{field::Field, frames::Pixels, paint, run::Run, terms::percent};
use leptos::{html, prelude::*};
use protocol::{STEPS_MIN, View};

/// One slot for each frame that is there or will come.
#[component]
pub fn FilmStrip() -> impl IntoView {
    let controller = controller();
    let total = Memo::new(move |old: Option<&u32>| {
        // Before the first run: as many as the form asks for.
        let asked = || controller.settings.with(|settings| protocol::parse_steps(settings.get(Field::Steps)).ok());
        let total = controller.session.with(|session| session.run().map(Run::steps_total));
        total.or_else(asked).or(old.copied()).unwrap_or(STEPS_MIN)
    });
    view! {
        <div class="strip" aria-hidden="true">
            <div class="lane-names"><span>"x"<sub>"t"</sub></span><span>"x"<sub>"0"</sub></span></div>
            <For each=move || 1..=total.get() key=|step| *step children=|step| view! { <Slot step=step/> }/>
        </div>
    }
}

/// One frame of the strip.
#[component]
fn Slot(
    /// Counted from 1.
    step: u32,
) -> impl IntoView {
    let controller = controller();
    let session = controller.session;
    let slot = NodeRef::<html::Div>::new();
    let change = Memo::new(move |_| {
        session.with(|session| {
            let run = session.run()?;
            let change = run.frames.get(step as usize - 1)?.report.change?;
            // The root, because the first steps change so much that the rest would vanish.
            Some((change / run.largest_change().max(f64::MIN_POSITIVE)).clamp(0.0, 1.0).sqrt())
        })
    });
    let share = Memo::new(move |_| session.with(|session| session.run()?.frames.get(step as usize - 1)?.changed));
    let is_shown = Memo::new(move |_| session.with(|s| s.run().is_some_and(|run| run.shown_step() == step)));
    Effect::new(move |_| {
        if let (true, Some(slot)) = (is_shown.get(), slot.get()) {
            keep_in_sight(&slot);
        }
    });
    let title = move || share.get().map(|share| format!("Step {step} changed {} of the picture", percent(share)));
    view! {
        <div node_ref=slot class="slot" class:shown=is_shown title=title on:click=move |_| controller.select(Some(step))>
            <Picture step=step view=View::Noisy/>
            <Picture step=step view=View::Denoised/>
            <span
                class="change"
                style:--change=move || change.get().unwrap_or(0.0).to_string()
                style:--share=move || share.get().unwrap_or(0.0).sqrt().to_string()
            ></span>
        </div>
    }
}

/// One lane's picture of a step; a click shows this view of the step.
#[component]
fn Picture(
    /// Counted from 1.
    step: u32,
    /// Which lane.
    view: View,
) -> impl IntoView {
    let controller = controller();
    let canvas = NodeRef::<html::Canvas>::new();
    let pixels: Memo<Option<Pixels>> = Memo::new(move |_| {
        controller.session.with(|s| Some(s.run()?.frames.get(step as usize - 1)?.view(view).clone()))
    });
    Effect::new(move |_| {
        let Some(canvas) = canvas.get() else { return };
        pixels.with(|pixels| match pixels {
            Some(pixels) => paint::exactly(&canvas, pixels),
            None => paint::clear(&canvas),
        });
    });
    view! {
        <canvas
            node_ref=canvas
            width="1"
            height="1"
            class:filled=move || pixels.with(Option::is_some)
            class:on-show=move || controller.view.get() == view
            on:click=move |_| controller.show(view)
        ></canvas>
    }
}

/// Scrolls the strip, and only the strip, so that the slot is in its middle.
fn keep_in_sight(slot: &web_sys::HtmlElement) {
    if let Some(strip) = slot.parent_element() {
        let middle = slot.offset_left() + slot.offset_width() / 2;
        strip.set_scroll_left(middle - strip.client_width() / 2);
    }
}
