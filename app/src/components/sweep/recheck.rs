//! Does the recommendation hold for prompts and seeds that had no part in it?

use super::{controller, shown, text_field::TextField};
use crate::{
    format,
    sweep::{results, words::count},
};
use lab::recommend::{Method, recheck};
use leptos::prelude::*;

/// The re-check: what it takes, the button, and the hit rate as it is.
#[component]
pub fn RecheckPanel() -> impl IntoView {
    let controller = controller();
    let shown = shown();
    let sweep = controller.sweep;
    let version = Memo::new(move |_| sweep.with(|sweep| (sweep.version, sweep.form.clone(), sweep.held_out.is_some())));
    let chosen = Memo::new(move |_| shown.row().and_then(|row| Some((row.row, row.recommendation.steps()?))));
    let plan = Memo::new(move |_| {
        version.with(|_| ());
        let (row, steps) = chosen.get()?;
        untrack(|| {
            let grid = controller.held_out_grid(row, steps)?;
            Some((grid.other.len(), grid.seeds.len(), controller.estimate(&[&grid])))
        })
    });
    let result = Memo::new(move |_| {
        version.with(|_| ());
        let criteria = controller.criteria();
        let (grid, _, steps) = sweep.with(|sweep| sweep.held_out.clone())?;
        untrack(|| {
            let evidence = results::held_out(&grid, &|request| controller.sweep_made(request), criteria.metric);
            let checked = recheck(&evidence, steps, &Method::of(&grid.base, false), &criteria);
            Some((steps, checked.hits, checked.tested, grid.other.len() * grid.seeds.len(), checked.hit_rate()))
        })
    });
    let words = move || {
        let (steps, hits, tested, all, rate) = result.get()?;
        Some(match rate {
            None => format!("{steps} steps: nothing is checked yet ({all} to go)."),
            Some(rate) => format!(
                "{steps} steps were enough for {hits} of {tested} new prompts and seeds ({:.0} %){}.",
                100.0 * rate,
                if tested < all { format!("; {} to go", all - tested) } else { String::new() }
            ),
        })
    };
    let takes = move || {
        let (prompts, seeds, estimate) = plan.get()?;
        let time = match estimate.seconds {
            Some(seconds) if estimate.missing > 0 => format!(", about {}", format::duration(seconds * 1000.0)),
            _ => String::new(),
        };
        Some(format!(
            "{} with {} each: {} to make{time}.",
            count(prompts, "prompt"),
            count(seeds, "new seed"),
            count(estimate.missing, "run")
        ))
    };
    view! {
        <section class="sweep-section" aria-label="Re-check" hidden=move || chosen.get().is_none()>
            <h2>"Does it hold elsewhere?"</h2>
            <p class="hint">"A number found with some prompts and seeds is checked with others. A low rate means that it belongs to this prompt alone."</p>
            <TextField
                id="sweep-held-out" name="Prompts to check with" get=|form| &form.held_out set=|form| &mut form.held_out lines=true
                problem=Signal::stored(None::<String>) hint="One a line. Empty: the model's own examples."
            />
            <p class="figures">{takes}</p>
            <button type="button" disabled=move || sweep.with(|sweep| sweep.is_running()) on:click=move |_| {
                if let Some((row, steps)) = chosen.get_untracked() {
                    controller.recheck(row, steps);
                }
            }>"Re-check"</button>
            <p class="figures sweep-rate" hidden=move || result.get().is_none()>{words}</p>
        </section>
    }
}
