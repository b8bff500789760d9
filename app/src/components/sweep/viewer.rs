//! One run, large, with what it took and what can be done with it.

use super::{controller, shown};
use crate::{format, paint, sweep::words};
use leptos::{html, prelude::*};
use protocol::GenerateRequest;

/// A dialog over the page; arrow keys go to the neighbouring step counts.
#[component]
pub fn CellViewer() -> impl IntoView {
    let controller = controller();
    let shown = shown();
    let open = shown.open;
    let dialog = NodeRef::<html::Dialog>::new();
    let canvas = NodeRef::<html::Canvas>::new();
    let made = Memo::new(move |_| open.get().and_then(|request| controller.sweep_made(&request)));
    Effect::new(move |_| {
        let (Some(dialog), Some(canvas)) = (dialog.get(), canvas.get()) else { return };
        match made.get() {
            Some(made) => {
                paint::exactly(&canvas, &made.picture);
                if !dialog.open() {
                    // Refused only where it is open already.
                    let _ = dialog.show_modal();
                }
            }
            None => dialog.close(),
        }
    });
    let go = move |by: isize| {
        let Some(now) = open.get_untracked() else { return };
        let next = shown.grid.with_untracked(|grid| {
            let steps = &grid.as_ref()?.steps;
            let at = steps.iter().position(|n| *n == now.num_inference_steps)?;
            let next = *steps.get(at.checked_add_signed(by)?)?;
            Some(GenerateRequest { num_inference_steps: next, ..now })
        });
        if let Some(next) = next.filter(|next| untrack(|| controller.sweep_made(next)).is_some()) {
            open.set(Some(next));
        }
    };
    let keys = move |event: web_sys::KeyboardEvent| match event.key().as_str() {
        "ArrowLeft" => go(-1),
        "ArrowRight" => go(1),
        _ => {}
    };
    let title = move || {
        open.get().map(|it| format!("{} · seed {}", words::count(it.num_inference_steps as usize, "step"), it.seed))
    };
    let facts = move || {
        let made = made.get()?;
        let (request, figures) = (&made.request, &made.figures);
        let error = shown.rows.with(|rows| {
            let points = rows.iter().filter(|row| {
                shown.grid.with(|grid| {
                    grid.as_ref().is_some_and(|grid| {
                        grid.cell(row.row, request.num_inference_steps, request.seed).request == *request
                    })
                })
            });
            let mut points = points.flat_map(|row| &row.points);
            points
                .find(|point| (point.steps, point.seed) == (request.num_inference_steps, request.seed))
                .map(|point| point.error)
        });
        let mut text = format!(
            "{}, guidance {}. {} in {}",
            request.scheduler.label(),
            request.guidance_scale,
            words::count(figures.evaluations as usize, "model call"),
            format::duration(figures.seconds() * 1000.0)
        );
        text +=
            &figures.predicted.map(|s| format!(" (predicted {})", format::duration(s * 1000.0))).unwrap_or_default();
        text += &error.map(|error| format!(". Estimated error {}", format::figure(error))).unwrap_or_default();
        Some(text + ".")
    };
    let act = move |then: fn(crate::controller::Controller, &GenerateRequest)| {
        if let Some(request) = open.get_untracked() {
            open.set(None);
            then(controller, &request);
        }
    };
    view! {
        <dialog node_ref=dialog class="dialog sweep-viewer" aria-labelledby="sweep-viewer-title" on:close=move |_| open.set(None) on:keydown=keys>
            <h2 id="sweep-viewer-title">{title}</h2>
            <canvas node_ref=canvas role="img" aria-label=move || made.get().map(|made| made.request.prompt.clone()) width="1" height="1"></canvas>
            <p class="figures">{facts}</p>
            <div class="row">
                <button type="button" aria-label="Fewer steps" on:click=move |_| go(-1)>"←"</button>
                <button type="button" aria-label="More steps" on:click=move |_| go(1)>"→"</button>
                <button type="button" on:click=move |_| act(|controller, request| controller.show_on_run(request))>"Show on Run"</button>
                <button type="button" class="primary" on:click=move |_| open.set(None)>"Close"</button>
            </div>
        </dialog>
    }
}
