//! What a sweep varies.

use super::{controller, text_field::TextField};
use crate::{components::page_link::PageLink, page::Page, sweep::form::Other};
use leptos::prelude::*;

/// Steps, one other axis, seeds; the rest is the Run form's.
#[component]
pub fn SweepFields() -> impl IntoView {
    let controller = controller();
    let sweep = controller.sweep;
    let form = move || sweep.with(|sweep| sweep.form.clone());
    let start = Callback::new(move |()| controller.start_sweep());
    let base = move || controller.sweep_base().map(|(base, _)| base);
    let other = Memo::new(move |_| sweep.with(|sweep| sweep.form.other));
    let choose = move |event| {
        let key = event_target_value(&event);
        let other = Other::ALL.into_iter().find(|other| other.key() == key).unwrap_or_default();
        let values = untrack(|| controller.sweep_base()).map(|(base, info)| other.example(&base, &info));
        sweep.update(|sweep| {
            sweep.form.other = other;
            sweep.form.values = values.unwrap_or_default();
        });
    };
    let values_problem = Signal::derive(move || form().other().err().map(|error| error.to_string()));
    let values_hint = Signal::derive(move || {
        match other.get() {
            Other::Scheduler => "Names as in links, separated by commas.",
            Other::Guidance => "Numbers or ranges: 1,4,7.5 or 1-7 (+2). 1 runs without guidance.",
            Other::Prompt => "One a line.",
            Other::None => "",
        }
        .to_owned()
    });
    let summary = move || {
        base().map(|base| {
            format!(
                "{}, {}, guidance {}, {} × {}",
                if base.prompt.trim().is_empty() {
                    "No prompt".into()
                } else {
                    format!("“{}”", base.prompt.trim())
                },
                base.scheduler.label(),
                base.guidance_scale,
                base.width,
                base.height
            )
        })
    };
    let seeds_hint = Signal::derive(move || match base() {
        Ok(base) => format!(
            "A list or a range. Empty: {}-{}, the Run page's and the next.",
            base.seed,
            base.seed.wrapping_add(3)
        ),
        Err(_) => "A list or a range.".into(),
    });
    view! {
        <div class="fields">
            <div class="sweep-base">
                <p>{move || summary().unwrap_or_else(|message| message)}</p>
                <PageLink page=Page::Run>"Change on Run"</PageLink>
            </div>
            <TextField
                id="sweep-steps" name="Step counts" get=|form| &form.steps set=|form| &mut form.steps enter=start
                problem=Signal::derive(move || form().steps().err().map(|error| error.to_string()))
                hint="2,4,8,16 or 5-50 (+5) or 5-50 [10]. Doublings measure best."
            />
            <div class="field">
                <label for="sweep-other">"Vary also"</label>
                <select id="sweep-other" on:change=choose>
                    {Other::ALL.map(|entry| view! {
                        <option value=entry.key() prop:selected=move || other.get() == entry>{entry.label()}</option>
                    })}
                </select>
            </div>
            {move || (other.get() != Other::None).then(|| view! {
                <TextField
                    id="sweep-values" name=Signal::derive(move || format!("{}s", other.get().label()))
                    get=|form| &form.values set=|form| &mut form.values lines=other.get() == Other::Prompt
                    problem=values_problem hint=values_hint enter=start
                />
            })}
            <TextField
                id="sweep-seeds" name="Seeds" get=|form| &form.seeds set=|form| &mut form.seeds enter=start
                problem=Signal::derive(move || form().seeds(&base().ok()?).err().map(|error| error.to_string()))
                hint=seeds_hint
            />
        </div>
    }
}
