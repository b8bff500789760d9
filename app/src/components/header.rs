//! Logo, navigation, and which engine is at work.

use super::{controller, page_link::PageLink};
use crate::page::Page;
use leptos::prelude::*;

/// The bar at the top.
#[component]
pub fn Header() -> impl IntoView {
    let controller = controller();
    let engine = move || {
        controller.session.with(|session| match session.engine_name() {
            "webgpu" => "WebGPU",
            "cpu" => "CPU",
            _ => "Engine…",
        })
    };
    let device = move || {
        controller.session.with(|session| session.report.as_ref().map_or(String::new(), |report| report.device.clone()))
    };
    view! {
        <header class="header">
            <PageLink page=Page::Run class="brand">
                <svg class="logo" viewBox="0 0 44 20" aria-hidden="true">
                    <g class="logo-noise">
                        <circle cx="2.5" cy="4" r="1.3"/><circle cx="6" cy="9.5" r="1"/>
                        <circle cx="2" cy="15.5" r="1.1"/><circle cx="8" cy="16.5" r="1.4"/>
                        <circle cx="8.5" cy="3" r=".9"/>
                    </g>
                    <g class="logo-middle">
                        <circle cx="15.5" cy="6" r="2"/><circle cx="20" cy="11" r="2.3"/>
                        <circle cx="15" cy="14" r="1.8"/><circle cx="20.5" cy="4.6" r="1.4"/>
                        <circle cx="19" cy="16.6" r="1.3"/>
                    </g>
                    <circle class="logo-picture" cx="34" cy="10" r="8"/>
                </svg>
                <span>"Stepscope"</span>
            </PageLink>
            <nav class="nav" aria-label="Pages">
                {Page::ALL.map(|target| view! {
                    <PageLink page=target marks_current=true>{target.label()}</PageLink>
                })}
            </nav>
            <span class="engine-chip" title=device>
                <span class="engine-dot" aria-hidden="true"></span>
                <span class="visually-hidden">"Engine: "</span>
                {engine}
            </span>
        </header>
    }
}
