//! The Log page.

use super::planned_page::PlannedPage;
use crate::page::Page;
use leptos::prelude::*;

/// The Log page.
#[component]
pub fn LogPage() -> impl IntoView {
    view! { <PlannedPage page=Page::Log/> }
}
