//! Saving the denoising as an animation or a strip.

use super::controller;
use crate::{
    controller::Progress,
    export::{Format, video},
    format,
};
use leptos::prelude::*;
use protocol::View;

/// Milliseconds that a frame may last.
const EACH: [u32; 6] = [50, 100, 200, 350, 500, 1000];
/// Milliseconds that the last may.
const LAST: [u32; 5] = [200, 1000, 2000, 3000, 5000];

/// A list of times.
#[component]
fn Times(
    /// Accessible name.
    name: &'static str,
    id: &'static str,
    times: &'static [u32],
    value: RwSignal<u32>,
    #[prop(into)] hidden: Signal<bool>,
) -> impl IntoView {
    let choose = move |event| value.set(event_target_value(&event).parse().unwrap_or(times[0]));
    view! {
        <div class="field" hidden=hidden>
            <label for=id>{name}</label>
            <select id=id on:change=choose>
                {times.iter().map(|ms| {
                    let ms = *ms;
                    let label = format::duration(f64::from(ms));
                    view! { <option value=ms selected=move || value.get() == ms>{label}</option> }
                }).collect_view()}
            </select>
        </div>
    }
}

/// What to save, how long each frame lasts, a button, and how far it is.
#[component]
pub fn ExportCard() -> impl IntoView {
    let controller = controller();
    let export = controller.export;
    let session = controller.session;
    let no_video = video::kind().err();
    let formats = Format::ALL.into_iter().filter(|format| *format != Format::WebM || no_video.is_none());
    let can_save = move || session.with(|s| s.run().is_some_and(|run| !run.is_running() && !run.frames.is_empty()));
    let is_saving = move || export.progress.with(Option::is_some);
    let is_still = Signal::derive(move || !export.format.get().is_animated());
    let told = move || {
        let saved = session.with(|s| {
            let run = s.run().filter(|run| !run.frames.is_empty())?;
            let film = export.film(run);
            let kept = format::bytes(run.bytes() as u64);
            let frames = format!("{} frames of {} × {}", film.len(), film.width, film.height);
            let time = if is_still.get() { String::new() } else { format!(", {}", format::duration(film.duration())) };
            Some(format!("{frames}{time}. Kept in memory for the strip: {kept}."))
        });
        saved.unwrap_or_else(|| "Every step of a run becomes a frame.".into())
    };
    let latents = move || {
        let is_old = session.with(|s| s.run().is_some_and(|run| !run.unrefined(export.view.get()).is_empty()));
        (can_save() && is_old && !controller.has_latents()).then_some(
            "The engine keeps the latents of the latest run only: steps of this one that were not decoded yet \
                        are saved as enlarged previews.",
        )
    };
    let progress = move || match export.progress.get() {
        None => (0, 1, String::new()),
        Some(Progress::Decoding(_, _, done, all)) => (done, all, format!("Decoding step {done} of {all}")),
        Some(Progress::Writing(done, all)) => (done, all, format!("Writing frame {done} of {all}")),
    };
    let share = move || format!("{}%", 100.0 * f64::from(progress().0) / f64::from(progress().1.max(1)));
    view! {
        <section class="inside-card export-card" aria-labelledby="export-title">
            <h2 id="export-title">"Save the denoising"</h2>
            <div class="pair">
                <div class="field">
                    <label for="export-format">"Save as"</label>
                    <select
                        id="export-format"
                        on:change=move |event| export.format.set(Format::from_key(&event_target_value(&event)))
                    >
                        {formats.map(|format| view! { <option value=format.key()>{format.label()}</option> }).collect_view()}
                    </select>
                </div>
                <div class="field">
                    <label for="export-view">"Frames show"</label>
                    <select
                        id="export-view"
                        on:change=move |event| {
                            let is_noisy = event_target_value(&event) == "noisy";
                            export.view.set(if is_noisy { View::Noisy } else { View::Denoised });
                        }
                    >
                        <option value="denoised">"Predicted picture (x0)"</option>
                        <option value="noisy">"Latents with noise (xt)"</option>
                    </select>
                </div>
                <Times name="Each frame lasts" id="export-each" times=&EACH value=export.ms_each hidden=is_still/>
                <Times name="The last one lasts" id="export-last" times=&LAST value=export.ms_last hidden=is_still/>
            </div>
            <p class="field-hint figures">{told}</p>
            <p class="field-hint" hidden=move || latents().is_none()>{latents}</p>
            {no_video.map(|why| view! { <p class="field-hint">{format!("No video here: {why}")}</p> })}
            <div class="row">
                <button
                    type="button"
                    disabled=move || !can_save() || is_saving()
                    on:click=move |_| controller.save_denoising()
                >"Save denoising"</button>
                <button type="button" hidden=move || !is_saving() on:click=move |_| controller.stop_saving()>"Stop"</button>
            </div>
            <div hidden=move || !is_saving()>
                <p class="field-hint figures">{move || progress().2}</p>
                <div
                    class="bar"
                    role="progressbar"
                    aria-label="Saving"
                    aria-valuemin="0"
                    aria-valuemax=move || progress().1
                    aria-valuenow=move || progress().0
                    aria-valuetext=move || progress().2
                    style:--done=share
                ></div>
            </div>
        </section>
    }
}
