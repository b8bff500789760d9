//! The misunderstanding that costs most people time: step 8 of 32 is not an 8-step picture.

use super::{controller, shown};
use crate::{format, frames::Pixels, paint, sweep::results};
use lab::{metrics, recommend::Metric};
use leptos::{html, prelude::*};

/// A pair of pictures with its numbers.
#[derive(Clone, Debug, PartialEq)]
struct Pair {
    steps: u32,
    of: u32,
    along: Option<Pixels>,
    own: Option<Pixels>,
    far_along: f64,
    far_own: Option<f64>,
}

/// Step k of a long run beside a run of k steps, from the same seed.
#[component]
pub fn LessonPanel() -> impl IntoView {
    let controller = controller();
    let shown = shown();
    let sweep = controller.sweep;
    let longest = move || shown.grid.with(|grid| grid.as_ref().and_then(|grid| grid.steps.last().copied()));
    let pairs = Memo::new(move |_| -> Option<Vec<Pair>> {
        let track = sweep.with(|sweep| sweep.track.clone())?;
        let made = sweep.with(|sweep| sweep.made(&track.key).cloned())?;
        let of = made.request.num_inference_steps;
        let steps = shown.grid.with(|grid| grid.as_ref().map(|grid| grid.steps.clone()))?;
        let pair = |steps: u32| {
            let along = track.latents.get(steps as usize - 1)?;
            let own = controller
                .sweep_made(&protocol::GenerateRequest { num_inference_steps: steps, ..made.request.clone() });
            Some(Pair {
                steps,
                of,
                along: track.pictures.get(&steps).cloned(),
                own: own.as_ref().map(|own| own.picture.clone()),
                far_along: metrics::latent_rmse(along, &made.latents).unwrap_or(f64::NAN),
                far_own: own.map(|own| results::distance(Metric::LatentRmse, &own, &made)),
            })
        };
        Some(steps.into_iter().filter(|steps| *steps < of).filter_map(pair).collect())
    });
    let start = move |_| {
        if let Some(cell) = longest().and_then(|steps| shown.cell(steps)) {
            controller.start_lesson(cell.request);
        }
    };
    view! {
        <section class="sweep-section" aria-label="Step k of N" hidden=move || sweep.with(|sweep| sweep.grid.is_none())>
            <h2>"Step 8 of 32 is not an 8-step picture"</h2>
            <p class="hint">
                "A run of N steps divides the whole way into N; stop it early and the rest of the way is missing. A shorter run makes \
                 larger steps, but arrives. Here both from the same seed, with their distance to the picture of the long run."
            </p>
            <button type="button" disabled=move || sweep.with(|sweep| sweep.is_running()) on:click=start>
                {move || format!("Show it with a run of {} steps", longest().unwrap_or_default())}
            </button>
            <div class="lesson-pairs">
                {move || pairs.get().map(|pairs| pairs.into_iter().map(|pair| view! { <PairView pair=pair/> }).collect_view())}
            </div>
        </section>
    }
}

#[component]
fn PairView(pair: Pair) -> impl IntoView {
    let Pair { steps, of, along, own, far_along, far_own } = pair;
    let own_far = far_own.map_or_else(|| "not in the sweep yet".into(), |far| format!("{} away", format::figure(far)));
    view! {
        <div class="lesson-pair">
            <Picture pixels=along name=format!("Step {steps} of {of}") far=format!("{} away", format::figure(far_along))/>
            <Picture pixels=own name=format!("A run of {steps}") far=own_far/>
        </div>
    }
}

#[component]
fn Picture(pixels: Option<Pixels>, name: String, far: String) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let (Some(canvas), Some(pixels)) = (canvas.get(), &pixels) {
            paint::exactly(&canvas, pixels);
        }
    });
    view! {
        <figure>
            <canvas node_ref=canvas role="img" aria-label=name.clone() width="1" height="1"></canvas>
            <figcaption><strong>{name}</strong><span class="figures">{far}</span></figcaption>
        </figure>
    }
}
