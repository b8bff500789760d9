//! What is on the screen, one component a file. Logic lives in the modules above.

mod actions;
mod advanced_fields;
mod app;
mod change_map;
mod check_field;
mod compare;
mod details;
mod disclosure;
mod expert_notes;
mod expert_texts;
mod export_card;
mod failure_card;
mod film_strip;
mod form;
mod gallery_strip;
mod guidance_split;
mod header;
mod inside;
mod link_dialog;
mod link_notice;
mod live_switch;
mod loading;
mod log;
mod mask_canvas;
mod mask_dialog;
mod models_page;
mod notices;
mod number_field;
mod offer_dialog;
mod page_link;
mod png_dialog;
mod progress;
mod prompt_fields;
mod sampler_fields;
mod scrubber;
mod seed_field;
mod select_field;
mod share_dialog;
mod sigma_curve;
mod size_fields;
mod stage;
mod start_picture;
mod start_section;
mod step_table;
mod step_terms;
mod steps_field;
mod strength_field;
mod sweep;
mod sweep_page;
mod view_toggle;

pub use app::App;

use crate::controller::Controller;
use leptos::prelude::expect_context;

/// The page's controller, which `App` provides.
fn controller() -> Controller {
    expect_context()
}
