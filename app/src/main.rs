//! Stepscope's page: a form, a canvas, a film strip. It owns the user; the engine lives in a worker behind `protocol`.
//!
//! `controller` joins plain state (`settings`, `session`, `run`, `frames`, `share`) with the browser (`engine`,
//! `inbox`, `paint`, `browser`); `components` only show it, one component a file.

mod batch;
mod browser;
mod catalog;
mod change;
mod chart;
mod compare;
mod components;
mod controller;
mod cost;
mod engine;
mod export;
mod field;
mod format;
mod frames;
mod gallery;
mod inbox;
mod journal;
mod live;
mod mask;
mod page;
mod paint;
mod png_words;
mod run;
mod session;
mod settings;
mod share;
mod start;
mod store;
mod sweep;
mod terms;

use wasm_bindgen::JsCast;

fn main() {
    console_error_panic_hook::set_once();
    let root = web_sys::window().and_then(|window| window.document()?.get_element_by_id("app"));
    let Some(root) = root.and_then(|root| root.dyn_into::<web_sys::HtmlElement>().ok()) else {
        return leptos::logging::error!("the page has no element with the id 'app'");
    };
    // What index.html paints before this program arrives.
    root.set_inner_html("");
    leptos::mount::mount_to(root, components::App).forget();
}
