//! The pictures: a column for each number of steps, as wide as its time, a line for each seed and value.

use super::{cell::GridCell, controller, shown};
use crate::format;
use lab::grid::Grid;
use leptos::prelude::*;

/// Narrowest column, in pixels.
const COLUMN_MIN: u32 = 58;

/// The columns of one line: the label, then one for each number of steps.
fn template(grid: &Grid, seconds: &[f64]) -> String {
    let least = seconds.iter().copied().fold(f64::MAX, f64::min).max(f64::MIN_POSITIVE);
    let columns = grid.steps.iter().zip(seconds).map(|(_, s)| format!("minmax({COLUMN_MIN}px, {:.2}fr)", s / least));
    format!("88px {}", columns.collect::<Vec<_>>().join(" "))
}

/// A table of pictures. The last useful step of the row on show is marked.
#[component]
pub fn SweepGrid() -> impl IntoView {
    let controller = controller();
    let shown = shown();
    // What the median run took; before that, what it will; before that, what it is: evaluations.
    let seconds = Memo::new(move |_| {
        let grid = shown.grid.get()?;
        let rows = shown.rows.get();
        let measured = |steps: u32| {
            let all = rows.iter().flat_map(|row| &row.recommendation.curve);
            all.filter(|point| point.steps == steps && point.seconds > 0.0).map(|point| point.seconds).reduce(f64::max)
        };
        let expected = |steps: u32| {
            let request = grid.cell(0, steps, grid.seeds[0]).request;
            untrack(|| controller.sweep_costs(&request)).map(|costs| costs.of(&request))
        };
        let known: Option<Vec<f64>> = grid.steps.iter().map(|n| measured(*n).or_else(|| expected(*n))).collect();
        let work = || grid.steps.iter().map(|n| f64::from(grid.cell(0, *n, 0).evaluations)).collect();
        let has_times = known.is_some();
        Some((known.unwrap_or_else(work), has_times))
    });
    let recommended = Memo::new(move |_| shown.row().and_then(|row| row.recommendation.steps()));
    let head = move |grid: &Grid| {
        let (times, has_times) = seconds.get().unwrap_or_default();
        let columns = grid.steps.iter().zip(times).map(|(steps, seconds)| {
            let steps = *steps;
            let time = if has_times { format::duration(seconds * 1000.0) } else { String::new() };
            view! {
                <div role="columnheader" class="sweep-head figures" class:last-useful=move || recommended.get() == Some(steps)>
                    <strong>{steps}</strong>
                    <span class="visually-hidden">" steps, "</span>
                    <span>{time}</span>
                    <em>{move || (recommended.get() == Some(steps)).then_some("last useful")}</em>
                </div>
            }
        });
        columns.collect_view()
    };
    let body = move || {
        let grid = shown.grid.get()?;
        let (times, _) = seconds.get()?;
        let columns = template(&grid, &times);
        let lines = (0..grid.other.len()).flat_map(|row| grid.seeds.iter().map(move |seed| (row, *seed)));
        let lines = lines.map(|(row, seed)| {
            let label = grid.other.label(row);
            let cells = grid.steps.iter().map(|steps| view! { <GridCell cell=grid.cell(row, *steps, seed)/> });
            view! {
                <div role="row" class="sweep-line" style:grid-template-columns=columns.clone()>
                    <div role="rowheader" class="sweep-label">
                        {label.map(|label| view! { <strong title=label.clone()>{label.clone()}</strong> })}
                        <span>{format!("seed {seed}")}</span>
                    </div>
                    {cells.collect_view()}
                </div>
            }
        });
        let lines = lines.collect_view();
        Some(view! {
            <div class="sweep-grid" role="table" aria-label="Sweep">
                <div role="row" class="sweep-line" style:grid-template-columns=columns.clone()>
                    <div role="columnheader" class="sweep-label"><span>"Steps"</span></div>
                    {head(&grid)}
                </div>
                {lines}
            </div>
        })
    };
    view! {
        <section class="sweep-section">
            <h2>"Pictures"</h2>
            <p class="hint">"A column for each number of steps, as wide as its time. Open a picture to see it large."</p>
            <div class="sweep-scroll" tabindex="0" role="group" aria-label="Pictures, scrollable">{body}</div>
        </section>
    }
}
