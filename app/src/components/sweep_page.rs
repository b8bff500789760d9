//! The Sweep page.

use super::planned_page::PlannedPage;
use crate::page::Page;
use leptos::prelude::*;

/// The Sweep page.
#[component]
pub fn SweepPage() -> impl IntoView {
    view! { <PlannedPage page=Page::Sweep/> }
}
