//! Where the mask is painted: a modal over the page, as large as the window allows.

use super::{controller, mask_canvas::MaskCanvas};
use crate::mask::Mask;
use leptos::{html, prelude::*};

/// What the brush does; the tools set it, the canvas follows it.
#[derive(Clone, Copy)]
pub struct Brush {
    /// Diameter in pixels of the picture.
    pub size: RwSignal<f64>,
    /// Whether it takes away.
    pub erases: RwSignal<bool>,
    /// Where it is, in pixels of the picture; `None` until it has been over it.
    pub at: RwSignal<Option<[f64; 2]>>,
}

/// Canvas and tools. Closing keeps what was painted.
#[component]
pub fn MaskDialog() -> impl IntoView {
    let start = controller().start;
    let dialog = NodeRef::<html::Dialog>::new();
    let brush = Brush { size: RwSignal::new(1.0), erases: RwSignal::new(false), at: RwSignal::new(None) };
    let longer_side = Memo::new(move |_| {
        start.fitted.with(|pixels| pixels.as_ref().map_or(1, |pixels| pixels.width.max(pixels.height)))
    });
    Effect::new(move |_| brush.size.set((f64::from(longer_side.get()) / 6.0).round()));
    Effect::new(move |_| {
        if let (true, Some(dialog)) = (start.is_painting.get(), dialog.get()) {
            brush.erases.set(false);
            if !dialog.open() {
                let _ = dialog.show_modal();
                crate::browser::focus("mask-canvas");
            }
        }
    });
    let edit = move |change: fn(&mut Mask)| move |_| start.mask.update(|mask| mask.iter_mut().for_each(change));
    let can_undo = move || start.mask.with(|mask| mask.as_ref().is_some_and(Mask::can_undo));
    view! {
        <dialog node_ref=dialog class="dialog mask-dialog" aria-labelledby="mask-title" on:close=move |_| start.is_painting.set(false)>
            <form method="dialog">
                <h2 id="mask-title">"Paint a mask"</h2>
                <p class="hint">"What you paint over is made anew, the rest stays."</p>
                <p class="hint by-keys" id="mask-help">
                    "By keyboard: the arrow keys move the brush (with Shift further), the space bar paints, E switches to \
                    erasing and back, Ctrl+Z takes back."
                </p>
                <MaskCanvas brush=brush/>
                <label class="row brush">
                    <span>"Brush size"</span>
                    <input
                        type="range"
                        min="1"
                        max=move || longer_side.get() / 2
                        step="1"
                        aria-label="Brush size"
                        style:--done=move || format!("{}%", 200.0 * brush.size.get() / f64::from(longer_side.get()))
                        prop:value=move || brush.size.get().to_string()
                        on:input=move |event| brush.size.set(event_target_value(&event).parse().unwrap_or(1.0))
                    />
                    <output class="figures">{move || format!("{} px", brush.size.get())}</output>
                </label>
                <div class="row tools">
                    <button
                        type="button"
                        aria-pressed=move || brush.erases.get().to_string()
                        on:click=move |_| brush.erases.update(|erases| *erases = !*erases)
                    >"Erase"</button>
                    <button type="button" disabled=move || !can_undo() on:click=edit(Mask::undo)>"Undo"</button>
                    <button type="button" on:click=edit(Mask::invert)>"Invert"</button>
                    <button type="button" on:click=edit(Mask::clear)>"Clear"</button>
                    <button type="submit" class="primary">"Done"</button>
                </div>
            </form>
        </dialog>
    }
}
