//! A and B, with the controls of how they are shown and what is known of them.

use super::{
    controller,
    differences::DifferencesCard,
    figures::FiguresCard,
    mode_bar::ModeBar,
    picker::Picker,
    viewport::{Shown, Viewport},
    zoom_bar::ZoomBar,
};
use crate::compare::Side;
use leptos::prelude::*;

/// The comparison of two chosen pictures.
#[component]
pub fn PairView() -> impl IntoView {
    let controller = controller();
    let shown = move |side: Side| {
        let item = Memo::new(move |_| controller.compared(side));
        let name = move || item.with(|item| item.as_ref().map_or("no picture".into(), |item| item.label()));
        Shown {
            pixels: Signal::derive(move || item.with(|item| item.as_ref().map(|item| item.pixels.clone()))),
            name: Signal::derive(move || format!("{}: {}", side.name(), name())),
            tag: side.name(),
        }
    };
    // Steps that are compared are decoded in full, whatever the Run page shows.
    let previews = Memo::new(move |_| controller.compared_previews());
    Effect::new(move |_| previews.get().into_iter().for_each(|(job, steps)| controller.sharpen_compared(job, steps)));
    view! {
        <div class="compare-pickers">
            <Picker side=Side::A/>
            <button type="button" on:click=move |_| controller.swap_compared()>"Swap A and B"</button>
            <Picker side=Side::B/>
        </div>
        <div class="compare-body">
            <div class="compare-stage">
                <ModeBar/>
                <Viewport a=shown(Side::A) b=shown(Side::B) mode=controller.compare.mode/>
                <ZoomBar/>
            </div>
            <div class="compare-side">
                <FiguresCard/>
                <DifferencesCard/>
                <div class="row">
                    <button type="button" on:click=move |_| controller.copy_pair_link()>"Copy link"</button>
                    <button type="button" on:click=move |_| controller.share_pair()>"Share"</button>
                </div>
            </div>
        </div>
    }
}
