//! A link to a page. The browser would resolve a bare fragment against `<base>`, lose the query and load the page anew,
//! and with it drop everything that was made; so the click is handled here.

use super::controller;
use crate::page::Page;
use leptos::prelude::*;

/// Whether a click is for this page: one that asks for a new tab is left to the browser.
pub fn is_plain(event: &web_sys::MouseEvent) -> bool {
    event.button() == 0 && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key())
}

/// A link that changes the page in place.
#[component]
pub fn PageLink(
    /// Where it leads.
    page: Page,
    /// For style sheets.
    #[prop(optional)]
    class: &'static str,
    /// Whether it is the navigation's link, which tells which page is open.
    #[prop(optional)]
    marks_current: bool,
    /// What it says.
    children: Children,
) -> impl IntoView {
    let controller = controller();
    let click = move |event: web_sys::MouseEvent| {
        if is_plain(&event) {
            event.prevent_default();
            controller.open_page(page);
        }
    };
    view! {
        <a
            class=class
            href=page.href()
            aria-current=move || (marks_current && controller.page.get() == page).then_some("page")
            on:click=click
        >{children()}</a>
    }
}
