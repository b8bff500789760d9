//! The colours of the difference map and what they stand for.

use super::controller;
use crate::format;
use lab::metrics::{JUST_NOTICEABLE, colour_of};
use leptos::prelude::*;

/// Distances that can be the brightest.
const SCALES: [f64; 5] = [0.05, 0.1, 0.25, 0.5, 1.0];

/// The map's colours from none to the largest difference, as a gradient.
fn gradient() -> String {
    let stop = |i: u32| {
        let [r, g, b] = colour_of(f64::from(i) / 16.0);
        format!("rgb({r} {g} {b})")
    };
    format!("linear-gradient(to right, {})", (0..=16).map(stop).collect::<Vec<_>>().join(", "))
}

/// The legend, and how sensitive the map is.
#[component]
pub fn HeatBar() -> impl IntoView {
    let full_scale = controller().compare.full_scale;
    let noticeable = move || format!("{}%", 100.0 * JUST_NOTICEABLE / full_scale.get());
    view! {
        <div class="compare-options heat">
            <div class="legend" role="img" aria-label=move || {
                format!("Colours from dark, no difference, to pale yellow, {} and more", format::figure(full_scale.get()))
            }>
                <div class="legend-colours" style:background=gradient()>
                    <span class="legend-mark" style:left=noticeable></span>
                </div>
                <div class="legend-scale figures">
                    <span>"0"</span>
                    <span>{move || format::figure(full_scale.get() / 2.0)}</span>
                    <span>{move || format!("{} and more", format::figure(full_scale.get()))}</span>
                </div>
            </div>
            <div class="field inline">
                <label for="heat-scale">"Brightest at"</label>
                <select
                    id="heat-scale"
                    on:change=move |event| full_scale.set(event_target_value(&event).parse().unwrap_or(SCALES[2]))
                >
                    {SCALES.map(|scale| view! {
                        <option value=scale selected=full_scale.get_untracked() == scale>{scale}</option>
                    })}
                </select>
            </div>
            <p class="field-hint">
                {format!(
                    "Distance of each pixel's colours in OKLab, where black to white is 1. The mark is at {JUST_NOTICEABLE}: \
                     side by side, that is just noticeable."
                )}
            </p>
        </div>
    }
}
