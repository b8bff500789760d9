//! Runs become records of the log. Plain Rust; `controller/journal` keeps them.

use crate::{
    frames::Pixels,
    run::{Phase, Run},
};
use lab::log::{Origin, Outcome, RunRecord, VERSION};
use protocol::{EngineReport, ModelInfo, View};

/// What the log keeps of a run that has ended, and its picture; `None` while it goes on, and for one that failed or did
/// nothing.
pub fn record(run: &Run, model: &ModelInfo, report: Option<&EngineReport>, now_ms: u64) -> Option<(RunRecord, Pixels)> {
    let frame = run.frames.last();
    let (outcome, ms, picture) = match (&run.phase, &run.picture) {
        (Phase::Done { ms }, Some(picture)) => (Outcome::Done, *ms, picture.clone()),
        (Phase::Cancelled, _) => {
            let spent = run.frames.iter().map(|frame| frame.report.ms).sum();
            (Outcome::Cancelled, [0.0, spent, 0.0], frame?.view(View::Denoised).clone())
        }
        _ => return None,
    };
    let evaluations = match outcome {
        Outcome::Done => run.plan.evaluations,
        Outcome::Cancelled => run.frames.iter().map(|frame| frame.report.evaluations).sum(),
    };
    let record = RunRecord {
        version: VERSION,
        id: RunRecord::key(now_ms, run.job),
        created_ms: now_ms,
        origin: Origin::Run,
        outcome,
        request: run.request.clone(),
        model: model.display_name.clone(),
        revision: model.revision.clone(),
        device: report.map(|report| report.device.clone()).unwrap_or_default(),
        steps: run.steps_done(),
        evaluations,
        ms,
        last_change: frame.and_then(|frame| frame.report.change),
        notes: String::new(),
        starred: false,
    };
    Some((record, picture))
}
