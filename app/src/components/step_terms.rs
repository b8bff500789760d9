//! What the sampler did in the step that is shown, in the engine's own numbers, and what that means.

use super::controller;
use crate::{
    format,
    terms::{Stage, formulas, noise_share, percent},
};
use leptos::prelude::*;
use protocol::EvalTerms;

/// Everything of a step that the card tells.
#[derive(Clone, PartialEq)]
struct Told {
    step: u32,
    total: u32,
    evals: Vec<EvalTerms>,
    guidance: Option<f64>,
    changed: Option<f64>,
}

fn call(eval: &EvalTerms, guidance: Option<f64>) -> impl IntoView + use<> {
    let figures = [
        ("Timestep", format::figure(eval.timestep)),
        ("σ", format::figure(eval.sigma)),
        ("ᾱ", format::figure(eval.alpha_bar)),
    ];
    let rows = formulas(eval, guidance).into_iter().map(|(label, formula)| {
        view! { <tr><th scope="row">{label}</th><td class="formula">{formula}</td></tr> }
    });
    view! {
        <p class="terms-figures figures">
            {figures.map(|(label, value)| view! { <span>{label}" "<strong>{value}</strong></span> })}
        </p>
        <table class="terms figures"><tbody>{rows.collect_view()}</tbody></table>
    }
}

/// A caption in plain words, then the formulas of each model call.
#[component]
pub fn StepTerms() -> impl IntoView {
    let session = controller().session;
    let told = Memo::new(move |_| {
        session.with(|s| {
            let run = s.run()?;
            let step = run.shown_step().max(1);
            Some(Told {
                step,
                total: run.steps_total(),
                evals: run.evals_of(step).cloned().collect(),
                guidance: run.is_guided(step).then_some(run.request.guidance_scale),
                changed: run.shown_frame().and_then(|frame| frame.changed),
            })
        })
    });
    let content = move || {
        let Some(Told { step, total, evals, guidance, changed }) = told.get() else {
            let hint = "Each step's numbers appear here: what the model sees, what it answers, what becomes of it.";
            return view! { <p class="hint">{hint}</p> }.into_any();
        };
        let caption = evals.first().map(|eval| {
            let stage = Stage::of(eval.sigma);
            view! {
                <p class="caption">
                    <strong>{format!("{} of the variance that the model sees is noise. ", noise_share(eval))}</strong>
                    {stage.caption()}
                </p>
            }
        });
        let measured = match (changed, step) {
            (Some(share), _) => {
                format!("Measured: this step visibly changed {} of the predicted picture.", percent(share))
            }
            (None, 1) => "The first step: there is no earlier prediction to compare with.".into(),
            (None, _) => String::new(),
        };
        let calls = evals.len();
        let calls = evals.iter().enumerate().map(|(i, eval)| {
            let title = (calls > 1).then(|| view! { <h3>{format!("Model call {} of {calls}", i + 1)}</h3> });
            view! { {title} {call(eval, guidance)} }
        });
        view! {
            <h2>{format!("Step {step} of {total} in numbers")}</h2>
            {caption}
            <p class="caption">{measured}</p>
            {calls.collect_view()}
            <p class="field-hint">
                "x are the latents. Layout, content and detail are a rule of thumb by the noise level after "
                <a href="https://arxiv.org/abs/2204.00227" target="_blank" rel="noreferrer">"Choi et al. 2022"</a>
                "; what a step really changed is measured."
            </p>
        }
        .into_any()
    };
    view! { <section class="inside-card terms-card" aria-label="The step in numbers">{content}</section> }
}
