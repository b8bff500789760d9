//! Error against steps, and error against seconds.

use super::{
    chart::{Figure, FigureView, Mark},
    controller, shown,
};
use crate::{
    chart::{Axis, Chart, Kind, Series},
    format,
    sweep::{results::RowResult, words},
};
use lab::grid::Grid;
use leptos::prelude::*;

/// Colours of the style sheet; more rows than that begin again.
const COLOURS: usize = 6;

/// The medians of a row with x as given, and the edges of their band.
fn lines(row: &RowResult, colour: usize, x: impl Fn(u32, f64) -> f64) -> Vec<Series> {
    let curve = row.recommendation.curve.iter();
    let curve: Vec<_> = curve.filter_map(|point| Some((x(point.steps, point.seconds), point.error?))).collect();
    let lower = curve.iter().map(|(x, error)| [*x, error[0]]);
    let band = lower.chain(curve.iter().rev().map(|(x, error)| [*x, error[2]])).collect();
    let mut out = vec![Series { colour, kind: Kind::Band, points: band }];
    for ladder in &row.recommendation.ladders {
        let of_seed = row.points.iter().filter(|point| point.seed == ladder.seed);
        let points = of_seed.map(|point| [x(point.steps, point.seconds), point.error]).collect();
        out.push(Series { colour, kind: Kind::Thin, points });
    }
    let median = curve.iter().map(|(x, error)| [*x, error[1]]).collect();
    out.push(Series { colour, kind: Kind::Thick, points: median });
    out
}

fn figure(
    grid: &Grid,
    rows: &[RowResult],
    tolerance: f64,
    log: bool,
    by_seconds: bool,
    unit: &str,
    width: u32,
) -> Option<Figure> {
    let x = |steps: u32, seconds: f64| if by_seconds { seconds } else { f64::from(steps) };
    let mut series = Vec::new();
    let (mut points, mut marks, mut table) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let colour = row.row % COLOURS;
        series.extend(lines(row, colour, x));
        for point in row.points.iter().filter(|point| point.error.is_finite()) {
            let label = row.label.as_ref().map(|label| format!("{label}, ")).unwrap_or_default();
            let pareto = row.recommendation.curve.iter().any(|it| it.steps == point.steps && it.pareto);
            points.push([x(point.steps, point.seconds), point.error]);
            let time = format::duration(point.seconds * 1000.0);
            marks.push(Mark {
                name: format!(
                    "{label}{} steps, seed {}: error {}, {time}",
                    point.steps,
                    point.seed,
                    format::figure(point.error)
                ),
                colour,
                pareto,
                request: grid.cell(row.row, point.steps, point.seed).request,
            });
            let row_label = row.label.clone().unwrap_or_else(|| "–".into());
            let best = if pareto { "yes" } else { "no" };
            table.push(vec![
                row_label,
                point.steps.to_string(),
                point.seed.to_string(),
                time,
                format::figure(point.error),
                best.into(),
            ]);
        }
    }
    if points.is_empty() {
        return None;
    }
    series.push(Series { colour: 0, kind: Kind::Rule, points: vec![[0.0, tolerance]] });
    let title = if by_seconds { "Seconds on this device" } else { "Steps" };
    let tested =
        grid.steps.iter().filter(|steps| rows.iter().any(|row| row.points.iter().any(|point| point.steps == **steps)));
    let ticks = if by_seconds || grid.steps.len() > 9 { Vec::new() } else { tested.map(|n| f64::from(*n)).collect() };
    let chart = Chart {
        size: [width, 280],
        x: Axis { title: title.into(), log, ticks },
        y: Axis { title: format!("Error ({unit})"), log, ticks: Vec::new() },
        series,
        points,
    };
    let head = ["Row", "Steps", "Seed", "Time", "Estimated error", "On the Pareto front"].map(String::from).to_vec();
    Some(Figure { chart, marks, table: (head, table) })
}

/// Two charts over the same points; every point opens its picture.
#[component]
pub fn SweepCharts() -> impl IntoView {
    let controller = controller();
    let shown = shown();
    let log = RwSignal::new(true);
    let width = crate::browser::width().clamp(300, 560);
    let of = move |by_seconds: bool| {
        Memo::new(move |_| {
            let criteria = controller.criteria();
            let unit = match criteria.metric {
                lab::recommend::Metric::LatentRmse => "latent RMSE",
                lab::recommend::Metric::PixelRmse => "pixel RMSE",
                lab::recommend::Metric::Dssim => "1 − SSIM",
            };
            let narrow = if width < 560 { width - 32 } else { width };
            shown.rows.with(|rows| {
                figure(shown.grid.get().as_ref()?, rows, criteria.tolerance, log.get(), by_seconds, unit, narrow)
            })
        })
    };
    let (by_steps, by_seconds) = (of(false), of(true));
    let open = Callback::new(move |request| shown.open.set(Some(request)));
    let legend = move || {
        let labelled = shown.rows.get().into_iter().filter_map(|row| Some((row.row % COLOURS, row.label?)));
        labelled
            .map(|(colour, label)| view! { <li class=format!("chart-key chart-key-{colour}")>{label}</li> })
            .collect_view()
    };
    view! {
        <section class="sweep-section" hidden=move || by_steps.with(Option::is_none)>
            <h2>"Error"</h2>
            <p class="hint">
                {move || format!(
                    "How far each picture is from that of endless steps, estimated by doubling ({}). Thick: median of the seeds, with \
                     the middle half of them; dashed: the tolerance; ringed: no other number of steps is both quicker and better. A \
                     point opens its picture.",
                    words::metric(controller.criteria().metric)
                )}
            </p>
            <label class="check">
                <input type="checkbox" prop:checked=move || log.get() on:change=move |event| log.set(event_target_checked(&event))/>
                <span>"Logarithmic axes"</span>
            </label>
            <ul class="chart-legend">{legend}</ul>
            <div class="charts">
                <FigureView title="Error against steps" figure=by_steps open=open/>
                <FigureView title="Error against seconds" figure=by_seconds open=open/>
            </div>
        </section>
    }
}
