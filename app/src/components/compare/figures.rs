//! How far the two are apart, and what each figure means.

use super::controller;
use crate::{
    compare::{Figures, Rating, rate_psnr, rate_ssim},
    format,
    terms::percent,
};
use lab::recommend::Metric;
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

/// What the distance of the latents means; `own` is the tolerance that the user's votes amount to.
fn latents(distance: f64, own: Option<f64>) -> String {
    let limit = own.unwrap_or(Metric::LatentRmse.default_tolerance());
    let whose =
        if own.is_some() { "what you could not see in the blind vote" } else { "what is hard to see, until you vote" };
    let side = if distance <= limit { "within" } else { "more than" };
    format!(
        "Root mean square distance of the latents, whose own spread is about 1; sweeps measure by it. This is \
         {side} {}, {whose}.",
        format::figure(limit)
    )
}

/// Name, value, and what it means.
fn rows(figures: &Figures, own: Option<f64>) -> Vec<(&'static str, String, String)> {
    let decibels = if figures.psnr.is_finite() { format!("{:.1} dB", figures.psnr) } else { "∞".into() };
    // Never rounded up to "the same".
    let alike = if figures.ssim >= 1.0 { "1".into() } else { format!("{:.4}", figures.ssim.min(0.9999)) };
    let latents = match figures.latent_rmse {
        // What is below has to do with rounding only.
        Some(distance) if distance > 0.0 && distance < 1e-4 => ("< 0.0001".into(), latents(distance, own)),
        Some(distance) => (format::figure(distance), latents(distance, own)),
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
    let own = move || controller.seen_tolerance(Metric::LatentRmse);
    let body = move || match figures.get() {
        None => view! { <p class="field-hint">"Choose two pictures."</p> }.into_any(),
        Some(Err(why)) => view! { <p class="field-hint">{why}</p> }.into_any(),
        Some(Ok(figures)) => {
            let row = |(name, value, meaning): (&'static str, String, String)| {
                view! { <div><dt>{name}</dt><dd class="figures">{value}</dd><dd class="field-hint">{meaning}</dd></div> }
            };
            view! { <dl class="compare-figures">{rows(&figures, own()).into_iter().map(row).collect_view()}</dl> }
                .into_any()
        }
    };
    view! {
        <section class="inside-card" aria-labelledby="figures-title">
            <h2 id="figures-title">"How far apart"</h2>
            {body}
        </section>
    }
}
