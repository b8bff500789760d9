//! The best picture within a number of seconds on this device, what it loses, and what else could be done.

use super::{controller, shown, text_field::TextField};
use crate::{
    format::{self, figure},
    sweep::{
        budget::{Known, Quicker, options},
        words,
    },
};
use lab::budget::{Basis, Change, Fit, fit};
use leptos::prelude::*;
use protocol::GenerateRequest;

fn seconds(seconds: f64) -> String {
    format::duration(seconds * 1000.0)
}

fn verdict(fit: &Fit, tolerance: f64, recommended: Option<u32>) -> String {
    let (Some(most), Some(steps), Some(time)) = (fit.most, fit.steps, fit.seconds) else {
        return format!("Not even one step fits into {}.", seconds(fit.budget));
    };
    let fits = format!("{} fit into {}.", words::count(most as usize, "step"), seconds(fit.budget));
    let loss = match fit.error {
        Some(error) if error > tolerance => {
            format!(" The error is about {}, {:.1} times the tolerance.", figure(error), error / tolerance)
        }
        Some(error) => format!(" The error is about {}, within the tolerance.", figure(error)),
        None => String::new(),
    };
    match (fit.reaches, recommended) {
        (Some(true), Some(n)) => format!("{fits} {n} are enough, and take {}.{loss}", seconds(time)),
        (Some(false), Some(n)) => format!("{fits} {n} would be enough; {steps} take {}.{loss}", seconds(time)),
        _ => format!("{fits} How many are enough is not known yet; {steps} take {}.{loss}", seconds(time)),
    }
}

