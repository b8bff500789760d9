//! One chart: the drawing, its points as buttons that open their picture, and the numbers as a table.

use crate::{
    chart::{Chart, draw},
    format,
};
use leptos::prelude::*;
use protocol::GenerateRequest;

/// A point that can be pressed.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Its accessible name.
    pub name: String,
    /// Which colour of the style sheet.
    pub colour: usize,
    /// Whether no other number of steps is both quicker and better.
    pub pareto: bool,
    /// What it opens.
    pub request: GenerateRequest,
}

/// Everything of one chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What is drawn; its points belong to `marks`, one by one.
    pub chart: Chart,
    /// The points.
    pub marks: Vec<Mark>,
    /// Head and rows of the table behind it.
    pub table: (Vec<String>, Vec<Vec<String>>),
}

/// One tab stop for all points; arrow keys go from one to the next.
#[component]
pub fn FigureView(
    /// What the chart is called.
    title: &'static str,
    /// What it shows.
    #[prop(into)]
    figure: Signal<Option<Figure>>,
    /// Opens a point's picture.
    open: Callback<GenerateRequest>,
) -> impl IntoView {
    let at = RwSignal::new(0usize);
    let drawing = Memo::new(move |_| figure.with(|figure| draw(&figure.as_ref()?.chart, format::figure)));
    let keys = move |event: web_sys::KeyboardEvent| {
        let count = figure.with_untracked(|figure| figure.as_ref().map_or(0, |figure| figure.marks.len()));
        let now = at.get_untracked();
        let next = match event.key().as_str() {
            "ArrowRight" | "ArrowDown" => (now + 1).min(count.saturating_sub(1)),
            "ArrowLeft" | "ArrowUp" => now.saturating_sub(1),
            "Home" => 0,
            "End" => count.saturating_sub(1),
            _ => return,
        };
        event.prevent_default();
        at.set(next);
        let group =
            event.current_target().and_then(|target| wasm_bindgen::JsCast::dyn_into::<web_sys::Element>(target).ok());
        let button = group.and_then(|group| group.query_selector(&format!("[data-at=\"{next}\"]")).ok()?);
        if let Some(button) =
            button.and_then(|button| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(button).ok())
        {
            let _ = button.focus();
        }
    };
    let marks = move || {
        let (figure, drawing) = (figure.get()?, drawing.get()?);
        let placed = figure.marks.into_iter().zip(drawing.points).enumerate();
        let marks = placed.filter_map(|(i, (mark, place))| Some((i, mark, place?))).map(|(i, mark, [x, y])| {
            let request = mark.request;
            view! {
                <button
                    type="button"
                    class=format!("chart-mark chart-mark-{}", mark.colour)
                    class:pareto=mark.pareto
                    aria-label=mark.name.clone()
                    title=mark.name
                    data-at=i
                    tabindex=move || if at.get() == i { "0" } else { "-1" }
                    style:left=format!("{:.3}%", 100.0 * x)
                    style:top=format!("{:.3}%", 100.0 * y)
                    on:focus=move |_| at.set(i)
                    on:click=move |_| open.run(request.clone())
                ></button>
            }
        });
        Some(marks.collect_view())
    };
    let table = move || {
        let (head, rows) = figure.get()?.table;
        let rows = rows
            .into_iter()
            .map(|row| view! { <tr>{row.into_iter().map(|text| view! { <td>{text}</td> }).collect_view()}</tr> });
        Some(view! {
            <table class="chart-table figures">
                <thead><tr>{head.into_iter().map(|text| view! { <th scope="col">{text}</th> }).collect_view()}</tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        })
    };
    view! {
        <figure class="chart" hidden=move || drawing.with(Option::is_none)>
            <figcaption>{title}</figcaption>
            <div class="chart-area" role="group" aria-label=format!("{title}. Arrow keys go from point to point.") on:keydown=keys>
                <div inner_html=move || drawing.with(|drawing| drawing.as_ref().map(|drawing| drawing.svg.clone()).unwrap_or_default())></div>
                {marks}
            </div>
            <details class="disclosure">
                <summary>"The numbers"</summary>
                <div class="disclosure-body sweep-scroll">{table}</div>
            </details>
        </figure>
    }
}
