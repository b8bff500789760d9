//! One picture of the Compare page.

use crate::{frames::Pixels, paint};
use leptos::{html, prelude::*};

/// A canvas with exactly the picture's pixels; the style sheet enlarges them as the zoom says.
#[component]
pub fn Pane(
    /// `a`, `b` or `heat`, for the style sheet.
    kind: &'static str,
    /// What is in the corner.
    tag: &'static str,
    /// What it shows.
    #[prop(into)]
    pixels: Signal<Option<Pixels>>,
    /// Accessible name.
    #[prop(into)]
    name: Signal<String>,
    /// Whether it is covered: the other one has its turn.
    #[prop(default = Signal::stored(false))]
    covered: Signal<bool>,
) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        let Some(canvas) = canvas.get() else { return };
        pixels.with(|pixels| match pixels {
            Some(pixels) => paint::exactly(&canvas, pixels),
            None => paint::clear(&canvas),
        });
    });
    view! {
        <div class=format!("pane pane-{kind}") class:covered=covered>
            <canvas node_ref=canvas role="img" aria-label=name width="1" height="1"></canvas>
            <span class="pane-tag" aria-hidden="true">{tag}</span>
        </div>
    }
}
