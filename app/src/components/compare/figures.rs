//! How far the two are apart, and what each figure means.

use super::controller;
use crate::{
    compare::{Figures, Rating, rate_psnr, rate_ssim},
    format,
    terms::percent,
};
use leptos::prelude::*;

fn words(rating: Rating) -> &'static str {
    match rating {
        Rating::Same => "no difference",
        Rating::Hidden => "hard to see",
        Rating::Slight => "to be found where one looks for it",
        Rating::Plain => "plain to see",
        Rating::Other => "as far apart as other pictures",
    }
}

/// Name, value, and what it means.
fn rows(figures: &Figures) -> Vec<(&'static str, String, String)> {
    let decibels = if figures.psnr.is_finite() { format!("{:.1} dB", figures.psnr) } else { "∞".into() };
    // Never rounded up to "the same".
    let alike = if figures.ssim >= 1.0 { "1".into() } else { format!("{:.4}", figures.ssim.min(0.9999)) };
    let latents = match figures.latent_rmse {
        Some(distance) => (
            // What is below has to do with rounding only.
            if (0.0..1e-4).contains(&distance) && distance > 0.0 { "< 0.0001".into() } else { format::figure(distance) },
            "Root mean square distance of the latents, whose own spread is about 1. The Sweep page measures by it, and \
             takes 0.1 for hard to see until your own votes say otherwise."
                .to_owned(),
        ),
        None => ("–".into(), "Latents are kept for the runs of this visit; the log keeps pictures only.".into()),
    };
    vec![
        (
            "PSNR",
            decibels,
            format!(
                "Mean squared error of the pixels, in decibels: more is closer. By rule of thumb: {}.",
                words(rate_psnr(figures.psnr))
            ),
        ),
        (
            "SSIM",
            alike,
            format!(
                "Likeness of edges and contrast in windows of 11 pixels; 1 is the same. By rule of thumb: {}.",
                words(rate_ssim(figures.ssim))
            ),
        ),
        ("Pixels that differ", percent(figures.changed), "The share whose colour is noticeably another one.".into()),
        ("Latent RMSE", latents.0, latents.1),
    ]
}

/// The figures, or why there are none.
#[component]
pub fn FiguresCard() -> impl IntoView {
    let controller = controller();
    let figures = Memo::new(move |_| controller.compared_figures());
    let body = move || match figures.get() {
        None => view! { <p class="field-hint">"Choose two pictures."</p> }.into_any(),
        Some(Err(why)) => view! { <p class="field-hint">{why}</p> }.into_any(),
        Some(Ok(figures)) => {
            let row = |(name, value, meaning): (&'static str, String, String)| {
                view! { <div><dt>{name}</dt><dd class="figures">{value}</dd><dd class="field-hint">{meaning}</dd></div> }
            };
            view! { <dl class="compare-figures">{rows(&figures).into_iter().map(row).collect_view()}</dl> }.into_any()
        }
    };
    view! {
        <section class="inside-card" aria-labelledby="figures-title">
            <h2 id="figures-title">"How far apart"</h2>
            {body}
        </section>
    }
}
