//! All steps of a run on one picture: rows of frames, each with its number and noise level.

use super::encode::ExportError;
use crate::{engine::describe, frames::Pixels, paint};
use wasm_bindgen::JsValue;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

/// Most pixels of a sheet; some phones refuse larger canvases.
const AREA_MAX: f64 = 16.0e6;
/// Smallest and largest width of a frame on the sheet, pixels.
const CELL: [f64; 2] = [96.0, 512.0];
const GAP: f64 = 8.0;
const TITLE: f64 = 30.0;

/// Where everything lies on a sheet, in pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Frames in a row.
    pub columns: usize,
    /// Width and height of a frame.
    pub cell: [f64; 2],
    /// Width and height of the sheet.
    pub size: [f64; 2],
    label: f64,
}

impl Layout {
    /// For frames of this size, about half as many rows as columns.
    pub fn new(frames: usize, [width, height]: [u32; 2]) -> Self {
        let columns = ((frames as f64 * 2.0).sqrt().ceil() as usize).clamp(1, frames.max(1));
        let rows = frames.div_ceil(columns).max(1);
        let area = f64::from(width) * f64::from(height) * (columns * rows) as f64;
        let scale = (AREA_MAX / area).sqrt().min(CELL[1] / f64::from(width)).min(1.0).max(CELL[0] / f64::from(width));
        let cell = [f64::from(width), f64::from(height)].map(|side| (side * scale).round());
        let label = (cell[0] / 8.0).clamp(14.0, 24.0).round();
        let across = columns as f64 * (cell[0] + GAP) + GAP;
        let down = rows as f64 * (cell[1] + label + GAP) + GAP + TITLE;
        Self { columns, cell, size: [across, down], label }
    }

    /// The upper left corner of a frame.
    pub fn place(&self, frame: usize) -> [f64; 2] {
        let (row, column) = (frame / self.columns, frame % self.columns);
        let x = GAP + column as f64 * (self.cell[0] + GAP);
        [x, TITLE + GAP + row as f64 * (self.cell[1] + self.label + GAP)]
    }
}

/// A sheet that is being drawn.
pub struct Sheet {
    layout: Layout,
    /// The sheet.
    pub canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
}

impl Sheet {
    /// Paper with a title.
    ///
    /// # Errors
    /// Where the browser has no canvas of this size.
    pub fn new(layout: Layout, title: &str) -> Result<Self, ExportError> {
        let canvas = paint::new_canvas(layout.size[0] as u32, layout.size[1] as u32).ok_or(ExportError::Canvas)?;
        let context = paint::smooth_context(&canvas).ok_or(ExportError::Canvas)?;
        context.set_fill_style_str("#1b1815");
        context.fill_rect(0.0, 0.0, layout.size[0], layout.size[1]);
        let sheet = Self { layout, canvas, context };
        let width = sheet.layout.size[0] - 2.0 * GAP;
        sheet.write(title, [GAP, TITLE / 2.0 + 5.0], 15.0, width)?;
        Ok(sheet)
    }

    fn write(&self, text: &str, [x, y]: [f64; 2], size: f64, width: f64) -> Result<(), ExportError> {
        self.context.set_fill_style_str("#f1ece3");
        self.context.set_font(&format!("{size}px system-ui, sans-serif"));
        let failed = |error: JsValue| ExportError::Browser(describe(&error));
        self.context.fill_text_with_max_width(text, x, y, width).map_err(failed)
    }

    /// Draws a frame and its label.
    ///
    /// # Errors
    /// Where the browser refuses.
    pub fn draw(&self, frame: usize, pixels: &Pixels, label: &str) -> Result<(), ExportError> {
        let [x, y] = self.layout.place(frame);
        let [width, height] = self.layout.cell;
        let source = paint::new_canvas(pixels.width, pixels.height).ok_or(ExportError::Canvas)?;
        paint::exactly(&source, pixels);
        self.context
            .draw_image_with_html_canvas_element_and_dw_and_dh(&source, x, y, width, height)
            .map_err(|error| ExportError::Browser(describe(&error)))?;
        let size = (self.layout.label * 0.8).round();
        self.write(label, [x, y + height + size], size, width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_has_its_own_place_on_the_sheet() {
        for (frames, size) in [(1, [64, 64]), (20, [64, 96]), (150, [512, 512]), (7, [1024, 768])] {
            let layout = Layout::new(frames, size);
            let [width, height] = layout.size;
            assert!(width * height < 1.5 * AREA_MAX, "{frames}: {layout:?}");
            let places: Vec<_> = (0..frames).map(|frame| layout.place(frame)).collect();
            for (i, [x, y]) in places.iter().enumerate() {
                assert!(x + layout.cell[0] < width && y + layout.cell[1] + layout.label < height, "{i}: {layout:?}");
                let apart = |[a, b]: &[f64; 2]| (a - x).abs() >= layout.cell[0] || (b - y).abs() >= layout.cell[1];
                assert!(places[..i].iter().all(apart), "{i}");
            }
        }
        assert_eq!(Layout::new(4, [512, 512]).cell, [512.0, 512.0], "not scaled without need");
    }
}
