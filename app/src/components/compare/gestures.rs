//! What pointer, wheel and keys do to the pictures.

use crate::compare::Zoom;
use leptos::prelude::*;
use web_sys::{Element, EventTarget, HtmlElement, KeyboardEvent, PointerEvent, WheelEvent, wasm_bindgen::JsCast};

/// How far an arrow key moves, as a share of the pane.
const STRIDE: f64 = 0.1;
/// How near to the divider a finger takes hold of it, in pixels.
const GRIP: f64 = 24.0;

/// What a pointer does while it is down: where it was last, in pixels, and the size of the pane under it.
#[derive(Clone, Copy)]
struct Drag {
    at: [f64; 2],
    pane: [f64; 2],
    moves_divider: bool,
}

/// Moves and enlarges the pictures, and the divider where there is one. Copies share it.
#[derive(Clone, Copy)]
pub struct Gestures {
    zoom: RwSignal<Zoom>,
    divider: RwSignal<f64>,
    drag: StoredValue<Option<Drag>>,
}

impl Gestures {
    /// For these.
    pub fn new(zoom: RwSignal<Zoom>, divider: RwSignal<f64>) -> Self {
        Self { zoom, divider, drag: StoredValue::new(None) }
    }

    /// A pointer takes hold of the picture, or of the divider.
    pub fn down(self, event: &PointerEvent, view: &HtmlElement, has_divider: bool) {
        if event.button() != 0 {
            return;
        }
        let [left, _, width, height] = pane_under(event.target(), view);
        let at = [f64::from(event.client_x()), f64::from(event.client_y())];
        let share = (at[0] - left) / width;
        let is_near = ((share - self.divider.get_untracked()) * width).abs() < GRIP;
        let moves_divider = has_divider && (is_near || self.zoom.get_untracked().fits());
        if moves_divider {
            self.divider.set(share.clamp(0.0, 1.0));
        }
        self.drag.set_value(Some(Drag { at, pane: [width, height], moves_divider }));
        // Refused only for a pointer that is gone already.
        let _ = view.set_pointer_capture(event.pointer_id());
    }

    /// It goes elsewhere.
    pub fn moved(self, event: &PointerEvent) {
        let Some(Drag { at, pane, moves_divider }) = self.drag.get_value() else { return };
        let now = [f64::from(event.client_x()), f64::from(event.client_y())];
        let by = [(now[0] - at[0]) / pane[0], (now[1] - at[1]) / pane[1]];
        match moves_divider {
            true => self.divider.update(|divider| *divider = (*divider + by[0]).clamp(0.0, 1.0)),
            false => self.zoom.update(|zoom| *zoom = zoom.dragged(by)),
        }
        self.drag.set_value(Some(Drag { at: now, pane, moves_divider }));
    }

    /// It lets go.
    pub fn up(self) {
        self.drag.set_value(None);
    }

    /// The bare wheel scrolls the page; with Ctrl it zooms, as two fingers on a touchpad do.
    pub fn wheel(self, event: &WheelEvent, view: &HtmlElement) {
        if !(event.ctrl_key() || event.meta_key()) {
            return;
        }
        event.prevent_default();
        let [left, top, width, height] = pane_under(event.target(), view);
        let point = [(f64::from(event.client_x()) - left) / width, (f64::from(event.client_y()) - top) / height];
        self.zoom.update(|zoom| *zoom = zoom.stepped(event.delta_y() < 0.0, point));
    }

    /// Plus, minus, zero and the arrows. Those scroll the page where there is nothing to move.
    pub fn key(self, event: &KeyboardEvent) {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let before = self.zoom.get_untracked();
        let after = match event.key().as_str() {
            "+" | "=" => before.stepped(true, [0.5; 2]),
            "-" => before.stepped(false, [0.5; 2]),
            "0" => Zoom::default(),
            "ArrowLeft" => before.dragged([STRIDE, 0.0]),
            "ArrowRight" => before.dragged([-STRIDE, 0.0]),
            "ArrowUp" => before.dragged([0.0, STRIDE]),
            "ArrowDown" => before.dragged([0.0, -STRIDE]),
            _ => before,
        };
        if after != before {
            event.prevent_default();
            self.zoom.set(after);
        }
    }
}

/// Left, top, width and height of the pane under an event; of the whole viewport where there is none.
fn pane_under(target: Option<EventTarget>, view: &HtmlElement) -> [f64; 4] {
    let element = target.and_then(|target| target.dyn_into::<Element>().ok());
    let pane = element.and_then(|element| element.closest(".pane").ok().flatten());
    let area = pane.unwrap_or_else(|| view.clone().into()).get_bounding_client_rect();
    [area.left(), area.top(), area.width().max(1.0), area.height().max(1.0)]
}
