//! What finished runs say: the verdict of each row, the points of the charts, the rows of the CSV file.

use super::cell::Made;
use lab::{
    LabError,
    grid::Grid,
    metrics::{self, Channels, JUST_NOTICEABLE, Rgba},
    recommend::{Criteria, Evidence, Method, Metric, Recommendation, Run, recommend},
    table::{Comparison, Row},
};
use std::sync::Arc;

/// Two runs of one seed began at the same noise level if it differs by no more than this share.
const SAME_START: f64 = 0.005;

/// Finds what was made for a request.
pub type Find<'a> = &'a dyn Fn(&protocol::GenerateRequest) -> Option<Arc<Made>>;

/// One point of a chart: a run and its estimated error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// `num_inference_steps`.
    pub steps: u32,
    /// The seed.
    pub seed: u64,
    /// Estimated error.
    pub error: f64,
    /// What the run took.
    pub seconds: f64,
}

/// What one row of a sweep says.
#[derive(Clone, Debug, PartialEq)]
pub struct RowResult {
    /// Which, counted from 0.
    pub row: usize,
    /// What it is called; `None` where only steps and seeds are varied.
    pub label: Option<String>,
    /// The verdict and what it rests on.
    pub recommendation: Recommendation,
    /// Each run that has an estimated error.
    pub points: Vec<Point>,
    /// Where Kneedle sees a knee, as a second opinion.
    pub knee: Option<u32>,
}

fn picture(made: &Made) -> Result<Rgba<'_>, LabError> {
    Rgba::new(made.picture.width, made.picture.height, &made.picture.rgba)
}

/// The distance of two runs; not a number where they cannot be compared.
pub fn distance(metric: Metric, a: &Made, b: &Made) -> f64 {
    let measured = match metric {
        Metric::LatentRmse => metrics::latent_rmse(&a.latents, &b.latents),
        Metric::PixelRmse => picture(a).and_then(|x| metrics::rmse(x, picture(b)?)),
        Metric::Dssim => picture(a).and_then(|x| metrics::ssim(x, picture(b)?, Channels::Luma)).map(|ssim| 1.0 - ssim),
    };
    measured.unwrap_or(f64::NAN)
}

fn runs(grid: &Grid, row: usize, find: Find) -> Vec<Run<Arc<Made>>> {
    let cells = grid.cells().into_iter().filter(|cell| cell.row == row);
    let run = |cell: lab::grid::Cell| {
        let made = find(&cell.request)?;
        Some(Run { prompt: row, seed: cell.seed, steps: cell.steps, seconds: made.figures.seconds(), result: made })
    };
    cells.filter_map(run).collect()
}

/// The runs of a row as evidence.
fn evidence(runs: &[Run<Arc<Made>>], metric: Metric) -> Evidence {
    Evidence::collect(runs, |a, b| distance(metric, a, b))
}

fn method(runs: &[Run<Arc<Made>>], grid: &Grid, row: usize) -> Method {
    let sigmas = || runs.iter().map(|run| run.result.figures.sigma);
    let (low, high) = sigmas().fold((f64::MAX, f64::MIN), |(low, high), sigma| (low.min(sigma), high.max(sigma)));
    Method::of(&grid.cell(row, 1, 0).request, high > low * (1.0 + SAME_START))
}

/// What every row says by now.
pub fn rows(grid: &Grid, find: Find, criteria: &Criteria) -> Vec<RowResult> {
    let judge = |row: usize| {
        let runs = runs(grid, row, find);
        let recommendation = recommend(&evidence(&runs, criteria.metric), &method(&runs, grid, row), criteria);
        let points = recommendation.ladders.iter().flat_map(|ladder| {
            ladder.errors.iter().filter_map(|error| {
                let run = runs.iter().find(|run| run.seed == ladder.seed && run.steps == error.steps)?;
                Some(Point { steps: error.steps, seed: ladder.seed, error: error.error, seconds: run.seconds })
            })
        });
        let curve = recommendation.curve.iter().filter_map(|point| Some((f64::from(point.steps), point.error?[1])));
        let curve: Vec<_> = curve.collect();
        let knee = metrics::knee(&curve).map(|at| curve[at].0 as u32);
        RowResult { row, label: grid.other.label(row), points: points.collect(), knee, recommendation }
    };
    (0..grid.other.len()).map(judge).collect()
}

/// The evidence of a re-check, whose rows are prompts that count together.
pub fn held_out(grid: &Grid, find: Find, metric: Metric) -> Evidence {
    let runs: Vec<_> = (0..grid.other.len()).flat_map(|row| runs(grid, row, find)).collect();
    evidence(&runs, metric)
}

/// Every finished run of the grids as a row of the CSV file.
pub fn table(grids: &[(&Grid, bool)], find: Find, metric: Metric) -> Vec<Row> {
    let mut out = Vec::new();
    for (grid, is_held_out) in grids {
        for row in 0..grid.other.len() {
            let runs = runs(grid, row, find);
            let order = method(&runs, grid, row).order;
            for cell in grid.cells().into_iter().filter(|cell| cell.row == row) {
                let Some(made) = find(&cell.request) else { continue };
                let longer = runs.iter().filter(|run| run.seed == cell.seed && run.steps >= 2 * cell.steps);
                let longer = longer.min_by_key(|run| run.steps);
                let parts = made.figures.ms.map(|ms| ms / 1000.0);
                let mut line = Row::new(&cell, &made.figures.device, parts, String::new());
                line.held_out = *is_held_out;
                line.evaluations = made.figures.evaluations;
                line.predicted = made.figures.predicted;
                line.comparison = longer.map(|run| compare(&made, run, cell.steps, order, metric));
                out.push(line);
            }
        }
    }
    out
}

fn compare(made: &Made, longer: &Run<Arc<Made>>, steps: u32, order: f64, metric: Metric) -> Comparison {
    let other = &*longer.result;
    let both = || Ok::<_, LabError>((picture(made)?, picture(other)?));
    let share = (f64::from(steps) / f64::from(longer.steps)).powf(order);
    Comparison {
        reference_steps: longer.steps,
        error: Some(distance(metric, made, other) / (1.0 - share)).filter(|error| error.is_finite()),
        latent_rmse: metrics::latent_rmse(&made.latents, &other.latents).ok(),
        psnr: both().and_then(|(a, b)| metrics::psnr(a, b)).ok(),
        ssim: both().and_then(|(a, b)| metrics::ssim(a, b, Channels::Luma)).ok(),
        changed: both().and_then(|(a, b)| metrics::changed_share(a, b, JUST_NOTICEABLE)).ok(),
    }
}
