//! How many steps are enough, why, and the button that takes them over.

use super::{controller, shown, text_field::TextField};
use crate::{format, sweep::words};
use leptos::prelude::*;

/// The recommendation of each row.
#[component]
pub fn VerdictPanel() -> impl IntoView {
    let controller = controller();
    let shown = shown();
    let sweep = controller.sweep;
    let row = Memo::new(move |_| shown.row());
    let said = Memo::new(move |_| row.get().map(|row| words::verdict(&row.recommendation)));
    let steps = move || row.get().and_then(|row| row.recommendation.steps());
    let apply = move |_| {
        if let Some(cell) = steps().and_then(|steps| shown.cell(steps)) {
            controller.apply_to_run(&cell.request);
        }
    };
    let changed = move || {
        let before = sweep.with(|sweep| Some(sweep.grid.as_ref()?.base.clone()))?;
        let (now, _) = controller.sweep_base().ok()?;
        let changes = words::changes(&before, &now);
        (!changes.is_empty()).then(|| view! {
            <p class="remark">
                {format!("The Run page has changed since ({}), so this holds no longer for it. Start the sweep again to know.", changes.join("; "))}
            </p>
        })
    };
    let knee = move || {
        let knee = row.get()?.knee?;
        Some(format!(
            "For comparison, Kneedle sees a knee at {knee} steps. A knee moves with the range that is swept (for an error like 1/N \
             it is the root of the ends' product), so it is no recommendation."
        ))
    };
    let rows = move || {
        shown
            .rows
            .get()
            .into_iter()
            .filter_map(|it| Some((it.row, it.label?, words::verdict(&it.recommendation).headline)))
    };
    let own = move || match controller.own_tolerance() {
        Some(own) => format!("Empty: {}, what your own blind votes say.", format::figure(own)),
        None => format!(
            "Empty: {}, hard to see side by side. Blind votes on Compare set your own.",
            format::figure(sweep.with(|sweep| sweep.form.metric.default_tolerance()))
        ),
    };
    let metric = move |event| {
        let key = event_target_value(&event);
        let found = words::METRICS.iter().find(|(name, ..)| *name == key).map(|(.., metric)| *metric);
        sweep.update(|sweep| sweep.form.metric = found.unwrap_or_default());
    };
    view! {
        <section class="sweep-section sweep-verdict" aria-label="Recommendation" hidden=move || sweep.with(|sweep| sweep.grid.is_none())>
            <div class="sweep-rows" role="group" aria-label="Row" hidden=move || rows().next().is_none()>
                {move || rows().map(|(index, label, headline)| view! {
                    <button type="button" class="small" aria-pressed=move || (shown.row.get() == index).to_string() on:click=move |_| shown.row.set(index)>
                        {format!("{label}: {headline}")}
                    </button>
                }).collect_view()}
            </div>
            <h2>{move || said.get().map(|said| said.headline)}</h2>
            {changed}
            <ul>{move || said.get().map(|said| said.reasons.into_iter().map(|reason| view! { <li>{reason}</li> }).collect_view())}</ul>
            <button type="button" class="primary" hidden=move || steps().is_none() on:click=apply>
                {move || format!("Use {} on Run", words::count(steps().unwrap_or_default() as usize, "step"))}
            </button>
            <p class="hint" hidden=move || knee().is_none()>{knee}</p>
            <div class="pair">
                <div class="field">
                    <label for="sweep-metric">"Measured in"</label>
                    <select id="sweep-metric" on:change=metric>
                        {words::METRICS.map(|(key, label, metric)| view! {
                            <option value=key prop:selected=move || sweep.with(|sweep| sweep.form.metric == metric)>{label}</option>
                        })}
                    </select>
                </div>
                <TextField
                    id="sweep-tolerance" name="Tolerance" get=|form| &form.tolerance set=|form| &mut form.tolerance
                    problem=Signal::derive(move || sweep.with(|sweep| sweep.form.tolerance(None).err())) hint=Signal::derive(own)
                />
            </div>
        </section>
    }
}
