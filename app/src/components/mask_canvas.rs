//! The picture under the brush: mouse, pen, finger and keyboard become strokes of the mask.

use super::{controller, mask_dialog::Brush};
use crate::{mask::Mask, paint};
use leptos::{ev, html, prelude::*};

/// The canvas, a ring where the brush is, and a line that tells it to those who cannot see it.
#[component]
pub fn MaskCanvas(
    /// What the brush does.
    brush: Brush,
) -> impl IntoView {
    let start = controller().start;
    let canvas = NodeRef::<html::Canvas>::new();
    let stroke_from = StoredValue::new(None::<[f64; 2]>);
    let size = Memo::new(move |_| {
        start.fitted.with(|pixels| pixels.as_ref().map_or([1.0; 2], |p| [f64::from(p.width), f64::from(p.height)]))
    });
    Effect::new(move |_| {
        let (Some(canvas), Some(pixels)) = (canvas.get(), start.fitted.get()) else { return };
        let hatched = start.mask.with(|mask| mask.as_ref()?.over(&pixels));
        paint::exactly(&canvas, &hatched.unwrap_or(pixels));
    });
    let change = move |change: &dyn Fn(&mut Mask)| start.mask.update(|mask| mask.iter_mut().for_each(change));
    let stroke = move |from: [f64; 2], to: [f64; 2]| {
        let (radius, erases) = (brush.size.get_untracked() / 2.0, brush.erases.get_untracked());
        change(&move |mask: &mut Mask| mask.stroke(from, to, radius, erases));
    };
    let at = move |event: &ev::PointerEvent| {
        let canvas = canvas.get_untracked()?.get_bounding_client_rect();
        let [width, height] = size.get_untracked();
        let x = (f64::from(event.client_x()) - canvas.left()) / canvas.width() * width;
        Some([x, (f64::from(event.client_y()) - canvas.top()) / canvas.height() * height])
    };
    let down = move |event: ev::PointerEvent| {
        let (Some(at), true) = (at(&event), event.button() == 0 && event.is_primary()) else { return };
        if let Some(canvas) = canvas.get_untracked() {
            // Without it a stroke would end at the edge, which is no harm.
            let _ = canvas.set_pointer_capture(event.pointer_id());
        }
        change(&Mask::remember);
        stroke(at, at);
        stroke_from.set_value(Some(at));
        brush.at.set(Some(at));
    };
    let moved = move |event: ev::PointerEvent| {
        let Some(at) = at(&event).filter(|_| event.is_primary()) else { return };
        if let Some(from) = stroke_from.get_value() {
            stroke(from, at);
            stroke_from.set_value(Some(at));
        }
        brush.at.set(Some(at));
    };
    let key = move |event: ev::KeyboardEvent| {
        let [width, height] = size.get_untracked();
        let at = brush.at.get_untracked().unwrap_or([width / 2.0, height / 2.0]);
        let step = if event.shift_key() { 8.0 } else { 1.0 } * (width.max(height) / 64.0);
        let to = match event.key().as_str() {
            "ArrowLeft" => [at[0] - step, at[1]],
            "ArrowRight" => [at[0] + step, at[1]],
            "ArrowUp" => [at[0], at[1] - step],
            "ArrowDown" => [at[0], at[1] + step],
            " " => {
                change(&Mask::remember);
                stroke(at, at);
                at
            }
            "e" | "E" => return brush.erases.update(|erases| *erases = !*erases),
            "z" | "Z" if event.ctrl_key() || event.meta_key() => {
                change(&Mask::undo);
                at
            }
            _ => return,
        };
        event.prevent_default();
        brush.at.set(Some([to[0].clamp(0.0, width), to[1].clamp(0.0, height)]));
    };
    let told = move || {
        let percent = start.mask.with(|mask| mask.as_ref().map_or(0.0, Mask::percent));
        let tool = if brush.erases.get() { "Eraser" } else { "Brush" };
        let place = brush.at.get().map_or(String::new(), |[x, y]| format!(" at {x:.0}, {y:.0}"));
        let [width, height] = size.get();
        format!("{tool}{place} of {width} × {height}; {percent:.0} % is masked.")
    };
    let share = move |pick: fn([f64; 2], [f64; 2], f64) -> f64| {
        move || brush.at.get().map(|at| format!("{}%", 100.0 * pick(at, size.get(), brush.size.get())))
    };
    view! {
        <div class="mask-stage" style:--aspect=move || (size.get()[0] / size.get()[1]).to_string()>
            <canvas
                node_ref=canvas
                id="mask-canvas"
                tabindex="0"
                role="application"
                aria-label="Mask"
                aria-describedby="mask-help"
                width="1"
                height="1"
                on:pointerdown=down
                on:pointermove=moved
                on:pointerup=move |_| stroke_from.set_value(None)
                on:pointercancel=move |_| stroke_from.set_value(None)
                on:keydown=key
            ></canvas>
            <span
                class="mask-brush"
                aria-hidden="true"
                hidden=move || brush.at.with(Option::is_none)
                style:left=share(|at, size, _| at[0] / size[0])
                style:top=share(|at, size, _| at[1] / size[1])
                style:width=share(|_, size, brush| brush / size[0])
            ></span>
        </div>
        <p class="field-hint figures" role="status" aria-live="polite">{told}</p>
    }
}
