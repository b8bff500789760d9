//! What guidance does at the step that is shown: the prediction without the prompt, with it, and combined.

use super::controller;
use crate::{
    format, paint,
    run::{Run, StepSplit},
};
use leptos::{html, prelude::*};

/// Why a step cannot be taken apart, or what it costs.
fn remark(run: Option<&Run>, has_latents: bool) -> (bool, String) {
    let Some(run) = run.filter(|run| run.steps_done() > 0) else {
        return (false, "From the first step on: what the prompt adds to the prediction.".into());
    };
    if !run.plan.guided {
        let why = "This run is without guidance: each evaluation ran the model once, so there is one prediction and \
                   nothing to take apart.";
        return (false, why.into());
    }
    let step = run.shown_step();
    if !run.is_guided(step.max(1)) {
        let why =
            format!("Guidance has stopped before step {step}: it ran the model once, so there is one prediction.");
        return (false, why);
    }
    if !has_latents || run.is_bare() {
        return (false, "The engine keeps the latents of the latest run only. Generate this one again first.".into());
    }
    let cost = run.ms_per_step().map_or(String::new(), |[ms, _]| {
        let calls = f64::from(run.plan.evaluations) / f64::from(run.plan.outer_steps.max(1));
        format!(", about {} as measured", format::duration(ms / calls))
    });
    (true, format!("Runs the model once more on this step's latents{cost}; nothing is kept for it during a run."))
}

#[component]
fn Prediction(picture: crate::frames::Pixels, label: String, name: String) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            paint::exactly(&canvas, &picture);
        }
    });
    view! {
        <figure>
            <canvas node_ref=canvas role="img" aria-label=name width="1" height="1"></canvas>
            <figcaption>{label}</figcaption>
        </figure>
    }
}

fn pictures(split: StepSplit, guidance: f64, several: bool) -> impl IntoView {
    let StepSplit { step, pictures, apart: [with, combined], .. } = split;
    let scale = format::figure(guidance);
    let labels = ["Without the prompt".to_owned(), "With the prompt".to_owned(), format!("Combined, guidance {scale}")];
    let names = ["without the prompt", "with the prompt", "combined"].map(|what| format!("Step {step}, {what}"));
    let shown = pictures.map(|pictures| {
        let three = pictures.into_iter().zip(labels).zip(names);
        three.map(|((picture, label), name)| view! { <Prediction picture label name/> }).collect_view()
    });
    let distance = format!(
        "The prompt moves the prediction by {} (root mean square of the latents); guidance makes that {}.",
        format::figure(with),
        format::figure(combined)
    );
    let first = several.then_some(" Of the step's first model call; the strip shows the prediction of its last.");
    view! {
        <div class="split">{shown}</div>
        <p class="caption figures">{distance} {first}</p>
    }
}

/// A button, and what it brings.
#[component]
pub fn GuidanceSplit() -> impl IntoView {
    let controller = controller();
    let session = controller.session;
    let about = Memo::new(move |_| {
        let has_latents = controller.has_latents();
        session.with(|s| remark(s.run(), has_latents))
    });
    let is_busy = move || session.with(|s| s.is_running() || s.run().is_some_and(|run| run.splitting.is_some()));
    let step = Memo::new(move |_| session.with(|s| s.run().map_or(0, Run::shown_step)));
    let split = Memo::new(move |_| {
        session.with(|s| {
            let run = s.run()?;
            let several = run.evals_of(run.shown_step()).count() > 1;
            Some((run.shown_split()?.clone(), run.request.guidance_scale, several))
        })
    });
    view! {
        <section class="inside-card" aria-labelledby="split-title">
            <h2 id="split-title">"What the prompt adds"</h2>
            {move || split.get().map(|(split, guidance, several)| pictures(split, guidance, several))}
            <button
                type="button"
                hidden=move || !about.get().0 || split.with(Option::is_some)
                disabled=is_busy
                on:click=move |_| controller.split_step()
            >{move || format!("Take step {} apart", step.get())}</button>
            <p class="field-hint" hidden=move || split.with(Option::is_some)>{move || about.get().1}</p>
        </section>
    }
}
