//! The canvas, and what lies over it while there is no picture.

use super::{controller, failure_card::FailureCard, loading::Loading};
use crate::{paint, run::Shown, session::EngineState};
use leptos::{html, prelude::*};

/// The picture. `data-painted` counts the steps of the run that have been painted, so that a test can see that none
/// was skipped.
#[component]
pub fn Stage() -> impl IntoView {
    let controller = controller();
    let session = controller.session;
    let canvas = NodeRef::<html::Canvas>::new();
    let shown = Memo::new(move |_| {
        let view = controller.view.get();
        session.with(|session| session.run()?.shown(view))
    });
    let aspect = Memo::new(move |_| {
        session.with(|session| {
            let (width, height) = match (session.run(), &session.model) {
                (Some(run), _) => (run.request.width, run.request.height),
                (None, Some(model)) => (model.defaults.width, model.defaults.height),
                (None, None) => (1, 1),
            };
            f64::from(width) / f64::from(height)
        })
    });
    // Counts steps, not repaints: a step looked at twice, or refined, is one step.
    Effect::new(move |counted: Option<(u32, u32)>| {
        let job_and_step = session.with(|s| s.run().map_or((0, 0), |run| (run.job, run.steps_done())));
        let picture = shown.get();
        let Some(canvas) = canvas.get() else { return counted.unwrap_or_default() };
        match &picture {
            Some(Shown { pixels, .. }) => paint::exactly(&canvas, pixels),
            None => paint::grain(&canvas),
        }
        if counted != Some(job_and_step) {
            let _ = canvas.set_attribute("data-painted", &job_and_step.1.to_string());
        }
        job_and_step
    });
    let name = move || shown.with(|shown| shown.as_ref().map_or("No picture yet".into(), |shown| shown.name.clone()));
    let is_ready = move || session.with(|session| session.engine == EngineState::Ready);
    view! {
        <div class="stage" id="stage" style:--aspect=move || aspect.get().to_string()>
            <canvas node_ref=canvas role="img" aria-label=name data-painted="0" width="96" height="96"></canvas>
            <Show when=move || shown.with(Option::is_none)>
                <div class="stage-empty">
                    <Show when=is_ready>
                        <p>"Every picture starts as noise."</p>
                        <p class="hint">"Press Generate and watch each step take some of it away."</p>
                    </Show>
                </div>
            </Show>
            <div class="stage-cards">
                <FailureCard/>
                <Loading/>
            </div>
        </div>
    }
}
