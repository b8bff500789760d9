//! Pixels onto canvases.

use crate::frames::Pixels;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok()??.dyn_into().ok()
}

/// Resizes the canvas to the picture and copies it pixel by pixel; the style sheet scales it, smoothly. Scaling in the
/// canvas would give slightly different pixels each time, as browsers move canvases between GPU and main memory.
pub fn exactly(canvas: &HtmlCanvasElement, pixels: &Pixels) {
    let image = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&pixels.rgba), pixels.width, pixels.height);
    if let (Some(context), Ok(image)) = (context(canvas), image) {
        resize(canvas, pixels.width, pixels.height);
        let _ = context.put_image_data(&image, 0.0, 0.0);
    }
}

/// Fills a canvas with faint grain: what a picture is before its first step.
pub fn grain(canvas: &HtmlCanvasElement) {
    const SIDE: u32 = 96;
    let mut state = 0x2545_f491_u32;
    let rgba: Vec<u8> = (0..SIDE * SIDE)
        .flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            [128, 124, 118, (state >> 26) as u8]
        })
        .collect();
    if let Some(pixels) = Pixels::new(SIDE, SIDE, &rgba) {
        exactly(canvas, &pixels);
    }
}

/// Empties a canvas.
pub fn clear(canvas: &HtmlCanvasElement) {
    canvas.set_width(canvas.width());
}

fn resize(canvas: &HtmlCanvasElement, width: u32, height: u32) {
    if (canvas.width(), canvas.height()) != (width, height) {
        canvas.set_width(width);
        canvas.set_height(height);
    }
}
