//! One run of the log.

use super::super::controller;
use super::picture::Picture;
use crate::format;
use lab::log::{Change, Outcome, RunRecord, changes, parameters, snippet};
use leptos::prelude::*;

/// `steps 20 → 10`.
fn told(change: &Change) -> String {
    let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
    match change.field {
        // Both would be too long to read.
        "prompt" | "negative" => {
            format!("another {}", if change.field == "prompt" { "prompt" } else { "negative prompt" })
        }
        field => format!("{field} {} → {}", or_none(&change.before), or_none(&change.after)),
    }
}

fn settings(record: &RunRecord) -> String {
    let request = &record.request;
    format!(
        "{} steps · {} · guidance {} · seed {} · {} × {} · {}",
        request.num_inference_steps,
        request.scheduler.label(),
        request.guidance_scale,
        request.seed,
        request.width,
        request.height,
        record.model,
    )
}

fn figures(record: &RunRecord) -> String {
    let per_evaluation = record.ms[1] / f64::from(record.evaluations.max(1));
    let end = match record.outcome {
        Outcome::Done => format::duration(record.ms.iter().sum()),
        Outcome::Cancelled => format!("cancelled after {} steps, {}", record.steps, format::duration(record.ms[1])),
    };
    let change = record.last_change.map(|change| format!(" · last step changed {}", format::figure(change)));
    let evaluations = format!("{} evaluations, {} each", record.evaluations, format::duration(per_evaluation));
    format!("{end} · {evaluations}{} · {}", change.unwrap_or_default(), record.device)
}

/// A picture, what was asked for, what changed since the run before, notes, and what can be done with it.
#[component]
pub fn Entry(id: String) -> impl IntoView {
    let controller = controller();
    let journal = controller.journal;
    let id = StoredValue::new(id);
    let found = Memo::new(move |_| {
        journal.records.with(|records| {
            let at = records.iter().position(|record| id.with_value(|id| record.id == *id))?;
            let since = records.get(at + 1).map(|before| changes(before, &records[at]));
            Some((records[at].clone(), since))
        })
    });
    let record = move || found.get().map(|(record, _)| record);
    let text =
        move |of: fn(&RunRecord) -> String| move || found.with(|found| found.as_ref().map(|(record, _)| of(record)));
    let since = move || {
        let (_, since) = found.get()?;
        let since = since?;
        Some(if since.is_empty() {
            "the same again".into()
        } else {
            since.iter().map(told).collect::<Vec<_>>().join(", ")
        })
    };
    let prompt = text(|record| match record.request.prompt.trim() {
        "" => "(no prompt)".into(),
        prompt => prompt.to_owned(),
    });
    let starred = move || found.with(|found| found.as_ref().is_some_and(|(record, _)| record.starred));
    let edit = move |change: Box<dyn FnOnce(&mut RunRecord)>| id.with_value(|id| controller.edit_record(id, change));
    view! {
        <li class="log-entry">
            <Picture id=id.get_value()/>
            <div class="log-text">
                <h2>{prompt}</h2>
                <p class="log-when">
                    {text(|record| crate::browser::local_time(record.created_ms))}
                    {move || since().map(|since| format!(" · {since}"))}
                </p>
                <p>{text(settings)}</p>
                <p class="hint">{text(figures)}</p>
                <input
                    type="text" class="log-note" aria-label="Note" placeholder="Note"
                    prop:value=text(|record| record.notes.clone())
                    on:change=move |event| {
                        let notes = event_target_value(&event);
                        edit(Box::new(move |record| record.notes = notes));
                    }
                />
                <div class="row">
                    <button type="button" on:click=move |_| id.with_value(|id| controller.rerun(id))>"Run again"</button>
                    <button type="button" on:click=move |_| {
                        record().into_iter().for_each(|record| controller.copy_recipe(&record));
                    }>"Copy recipe link"</button>
                    <button type="button" on:click=move |_| {
                        record().into_iter().for_each(|record| controller.share_record(&record));
                    }>"Share"</button>
                    <button
                        type="button" aria-pressed=move || starred().to_string()
                        on:click=move |_| edit(Box::new(|record| record.starred = !record.starred))
                    >{move || if starred() { "★ Starred" } else { "☆ Star" }}</button>
                    <button type="button" on:click=move |_| {
                        record().into_iter().for_each(|record| controller.copy_text("Python program", snippet(&record)));
                    }>"Copy for diffusers"</button>
                    <button type="button" on:click=move |_| {
                        record().into_iter().for_each(|record| {
                            controller.copy_text("Parameters", parameters(&record.request, &record.model, None));
                        });
                    }>"Copy for AUTOMATIC1111"</button>
                    <button type="button" on:click=move |_| controller.delete_records(vec![id.get_value()])>"Delete"</button>
                </div>
            </div>
        </li>
    }
}
