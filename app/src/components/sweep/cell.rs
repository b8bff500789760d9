//! One run of the grid: its picture, or how far it is.

use super::{controller, shown};
use crate::{format, paint};
use lab::grid::Cell;
use leptos::{html, prelude::*};

/// A button with the picture; a mark where it is not made yet.
#[component]
pub fn GridCell(
    /// Which run.
    cell: Cell,
) -> impl IntoView {
    let controller = controller();
    let shown = shown();
    let sweep = controller.sweep;
    let canvas = NodeRef::<html::Canvas>::new();
    let request = StoredValue::new(cell.request.clone());
    let key = Memo::new(move |_| request.with_value(|request| controller.key_of(request)).unwrap_or_default());
    let made = Memo::new(move |_| sweep.with(|sweep| sweep.made(&key.get()).cloned()));
    let done = Memo::new(move |_| {
        let key = key.get();
        sweep.with(|sweep| sweep.at_work().filter(|(at, _)| *at == key).map(|(_, done)| done))
    });
    let waits = Memo::new(move |_| sweep.with(|sweep| sweep.is_waiting(&key.get())));
    let error = Memo::new(move |_| {
        shown.rows.with(|rows| {
            let points = &rows.get(cell.row)?.points;
            points.iter().find(|point| (point.steps, point.seed) == (cell.steps, cell.seed)).map(|point| point.error)
        })
    });
    Effect::new(move |_| {
        if let (Some(canvas), Some(made)) = (canvas.get(), made.get()) {
            paint::exactly(&canvas, &made.picture);
        }
    });
    let (steps, seed) = (cell.steps, cell.seed);
    let name = move || {
        let told = match (made.get(), error.get()) {
            (Some(made), Some(error)) => {
                format!(
                    "estimated error {}, {}",
                    format::figure(error),
                    format::duration(made.figures.seconds() * 1000.0)
                )
            }
            (Some(made), None) => format::duration(made.figures.seconds() * 1000.0),
            (None, _) if done.get().is_some() => "being made".into(),
            (None, _) if waits.get() => "waits".into(),
            (None, _) => "not made".into(),
        };
        format!("{steps} steps, seed {seed}: {told}")
    };
    view! {
        <div role="cell" class="sweep-cell">
            <button
                type="button"
                aria-label=name
                title=name
                class:made=move || made.with(Option::is_some)
                class:waits=waits
                disabled=move || made.with(Option::is_none)
                on:click=move |_| shown.open.set(Some(request.get_value()))
            >
                <canvas node_ref=canvas aria-hidden="true" width="1" height="1" hidden=move || made.with(Option::is_none)></canvas>
                <span class="sweep-cell-bar" hidden=move || done.get().is_none() style:--done=move || format!("{}%", 100.0 * done.get().unwrap_or_default())></span>
            </button>
        </div>
    }
}
