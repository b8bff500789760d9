//! The page as a whole: header, notices, and the page that the address names.

use super::{
    compare::ComparePage, details::Details, expert_notes::ExpertNotes, film_strip::FilmStrip, form::Form,
    gallery_strip::GalleryStrip, header::Header, inside::Inside, link_dialog::LinkDialog, log::LogPage,
    mask_dialog::MaskDialog, models_page::ModelsPage, notices::Notices, offer_dialog::OfferDialog,
    png_dialog::PngDialog, progress::Progress, scrubber::Scrubber, share_dialog::ShareDialog, stage::Stage,
    sweep_page::SweepPage, view_toggle::ViewToggle,
};
use crate::{controller::Controller, page::Page};
use leptos::prelude::*;

/// Everything. The Run page stays in the document while another page is shown, so nothing on it is lost.
#[component]
pub fn App() -> impl IntoView {
    let controller = Controller::start();
    provide_context(controller);
    let page = controller.page;
    view! {
        <a class="skip-link" href="#main" on:click=move |event| {
            event.prevent_default();
            crate::browser::focus("main");
        }>"Skip to the content"</a>
        <Header/>
        <main id="main" tabindex="-1">
            <Notices/>
            <div class="run-page" hidden=move || page.get() != Page::Run>
                <h1 class="visually-hidden">"Run"</h1>
                <Form/>
                <section class="viewer" aria-label="Picture">
                    <div class="viewer-top">
                        <Stage/>
                        <div class="panel">
                            <Progress/>
                            <ViewToggle/>
                            <Details/>
                        </div>
                    </div>
                    <div class="film">
                        <FilmStrip/>
                        <Scrubber/>
                        <GalleryStrip/>
                    </div>
                </section>
                <Inside/>
                <ExpertNotes/>
            </div>
            {move || match page.get() {
                Page::Run => ().into_any(),
                Page::Models => view! { <ModelsPage/> }.into_any(),
                Page::Sweep => view! { <SweepPage/> }.into_any(),
                Page::Compare => view! { <ComparePage/> }.into_any(),
                Page::Log => view! { <LogPage/> }.into_any(),
            }}
        </main>
        <LinkDialog/>
        <MaskDialog/>
        <OfferDialog/>
        <PngDialog/>
        <ShareDialog/>
    }
}
