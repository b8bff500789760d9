//! Two pictures as a mode shows them, enlarged and moved together.

use super::{controller, gestures::Gestures, pane::Pane};
use crate::{
    compare::{Mode, Side, heat},
    frames::Pixels,
};
use leptos::{html, prelude::*};

/// A picture and its accessible name.
#[derive(Clone, Copy)]
pub struct Shown {
    /// The picture, once it is there.
    pub pixels: Signal<Option<Pixels>>,
    /// Accessible name.
    pub name: Signal<String>,
    /// What is in its corner.
    pub tag: &'static str,
}

/// Both, and where they differ, in one zoom.
#[component]
pub fn Viewport(
    /// The left one, or the first.
    a: Shown,
    /// The right one, or the second.
    b: Shown,
    /// How they are shown.
    #[prop(into)]
    mode: Signal<Mode>,
) -> impl IntoView {
    let compare = controller().compare;
    let view = NodeRef::<html::Div>::new();
    let gestures = Gestures::new(compare.zoom, compare.divider);
    let map = Memo::new(move |_| {
        let scale = compare.full_scale.get();
        let (a, b) = a.pixels.get().zip(b.pixels.get()).filter(|_| mode.get() == Mode::Difference)?;
        heat(&a, &b, scale)
    });
    let covered = |side: Side| Signal::derive(move || mode.get() == Mode::Flicker && compare.flash.get() != side);
    let aspect =
        move || a.pixels.with(|pixels| pixels.as_ref().map_or(1.0, |it| f64::from(it.width) / f64::from(it.height)));
    let offset = move |i: usize| format!("{}%", 100.0 * compare.zoom.get().offset()[i]);
    view! {
        <div
            node_ref=view
            class="compare-view"
            role="group"
            tabindex="0"
            aria-label="The pictures. Plus and minus zoom, arrow keys move, zero shows all."
            data-mode=move || mode.get().key()
            class:zoomed=move || !compare.zoom.get().fits()
            style:--aspect=move || aspect().to_string()
            style:--divider=move || format!("{}%", 100.0 * compare.divider.get())
            style:--scale=move || compare.zoom.get().scale.to_string()
            style:--x=move || offset(0)
            style:--y=move || offset(1)
            on:pointerdown=move |event| {
                view.get().into_iter().for_each(|view| gestures.down(&event, &view, mode.get_untracked() == Mode::Wipe));
            }
            on:pointermove=move |event| gestures.moved(&event)
            on:pointerup=move |_| gestures.up()
            on:pointercancel=move |_| gestures.up()
            on:wheel=move |event| view.get().into_iter().for_each(|view| gestures.wheel(&event, &view))
            on:keydown=move |event| gestures.key(&event)
        >
            <Pane kind="a" tag=a.tag pixels=a.pixels name=a.name covered=covered(Side::A)/>
            <Pane kind="b" tag=b.tag pixels=b.pixels name=b.name covered=covered(Side::B)/>
            <Pane kind="heat" tag="Difference" pixels=map name=Signal::stored("Where A and B differ".to_owned())/>
            <span class="divider" aria-hidden="true"></span>
        </div>
    }
}
