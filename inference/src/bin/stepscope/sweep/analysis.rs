//! From finished runs to what they say: one recommendation for each thing that was compared, and its re-check.

use super::store::Done;
use lab::grid::{Axis, Cell, Grid};
use lab::metrics::{self, Channels, JUST_NOTICEABLE, Rgba};
use lab::recommend::{Criteria, Evidence, Method, Metric, Recheck, Recommendation, Run, recheck, recommend};
use lab::table::{Comparison, Row};
use protocol::GenerateRequest;
use serde::Serialize;

/// What gets a recommendation of its own.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// What it is called; `None` where nothing but steps and seeds is varied.
    pub label: Option<String>,
    /// Rows of the grid.
    #[serde(skip)]
    pub rows: Vec<usize>,
    /// Whether it is checked on held-out prompts and seeds.
    #[serde(skip)]
    pub checked: bool,
    /// The answer.
    #[serde(flatten)]
    pub recommendation: Recommendation,
    /// Kneedle's answer, for comparison: it moves with the range that was swept.
    pub knee: Option<u32>,
    /// How the answer did on what had no part in it.
    pub recheck: Option<Recheck>,
}

/// Rows and their names: each value of an axis alone; prompts all together first.
fn groups(grid: &Grid) -> Vec<(Option<String>, Vec<usize>, bool)> {
    let all: Vec<usize> = (0..grid.other.len()).collect();
    let each = all.iter().map(|row| (grid.other.label(*row), vec![*row]));
    match &grid.other {
        Axis::None => vec![(None, all, true)],
        Axis::Prompts(_) if all.len() > 1 => {
            let each = each.map(|(label, rows)| (label, rows, false)).collect();
            [vec![(Some("all prompts".to_owned()), all.clone(), true)], each].concat()
        }
        _ => each.map(|(label, rows)| (label, rows, true)).collect(),
    }
}

/// Recommends for every group.
pub fn recommend_all(grid: &Grid, done: &[Done], criteria: &Criteria) -> Vec<Group> {
    let of_group = |(label, rows, checked): (Option<String>, Vec<usize>, bool)| {
        let own: Vec<&Done> = done.iter().filter(|done| rows.contains(&done.cell.row)).collect();
        let method = method(&grid.cell(rows[0], 1, 0).request, &own);
        let recommendation = recommend(&evidence(&own, criteria.metric), &method, criteria);
        let points: Vec<(u32, f64)> =
            recommendation.curve.iter().filter_map(|point| Some((point.steps, point.error?[1]))).collect();
        let knee = metrics::knee(&points.iter().map(|(n, error)| (f64::from(*n), *error)).collect::<Vec<_>>());
        let knee = knee.map(|i| points[i].0);
        Group { label, rows, checked, recommendation, knee, recheck: None }
    };
    groups(grid).into_iter().map(of_group).collect()
}

/// Checks a group's recommendation on held-out runs.
pub fn check(group: &mut Group, grid: &Grid, held_out: &[Done]) {
    let Some(steps) = group.recommendation.steps() else { return };
    let own: Vec<&Done> = held_out.iter().collect();
    let request = grid.cell(group.rows[0], 1, 0).request;
    let Recommendation { method, criteria, .. } = &group.recommendation;
    debug_assert_eq!(method.stochastic, lab::samplers::is_stochastic(&request));
    group.recheck = Some(recheck(&evidence(&own, criteria.metric), steps, method, criteria));
}

/// The runs that check a group: its own settings on held-out prompts and seeds, at the recommended number of steps and
/// the one that it was compared with. None where there is no recommendation.
pub fn held_out_cells(group: &Group, grid: &Grid, prompts: &[String], seeds: &[u64]) -> Vec<Cell> {
    let Some(steps) = group.recommendation.steps().filter(|_| group.checked) else { return Vec::new() };
    let Some(larger) = grid.steps.iter().find(|n| **n >= 2 * steps) else { return Vec::new() };
    let base = grid.cell(group.rows[0], steps, 0).request;
    let grid = Grid::new(base, vec![steps, *larger], seeds.to_vec(), Axis::Prompts(prompts.to_vec()));
    grid.map(|grid| grid.cells()).unwrap_or_default()
}

fn method(request: &GenerateRequest, done: &[&Done]) -> Method {
    Method::of_ends(request, &done.iter().map(|done| done.measured.ends).collect::<Vec<_>>())
}

fn evidence(done: &[&Done], metric: Metric) -> Evidence {
    let runs: Vec<Run<&Done>> = done.iter().map(|done| as_run(done)).collect();
    Evidence::collect(&runs, |a, b| distance(metric, a, b).unwrap_or(f64::NAN))
}

/// Distances are taken between runs of one prompt only, which is a row of the grid.
fn as_run(done: &Done) -> Run<&Done> {
    let seconds = done.measured.parts.iter().sum();
    Run { prompt: done.cell.row, seed: done.cell.seed, steps: done.cell.steps, seconds, result: done }
}

fn picture(done: &Done) -> Option<Rgba<'_>> {
    Rgba::new(done.picture.width, done.picture.height, &done.picture.rgba).ok()
}

fn distance(metric: Metric, a: &Done, b: &Done) -> Option<f64> {
    match metric {
        Metric::LatentRmse => metrics::latent_rmse(&a.latents, &b.latents).ok(),
        Metric::PixelRmse => metrics::rmse(picture(a)?, picture(b)?).ok(),
        Metric::Dssim => metrics::ssim(picture(a)?, picture(b)?, Channels::Luma).ok().map(|ssim| 1.0 - ssim),
    }
}

/// Runs as rows of the table, each compared with the next run of at least twice as many steps.
pub fn rows(done: &[Done], groups: &[Group], held_out: bool, device: &str, model: &str) -> Vec<Row> {
    let row = |run: &Done| {
        let alike = |other: &&Done| {
            let same = GenerateRequest { num_inference_steps: run.cell.steps, ..other.cell.request.clone() };
            same == run.cell.request && other.cell.steps >= 2 * run.cell.steps
        };
        let larger = done.iter().filter(alike).min_by_key(|other| other.cell.steps);
        let error = groups.iter().find(|group| group.rows.contains(&run.cell.row) || held_out).and_then(|group| {
            let sweep = &group.recommendation.ladders;
            let ladders = if held_out { &group.recheck.as_ref()?.ladders } else { sweep };
            let own = ladders.iter().find(|l| (l.prompt, l.seed) == (run.cell.row, run.cell.seed))?;
            own.errors.iter().find(|error| error.steps == run.cell.steps).map(|error| error.error)
        });
        let mut row = Row::new(&run.cell, device, run.measured.parts, run.image.clone());
        row.request.model = model.to_owned();
        row.held_out = held_out;
        row.evaluations = run.measured.evaluations;
        row.predicted = Some(run.measured.predicted);
        row.comparison = larger.and_then(|other| {
            let (a, b) = (picture(run)?, picture(other)?);
            Some(Comparison {
                reference_steps: other.cell.steps,
                error,
                latent_rmse: metrics::latent_rmse(&run.latents, &other.latents).ok(),
                psnr: metrics::psnr(a, b).ok(),
                ssim: metrics::ssim(a, b, Channels::Luma).ok(),
                changed: metrics::changed_share(a, b, JUST_NOTICEABLE).ok(),
            })
        });
        row
    };
    done.iter().map(row).collect()
}
