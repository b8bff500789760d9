//! The Compare page: two pictures, how they differ to the eye, and in figures.

mod booth;
mod differences;
mod figures;
mod flicker_bar;
mod gestures;
mod heat_bar;
mod mode_bar;
mod pair_view;
mod pane;
mod picker;
mod verdict;
mod viewport;
mod vote;
mod wanted_pair;
mod zoom_bar;

use super::{controller, page_link::PageLink};
use crate::page::Page;
use leptos::prelude::*;

/// Two pictures and what is between them, or the blind vote.
#[component]
pub fn ComparePage() -> impl IntoView {
    let controller = controller();
    let is_empty = Memo::new(move |_| controller.comparable().is_empty());
    let is_open = controller.voting.is_open;
    let tab = move |votes: bool, label: &'static str| {
        let choose = move |_| {
            // A pair must not wait on show: the comparison tells which is which.
            controller.voting.booth.set(None);
            is_open.set(votes);
        };
        view! { <button type="button" aria-pressed=move || (is_open.get() == votes).to_string() on:click=choose>{label}</button> }
    };
    view! {
        <div class="compare">
            <div class="compare-head">
                <h1>"Compare"</h1>
                <div class="toggle even compare-tabs" role="group" aria-label="What to do">
                    {tab(false, "Two pictures")}
                    {tab(true, "Blind vote")}
                </div>
            </div>
            {move || match (is_open.get(), is_empty.get()) {
                (true, _) => view! { <vote::Vote/> }.into_any(),
                (false, false) => view! { <wanted_pair::WantedPair/><pair_view::PairView/> }.into_any(),
                (false, true) if controller.is_making_pair().is_some() => view! { <wanted_pair::WantedPair/> }.into_any(),
                (false, true) => view! {
                    <p class="lead">"Two pictures held against each other, to the eye and in figures."</p>
                    <p class="hint">"Nothing was made yet. One run is enough: its steps can be compared, too."</p>
                    <p><PageLink page=Page::Run class="button">"Make a picture"</PageLink></p>
                }.into_any(),
            }}
        </div>
    }
}
