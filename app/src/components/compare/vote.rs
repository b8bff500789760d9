//! The blind vote: what it is for, what it takes, and what came of it.

use super::{booth::BoothView, controller, verdict};
use crate::{compare::votes::PAIRS, format};
use leptos::prelude::*;

/// A booth while pairs are voted on, what they are made of otherwise.
#[component]
pub fn Vote() -> impl IntoView {
    let controller = controller();
    let voting = controller.voting;
    let is_voting = Memo::new(move |_| voting.booth.with(Option::is_some));
    view! {
        <section class="vote" aria-labelledby="vote-title">
            <h2 id="vote-title" tabindex="-1">"Blind vote: how much error can you see?"</h2>
            <Show when=move || is_voting.get() fallback=|| view! { <Lobby/> }><BoothView/></Show>
        </section>
    }
}

/// Between votes.
#[component]
fn Lobby() -> impl IntoView {
    let controller = controller();
    let voting = controller.voting;
    let session = controller.session;
    let pairs = Memo::new(move |_| controller.ballots().len());
    let runs = Memo::new(move |_| controller.pair_runs());
    let is_busy = move || session.with(|session| session.is_running());
    let mistake = Memo::new(move |_| controller.pair_base().err().or_else(|| controller.pair_steps_number().err()));
    let cost = move || {
        let steps = runs.with(|runs| runs.iter().map(|run| run.num_inference_steps).sum::<u32>());
        if steps == 0 {
            return "All of these pictures are there already.".to_owned();
        }
        let count = runs.with(Vec::len);
        let measured = session.with(|session| session.run().and_then(|run| run.ms_per_step()));
        let time = measured
            .map(|[_, ms]| format!(", about {} as the latest run went", format::duration(ms * f64::from(steps))));
        format!("{count} pictures, {steps} steps in all{}.", time.unwrap_or_default())
    };
    let start = move || match pairs.get() {
        1 => "Vote on 1 pair".to_owned(),
        pairs => format!("Vote on {pairs} pairs"),
    };
    let told = move || voting.cast.with(|cast| verdict::sentences(cast));
    view! {
        <p class="hint">
            "Two pictures of one seed, one made with twice as many steps, in random order and without a label. Say which \
             is better. Your answers tell how large an error must be until you see it. That is \
             your tolerance: a sweep finds the fewest steps whose error is smaller."
        </p>
        <div class="inside-card vote-results" hidden=move || voting.cast.with(Vec::is_empty)>
            {move || told().into_iter().map(|sentence| view! { <p class="vote-result">{sentence}</p> }).collect_view()}
            <p><button type="button" class="small" on:click=move |_| controller.forget_votes()>"Forget all votes"</button></p>
        </div>
        <p class="field-error">{move || voting.problem.get()}</p>
        <button
            type="button" class="primary" hidden=move || pairs.get() == 0 || is_busy()
            on:click=move |_| controller.next_ballot()
        >{start}</button>
        <div class="vote-making" hidden=move || !is_busy()>
            <p role="status">{move || session.with(|session| session.milestone.clone())}</p>
            <button type="button" on:click=move |_| controller.cancel()>"Stop"</button>
        </div>
        <div class="vote-making" hidden=is_busy>
            <div class="field inline">
                <label for="vote-steps">"Steps of the quicker picture"</label>
                <input
                    id="vote-steps" class="number" type="text" inputmode="numeric" autocomplete="off"
                    aria-describedby="vote-error"
                    aria-invalid=move || controller.pair_steps_number().is_err().to_string()
                    prop:value=move || controller.pair_steps()
                    on:input=move |event| voting.steps.set(Some(event_target_value(&event)))
                />
            </div>
            <button
                type="button" disabled=move || runs.with(Vec::is_empty) on:click=move |_| controller.make_pairs()
            >{format!("Make {PAIRS} pairs")}</button>
            <p class="field-error" id="vote-error">{mistake}</p>
            <p class="field-hint" hidden=move || mistake.with(Option::is_some)>
                "Prompt, seed and all else are those of the Run page. " {cost}
            </p>
        </div>
    }
}
