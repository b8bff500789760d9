//! The noise level over the steps, with a playhead on the step that is shown.

use super::{controller, step_table::StepTable};
use crate::{format, run::Run, terms::Stage};
use leptos::{html, prelude::*};

/// Where a noise level lies between the largest and the smallest of a run, 0 (top) to 1, on a logarithmic scale.
fn depth(sigma: f64, [most, least]: [f64; 2]) -> f64 {
    let span = (most / least).ln();
    if span > 0.0 { ((most / sigma.max(least)).ln() / span).clamp(0.0, 1.0) } else { 0.0 }
}

/// Where a step lies between the first and the last, 0 to 1.
fn along(step: u32, total: u32) -> f64 {
    if total > 1 { f64::from(step.saturating_sub(1)) / f64::from(total - 1) } else { 0.5 }
}

/// The largest and the smallest noise level above 0.
fn limits(sigmas: &[f64]) -> [f64; 2] {
    let above = || sigmas.iter().copied().filter(|sigma| *sigma > 0.0);
    [above().fold(f64::MIN_POSITIVE, f64::max), above().fold(f64::MAX, f64::min)]
}

/// A slider in the shape of a curve: click, drag or arrow keys go to a step, as the scrubber does.
#[component]
pub fn SigmaCurve() -> impl IntoView {
    let controller = controller();
    let session = controller.session;
    let sigmas = Memo::new(move |_| session.with(|s| s.run().map(Run::sigmas).unwrap_or_default()));
    let steps =
        Memo::new(move |_| session.with(|s| s.run().map_or((0, 0), |run| (run.steps_done(), run.shown_step()))));
    let total = move || sigmas.with(Vec::len) as u32;
    let line = move |until: u32| {
        sigmas.with(|sigmas| {
            let limits = limits(sigmas);
            let point = |(i, sigma): (usize, &f64)| {
                format!("{:.2},{:.2}", 100.0 * along(i as u32 + 1, total()), 100.0 * depth(*sigma, limits))
            };
            sigmas.iter().enumerate().take(until as usize).map(point).collect::<Vec<_>>().join(" ")
        })
    };
    let bands = move || {
        sigmas.with(|sigmas| {
            let limits = limits(sigmas);
            let band = |stage: Stage| {
                let [top, bottom] = stage.bounds().map(|sigma| 100.0 * depth(sigma, limits));
                let place = format!("top:{top:.2}%;height:{:.2}%", bottom - top);
                (!sigmas.is_empty() && bottom - top > 12.0)
                    .then(|| view! { <span class="curve-band" style=place>{stage.label()}</span> })
            };
            Stage::ALL.map(band)
        })
    };
    let sigma = move || sigmas.with(|sigmas| sigmas.get((steps.get().1 as usize).checked_sub(1)?).copied());
    let head = move || {
        let place = sigmas.with(|sigmas| depth(sigma().unwrap_or(1.0), limits(sigmas)));
        format!("left:{:.2}%;--depth:{:.2}%", 100.0 * along(steps.get().1, total()), 100.0 * place)
    };
    let text = move || match sigma() {
        Some(sigma) => format!("step {} of {}, noise level {}", steps.get().1, total(), format::figure(sigma)),
        None => "no step yet".into(),
    };
    let scale = move |end: usize| sigmas.with(|sigmas| sigmas.first().map(|_| format::figure(limits(sigmas)[end])));
    let plot = NodeRef::<html::Div>::new();
    let go = move |step: u32| {
        if steps.get_untracked().0 > 0 {
            controller.select(Some(step.clamp(1, steps.get_untracked().0)));
        }
    };
    let point = move |event: web_sys::PointerEvent| {
        let Some(plot) = plot.get_untracked().filter(|_| event.buttons() & 1 == 1) else { return };
        let area = plot.get_bounding_client_rect();
        let share = (f64::from(event.client_x()) - area.left()) / area.width().max(1.0);
        go((share.clamp(0.0, 1.0) * f64::from(untrack(total).saturating_sub(1))).round() as u32 + 1);
    };
    let keys = move |event: web_sys::KeyboardEvent| {
        let (done, shown) = steps.get_untracked();
        let step = match event.key().as_str() {
            "ArrowRight" | "ArrowUp" => shown + 1,
            "ArrowLeft" | "ArrowDown" => shown.saturating_sub(1),
            "PageUp" => shown + done.div_ceil(10),
            "PageDown" => shown.saturating_sub(done.div_ceil(10)),
            "Home" => 1,
            "End" => done,
            _ => return,
        };
        event.prevent_default();
        go(step);
    };
    view! {
        <section class="inside-card curve-card" aria-labelledby="curve-title">
            <h2 id="curve-title">"Noise level σ"</h2>
            <div class="curve">
                <div class="curve-scale figures" aria-hidden="true">
                    <span>{move || scale(0)}</span><span>{move || scale(1)}</span>
                </div>
                <div
                    node_ref=plot
                    class="curve-plot"
                    role="slider"
                    tabindex="0"
                    aria-label="Noise level curve"
                    aria-disabled=move || (steps.get().0 == 0).to_string()
                    aria-valuemin="1"
                    aria-valuemax=move || steps.get().0.max(1)
                    aria-valuenow=move || steps.get().1.max(1)
                    aria-valuetext=text
                    on:pointerdown=point
                    on:pointermove=point
                    on:keydown=keys
                >
                    {bands}
                    <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
                        <polyline class="curve-all" points=move || line(total())/>
                        <polyline class="curve-done" points=move || line(steps.get().0)/>
                    </svg>
                    <span class="curve-head" style=head hidden=move || sigma().is_none()></span>
                </div>
            </div>
            <StepTable/>
        </section>
    }
}
