//! The Compare page.

use super::planned_page::PlannedPage;
use crate::page::Page;
use leptos::prelude::*;

/// The Compare page.
#[component]
pub fn ComparePage() -> impl IntoView {
    view! { <PlannedPage page=Page::Compare/> }
}
