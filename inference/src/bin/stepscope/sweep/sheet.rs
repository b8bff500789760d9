//! All pictures of a sweep on one sheet: a column for each number of steps, a row for each seed of each thing compared.

use super::store::Done;
use image::{
    RgbaImage,
    imageops::{FilterType, replace, resize},
};
use inference::image::Picture;
use lab::grid::Grid;

/// Widest side of a picture on the sheet, in pixels.
const SIDE: u32 = 128;
const GAP: u32 = 4;

/// The sheet; pictures that are not there leave their place empty. `None` where there are none.
pub fn sheet(grid: &Grid, done: &[Done]) -> Option<RgbaImage> {
    let Picture { width, height, .. } = done.first()?.picture;
    let longest = width.max(height);
    let shrunk = |side: u32| (side * SIDE.min(longest)).div_ceil(longest).max(1);
    let (width, height) = (shrunk(width), shrunk(height));
    let rows = grid.other.len() * grid.seeds.len();
    let size = |count: usize, side: u32| count as u32 * (side + GAP) + GAP;
    let white = image::Rgba([255; 4]);
    let mut sheet = RgbaImage::from_pixel(size(grid.steps.len(), width), size(rows, height), white);
    for run in done {
        let column = grid.steps.iter().position(|steps| *steps == run.cell.steps);
        let seed = grid.seeds.iter().position(|seed| *seed == run.cell.seed);
        let (Some(column), Some(seed)) = (column, seed) else { continue };
        let row = run.cell.row * grid.seeds.len() + seed;
        let Picture { width: own, height: high, rgba } = &run.picture;
        let picture = RgbaImage::from_raw(*own, *high, rgba.clone())?;
        let small = resize(&picture, width, height, FilterType::Triangle);
        let at = |index: usize, side: u32| i64::from(size(index, side));
        replace(&mut sheet, &small, at(column, width), at(row, height));
    }
    Some(sheet)
}
