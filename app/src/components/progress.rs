//! How far the run is, how fast, and the status region.

use super::controller;
use crate::{
    cost, format,
    run::{Phase, Run},
};
use leptos::prelude::*;

fn figures(run: &Run) -> [(&'static str, String); 3] {
    let pace = run.ms_per_step().map_or("–".into(), |[bare, _]| format::duration(bare));
    let (label, time) = match &run.phase {
        Phase::Running => ("left", run.ms_left().map_or("–".into(), format::duration)),
        Phase::Done { ms } => ("in all", format::duration(ms.iter().sum())),
        Phase::Sampled { ms } => ("so far", format::duration(ms.iter().sum())),
        _ => ("left", "–".into()),
    };
    let done = if run.is_bare() { run.steps_total() } else { run.steps_done() };
    [("steps", format!("{done} of {}", run.steps_total())), ("per step", pace), (label, time)]
}

/// The bar `Denoising`, its figures, and milestones for those who cannot see them.
#[component]
pub fn Progress() -> impl IntoView {
    let session = controller().session;
    let steps = Memo::new(move |_| {
        session.with(|session| session.run().map_or((0, 0), |run| (run.steps_done(), run.steps_total())))
    });
    let milestone = Memo::new(move |_| session.with(|session| session.milestone.clone()));
    let shares = move || {
        let (done, total) = steps.get();
        format!("{}%", 100.0 * f64::from(done) / f64::from(total.max(1)))
    };
    let list = move || {
        let values = session.with(|session| session.run().map(figures));
        let values = values.unwrap_or([("steps", "–".into()), ("per step", "–".into()), ("left", "–".into())]);
        values.map(|(label, value)| view! { <p><strong>{value}</strong>" "<span>{label}</span></p> })
    };
    let cost = move || {
        session.with(|session| {
            let plan = &session.run()?.plan;
            Some(cost::sentence(plan.outer_steps, plan.evaluations, plan.guided))
        })
    };
    let remarks = move || {
        let (plan, is_bare) = session.with(|session| session.run().map(|run| (run.plan.clone(), run.is_bare())))?;
        let cut = plan.cut.into_iter().map(|cut| {
            let which = if cut.field == "negative" { "Negative prompt" } else { "Prompt" };
            let tokens = if cut.tokens == 1 { "token" } else { "tokens" };
            let verb = if cut.tokens == 1 { "was" } else { "were" };
            format!("{which}: {} {tokens} beyond the model's limit of {} {verb} cut.", cut.tokens, cut.limit)
        });
        let skipped = (plan.skipped_steps > 0).then(|| {
            let (done, all) = (plan.outer_steps, plan.outer_steps + plan.skipped_steps);
            format!("Starts from a picture: executes {done} of {all} steps.")
        });
        let bare = is_bare.then(|| "Its steps were let go to save memory.".to_owned());
        Some(
            cut.chain(plan.warnings)
                .chain(skipped)
                .chain(bare)
                .map(|text| view! { <p class="remark">{text}</p> })
                .collect_view(),
        )
    };
    view! {
        <div class="progress">
            <div
                class="bar"
                role="progressbar"
                aria-label="Denoising"
                aria-valuemin="0"
                aria-valuemax=move || steps.get().1
                aria-valuenow=move || steps.get().0
                aria-valuetext=move || format!("{} of {} steps", steps.get().0, steps.get().1)
                style:--done=shares
            ></div>
            <div class="pace figures">{list}</div>
            <p class="status" role="status">{milestone}</p>
            <p class="field-hint figures" hidden=move || cost().is_none()>{cost}</p>
            <div class="remarks" aria-live="polite">{remarks}</div>
        </div>
    }
}