/// Seconds in, steps out; alternatives ranked by time, each one click to apply.
#[component]
pub fn BudgetPanel() -> impl IntoView {
    let controller = controller();
    let shown = shown();
    let sweep = controller.sweep;
    let version = Memo::new(move |_| sweep.with(|sweep| (sweep.version, sweep.learned.clone())));
    let request = Memo::new(move |_| {
        let row = shown.row();
        let steps = row.as_ref().and_then(|row| row.recommendation.steps());
        let at = row.map_or(0, |row| row.row);
        shown.grid.with(|grid| {
            let grid = grid.as_ref()?;
            Some(grid.cell(at, steps.unwrap_or(*grid.steps.last()?), grid.seeds[0]).request)
        })
    });
    let budget = Memo::new(move |_| sweep.with(|sweep| sweep.form.budget()).ok().flatten());
    let costs = Memo::new(move |_| {
        version.with(|_| ());
        request.get().and_then(|request| untrack(|| controller.sweep_costs(&request)))
    });
    let fitted = Memo::new(move |_| {
        let (request, budget, costs) = (request.get()?, budget.get()?, costs.get()?);
        let row = shown.row()?;
        let recommendation = &row.recommendation;
        Some(fit(&costs, &request, budget, recommendation.steps(), &recommendation.curve, recommendation.method.order))
    });
    let others = Memo::new(move |_| -> Vec<Quicker> {
        let (Some(fitted), Some(request)) = (fitted.get(), request.get()) else { return Vec::new() };
        version.with(|_| ());
        let Some(info) = controller.session.with(|session| session.model.clone()) else { return Vec::new() };
        if fitted.reaches == Some(true) {
            return Vec::new();
        }
        untrack(|| {
            let enough = |kind| {
                shown.rows.with(|rows| {
                    let row = rows.iter().find(|row| {
                        shown.grid.with(|grid| {
                            grid.as_ref().is_some_and(|grid| grid.cell(row.row, 1, 0).request.scheduler == kind)
                        })
                    })?;
                    let steps = row.recommendation.steps()?;
                    let point = row.recommendation.curve.iter().find(|point| point.steps == steps)?;
                    Some((steps, point.error?[1]))
                })
            };
            let made = |request: &GenerateRequest| controller.sweep_made(request).map(|made| made.figures.seconds());
            controller.models.with(|models| {
                let costs = |request: &GenerateRequest| controller.sweep_costs(request);
                let known = Known { costs: &costs, made: &made, models, enough: &enough };
                options(&request, fitted.most, fitted.budget, &info, &known)
            })
        })
    });
    let words = move || {
        if let (Some(fitted), tolerance) = (fitted.get(), controller.criteria().tolerance) {
            return verdict(&fitted, tolerance, shown.row().and_then(|row| row.recommendation.steps()));
        }
        match (budget.get(), costs.get()) {
            (Some(_), None) => {
                "Nothing was measured on this device yet: start the sweep, or make a picture on Run.".into()
            }
            _ => costs.get().map_or(String::new(), |costs| {
                format!(
                    "Here a model evaluation takes {}, a preview {}, decoding {}, the text {}.",
                    seconds(costs.evaluation),
                    seconds(costs.preview),
                    seconds(costs.decode),
                    seconds(costs.text)
                )
            }),
        }
    };
    let apply = move |_| {
        if let (Some(request), Some(steps)) =
            (request.get_untracked(), fitted.get_untracked().and_then(|fit| fit.steps))
        {
            controller.apply_to_run(&GenerateRequest { num_inference_steps: steps, ..request });
        }
    };
    let line = move |it: Quicker| {
        let Quicker { alternative, request } = it;
        let basis = if alternative.basis == Basis::Measured { "measured" } else { "predicted" };
        let error = alternative.error.map(|error| format!(", error {}", figure(error))).unwrap_or_default();
        let fits = if alternative.fits { "" } else { ", does not fit" };
        let name = match &alternative.change {
            Change::DistilledModel { model } => format!("The model {}", controller.model_name(model)),
            change => words::change(change),
        };
        let text = format!(
            "{} in {} ({basis}){error}{fits}",
            words::count(alternative.steps as usize, "step"),
            seconds(alternative.seconds)
        );
        view! {
            <li>
                <span><strong>{name.clone()}</strong>" "<span class="figures">{text}</span></span>
                <button type="button" class="small" aria-label=format!("Use {name} on Run") on:click=move |_| controller.apply_to_run(&request)>"Use"</button>
            </li>
        }
    };
    let measure = move |_| {
        // What needs another model is measured once that is loaded.
        let is_here = |it: &Quicker| !matches!(it.alternative.change, Change::DistilledModel { .. });
        let predicted =
            others.get_untracked().into_iter().filter(|it| it.alternative.basis == Basis::Predicted && is_here(it));
        controller.measure(predicted.map(|it| it.request).collect());
    };
    let kept = move || {
        let predictions = sweep.with(|sweep| sweep.learned.predictions.clone());
        predictions.into_iter().rev().take(5).map(|it| view! {
            <li class="figures">{format!("predicted {}, took {} ({:+.0} %)", seconds(it.predicted), seconds(it.measured), 100.0 * it.error())}</li>
        }).collect_view()
    };
    let has_kept = move || sweep.with(|sweep| !sweep.learned.predictions.is_empty());
    view! {
        <section class="sweep-section" aria-label="Budget">
            <h2>"The best within some seconds"</h2>
            <TextField
                id="sweep-budget" name="Seconds for a picture" get=|form| &form.budget set=|form| &mut form.budget
                problem=Signal::derive(move || sweep.with(|sweep| sweep.form.budget().err()))
                hint="Counts text, model, previews and decoding, as measured on this device."
            />
            <p class="figures sweep-fit">{words}</p>
            <button type="button" hidden=move || fitted.get().and_then(|fit| fit.steps).is_none() on:click=apply>
                {move || format!("Use {} on Run", words::count(fitted.get().and_then(|fit| fit.steps).unwrap_or_default() as usize, "step"))}
            </button>
            <div hidden=move || others.with(Vec::is_empty)>
                <h3>"What else is quicker"</h3>
                <ul class="sweep-others">{move || others.get().into_iter().map(line).collect_view()}</ul>
                <button type="button" class="small" disabled=move || sweep.with(|sweep| sweep.is_running()) on:click=measure>"Measure those that are predicted"</button>
            </div>
            <div hidden=move || !has_kept()>
                <h3>"Predicted and measured, on Run"</h3>
                <ul class="sweep-kept">{kept}</ul>
            </div>
        </section>
    }
}
