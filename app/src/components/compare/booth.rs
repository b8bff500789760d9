//! A pair without labels, and the three answers.

use super::{
    controller,
    viewport::{Shown, Viewport},
    zoom_bar::ZoomBar,
};
use crate::{
    compare::Mode,
    controller::{Booth, Choice},
};
use leptos::prelude::*;

/// It stays in the document from pair to pair, so that the focus stays on the answer.
#[component]
pub fn BoothView() -> impl IntoView {
    let controller = controller();
    let booth = controller.voting.booth;
    let left = Memo::new(move |_| ballots_left(controller.ballots().len()));
    let shown = |is_left: bool, name: &'static str, tag: &'static str| {
        let pixels = Memo::new(move |_| {
            let Booth { pair, few_is_left } = booth.get()?;
            let job = if few_is_left == is_left { pair.few } else { pair.many };
            controller.session.with(|session| session.gallery.find(job)?.picture.clone())
        });
        Shown { pixels: pixels.into(), name: Signal::stored(name.to_owned()), tag }
    };
    let answer = move |label: &'static str, choice: Choice| {
        view! { <button type="button" on:click=move |_| controller.vote(choice)>{label}</button> }
    };
    view! {
        <div class="booth">
            <p class="figures" role="status">{left}</p>
            <Viewport
                a=shown(true, "Left picture", "Left") b=shown(false, "Right picture", "Right")
                mode=Signal::stored(Mode::Side)
            />
            <div class="row booth-answers" role="group" aria-label="Which is better?">
                {answer("Left is better", Choice::Left)}
                {answer("Can't tell", Choice::CannotTell)}
                {answer("Right is better", Choice::Right)}
            </div>
            <ZoomBar/>
            <p><button type="button" class="quiet" on:click=move |_| booth.set(None)>"Stop voting"</button></p>
        </div>
    }
}

fn ballots_left(pairs: usize) -> String {
    if pairs == 1 { "The last pair. Which is better?".into() } else { format!("{pairs} pairs left. Which is better?") }
}
