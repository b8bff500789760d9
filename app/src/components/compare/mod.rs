//! The Compare page: two pictures, how they differ to the eye, and in figures.

mod differences;
mod figures;
mod flicker_bar;
mod gestures;
mod heat_bar;
mod mode_bar;
mod pair_view;
mod pane;
mod picker;
mod viewport;
mod zoom_bar;

use super::{controller, page_link::PageLink};
use crate::page::Page;
use leptos::prelude::*;

/// Two pictures, or what to do to have two.
#[component]
pub fn ComparePage() -> impl IntoView {
    let controller = controller();
    let is_empty = Memo::new(move |_| controller.comparable().is_empty());
    view! {
        <div class="compare">
            <h1>"Compare"</h1>
            <Show
                when=move || !is_empty.get()
                fallback=|| view! {
                    <p class="lead">"Two pictures held against each other, to the eye and in figures."</p>
                    <p class="hint">"Nothing was made yet. One run is enough: its steps can be compared, too."</p>
                    <p><PageLink page=Page::Run class="button">"Make a picture"</PageLink></p>
                }
            >
                <pair_view::PairView/>
            </Show>
        </div>
    }
}
