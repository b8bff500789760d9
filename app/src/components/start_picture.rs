//! The picture that was chosen: how it will be cut, how much of it stays, and which part is painted anew.

use super::{controller, strength_field::StrengthField};
use crate::{
    paint,
    start::{Fit, needs_fit},
};
use leptos::{html, prelude::*};

/// Thumbnail, fit, mask, strength.
#[component]
pub fn StartPictureFields() -> impl IntoView {
    let controller = controller();
    let start = controller.start;
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        let (Some(canvas), Some(pixels)) = (canvas.get(), start.fitted.get()) else { return };
        let hatched = start.mask.with(|mask| mask.as_ref()?.over(&pixels));
        paint::exactly(&canvas, &hatched.unwrap_or(pixels));
    });
    let text = Memo::new(move |_| {
        let (name, width, height) =
            start.picture.with(|p| p.as_ref().map(|p| (p.name.clone(), p.source.width, p.source.height)))?;
        Some((name, format!("{width} × {height} px")))
    });
    let cut = Memo::new(move |_| {
        let target = start.fitted.with(|pixels| pixels.as_ref().map(|p| (p.width, p.height)))?;
        let source = start.picture.with(|p| p.as_ref().map(|p| (p.source.width, p.source.height)))?;
        Some(needs_fit(source, target))
    });
    let masked = Memo::new(move |_| start.mask.with(|mask| mask.as_ref().map_or(0.0, |mask| mask.percent())));
    let mask_note = move || match masked.get() {
        percent if percent > 0.0 => format!("Paints {percent:.0} % anew and keeps the rest."),
        _ => "Without a mask all of it may change.".into(),
    };
    let fit_button = move |fit: Fit, label: &'static str| {
        view! {
            <button
                type="button"
                aria-pressed=move || (start.fit.get() == fit).to_string()
                on:click=move |_| controller.fit_start(fit)
            >{label}</button>
        }
    };
    view! {
        <div class="start-picture" id="start-picture">
            <canvas node_ref=canvas role="img" aria-label="Picture to start from" width="1" height="1"></canvas>
            <div class="start-facts">
                <p class="start-name">{move || text.get().map(|(name, _)| name)}</p>
                <p class="field-hint">{move || text.get().map(|(_, size)| size)}</p>
                <button type="button" class="small" on:click=move |_| controller.remove_start()>"Remove"</button>
            </div>
        </div>
        <div class="toggle even" role="group" aria-label="Fit to the size" hidden=move || cut.get() != Some(true)>
            {fit_button(Fit::Crop, "Crop")}
            {fit_button(Fit::Stretch, "Stretch")}
        </div>
        <div class="row start-mask">
            <button type="button" aria-describedby="mask-note" on:click=move |_| controller.paint_mask()>"Paint a mask"</button>
            <p class="field-hint" id="mask-note">{mask_note}</p>
        </div>
        <StrengthField/>
    }
}
