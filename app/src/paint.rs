//! Pixels onto canvases.

use crate::frames::Pixels;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageBitmap, ImageData};

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

/// A part of a picture (x, y, width, height), scaled to another size. What has its size already stays as it is.
pub fn fitted(source: &Pixels, [x, y, w, h]: [f64; 4], width: u32, height: u32) -> Option<Pixels> {
    if (source.width, source.height) == (width, height) {
        return Some(source.clone());
    }
    let from = new_canvas(source.width, source.height)?;
    exactly(&from, source);
    let canvas = new_canvas(width, height)?;
    let context = smooth_context(&canvas)?;
    context
        .draw_image_with_html_canvas_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            &from,
            x,
            y,
            w,
            h,
            0.0,
            0.0,
            width.into(),
            height.into(),
        )
        .ok()?;
    read(&context, width, height)
}

/// The pixels of a decoded file on white, its longer side at most `side_max`.
pub fn bitmap(bitmap: &ImageBitmap, side_max: u32) -> Option<Pixels> {
    let scale = (f64::from(side_max) / f64::from(bitmap.width().max(bitmap.height()))).min(1.0);
    let [width, height] =
        [bitmap.width(), bitmap.height()].map(|side| (f64::from(side) * scale).round().max(1.0) as u32);
    let canvas = new_canvas(width, height)?;
    let context = smooth_context(&canvas)?;
    context.set_fill_style_str("#fff");
    context.fill_rect(0.0, 0.0, width.into(), height.into());
    context.draw_image_with_image_bitmap_and_dw_and_dh(bitmap, 0.0, 0.0, width.into(), height.into()).ok()?;
    read(&context, width, height)
}

/// A canvas that is not in the page.
pub fn new_canvas(width: u32, height: u32) -> Option<HtmlCanvasElement> {
    let canvas: HtmlCanvasElement = web_sys::window()?.document()?.create_element("canvas").ok()?.dyn_into().ok()?;
    resize(&canvas, width, height);
    Some(canvas)
}

/// The context of a canvas that scales well and is read back.
pub fn smooth_context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    let options = js_sys::Object::new();
    js_sys::Reflect::set(&options, &"willReadFrequently".into(), &true.into()).ok()?;
    let context = canvas.get_context_with_context_options("2d", &options).ok()??;
    let context: CanvasRenderingContext2d = context.dyn_into().ok()?;
    // Not in web-sys yet.
    js_sys::Reflect::set(&context, &"imageSmoothingQuality".into(), &"high".into()).ok()?;
    Some(context)
}

fn read(context: &CanvasRenderingContext2d, width: u32, height: u32) -> Option<Pixels> {
    let image = context.get_image_data(0.0, 0.0, width.into(), height.into()).ok()?;
    Pixels::new(width, height, &image.data())
}

fn resize(canvas: &HtmlCanvasElement, width: u32, height: u32) {
    if (canvas.width(), canvas.height()) != (width, height) {
        canvas.set_width(width);
        canvas.set_height(height);
    }
}
