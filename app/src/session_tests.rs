//! Conversations with a worker, as the page should understand them.

use super::*;
use crate::frames::tests::report;
use crate::run::tests::plan;
use crate::settings::{Settings, tests::model};
use protocol::{FailureKind, View};

fn request() -> GenerateRequest {
    Settings::of_model(&model(), "").request(&model()).unwrap()
}

fn ready() -> Session {
    let mut session = Session::default();
    session.apply(FromWorker::Model(model()), None);
    session
}

fn job() -> Job {
    Job { request: request(), pixels: None }
}

/// Asks for one picture; its number.
fn submit(session: &mut Session) -> u32 {
    session.submit(vec![job()]);
    session.advance().unwrap().0
}

fn failure() -> Failure {
    Failure { kind: FailureKind::OutOfMemory, message: "Out of memory.".into(), hint: "Close tabs.".into() }
}

fn step(session: &mut Session, job: u32, step: u32) {
    session.apply(FromWorker::Step { job, report: report(step) }, Some(&[step as u8; 16]));
}

fn done(session: &mut Session, job: u32) {
    session
        .apply(FromWorker::Done { job, width: 1, height: 1, ms: [1.0, 98.0, 1.0], text_reused: false }, Some(&[5; 4]));
}

/// A session whose first job has done `steps` of 4 steps.
fn running(steps: u32) -> Session {
    let mut session = ready();
    let job = submit(&mut session);
    session.apply(FromWorker::Started { job, plan: plan(4) }, None);
    (1..=steps).for_each(|i| step(&mut session, job, i));
    session
}

#[test]
fn loading_then_ready() {
    let mut session = Session::default();
    assert_eq!((session.state_name(), session.engine_name()), ("loading", "none"));
    session.apply(
        FromWorker::Engine(EngineReport {
            kind: EngineKind::Cpu,
            device: "CPU".into(),
            notice: Some("No WebGPU.".into()),
            measured: [None; 2],
        }),
        None,
    );
    session.apply(FromWorker::Loading { model: "emoji".into(), what: "unet".into(), received: 1, total: 2 }, None);
    assert_eq!(session.engine, EngineState::Loading { what: "unet".into(), received: 1, total: 2 });
    session.apply(FromWorker::Model(model()), None);
    assert_eq!((session.state_name(), session.engine_name()), ("ready", "cpu"));
    assert_eq!(session.notices, ["No WebGPU."]);
}

#[test]
fn every_step_is_kept_and_quarters_are_milestones() {
    let mut session = running(0);
    assert_eq!((session.state_name(), session.milestone.as_str()), ("running", "Started: 4 steps."));
    for (i, milestone) in [(1, "25 % done."), (2, "50 % done."), (3, "75 % done."), (4, "75 % done.")] {
        step(&mut session, 1, i);
        assert_eq!(session.milestone, milestone);
    }
    done(&mut session, 1);
    let run = session.run().unwrap();
    assert_eq!((run.frames.len(), run.picture.is_some()), (4, true));
    assert_eq!((session.state_name(), session.milestone.as_str()), ("ready", "Done: 4 steps in 0.1 s."));
}

#[test]
fn cancelling_keeps_the_frames() {
    let mut session = running(3);
    session.apply(FromWorker::Cancelled { job: 1, steps_done: 3 }, None);
    let run = session.run().unwrap();
    assert_eq!((run.frames.len(), &run.phase), (3, &Phase::Cancelled));
    assert_eq!((session.state_name(), session.milestone.as_str()), ("ready", "Cancelled after 3 of 4 steps."));
}

#[test]
fn a_new_job_replaces_the_old_one_only_when_it_starts_and_stale_messages_are_dropped() {
    let mut session = running(2);
    let second = submit(&mut session);
    step(&mut session, 1, 3);
    assert_eq!(session.active_job(), Some(second));
    session.apply(FromWorker::Cancelled { job: 1, steps_done: 3 }, None);
    assert_eq!((session.run().unwrap().frames.len(), session.state_name()), (3, "running"));
    assert!(!session.milestone.starts_with("Cancelled"), "{}", session.milestone);
    session.apply(FromWorker::Started { job: second, plan: plan(4) }, None);
    step(&mut session, 1, 4);
    done(&mut session, 1);
    let run = session.run().unwrap();
    assert_eq!((run.job, run.frames.len(), run.picture.is_none()), (second, 0, true));
}

#[test]
fn a_refused_job_leaves_what_was_made() {
    let mut session = running(4);
    done(&mut session, 1);
    let before = session.run().cloned();
    let second = submit(&mut session);
    session.apply(FromWorker::Failed { job: Some(second), failure: failure() }, None);
    assert_eq!(session.run().cloned(), before);
    assert_eq!((session.failure.clone(), session.state_name()), (Some(failure()), "ready"));
    submit(&mut session);
    assert_eq!(session.failure, None, "trying again clears the card");
}

#[test]
fn a_crash_keeps_the_frames_and_is_shown() {
    let mut session = running(2);
    session.crashed(failure());
    assert_eq!(session.run().unwrap().frames.len(), 2);
    assert_eq!(session.run().unwrap().phase, Phase::Failed(failure()));
    assert_eq!((session.state_name(), session.is_running()), ("error", false));
}

#[test]
fn refined_frames_are_swapped_in_place() {
    let mut session = running(4);
    done(&mut session, 1);
    let refined = |job, step| FromWorker::Refined { job, step, view: View::Denoised, width: 1, height: 1 };
    session.apply(refined(1, 2), Some(&[8; 4]));
    session.apply(refined(9, 3), Some(&[8; 4]));
    session.apply(refined(1, 0), Some(&[8; 4]));
    session.apply(refined(1, 5), Some(&[8; 4]));
    let sharp: Vec<_> = session.run().unwrap().frames.iter().map(|frame| frame.is_refined(View::Denoised)).collect();
    assert_eq!(sharp, [false, true, false, false]);
}

#[test]
fn pixels_of_the_wrong_size_fail_the_job_not_the_page() {
    let mut session = running(1);
    session.apply(FromWorker::Step { job: 1, report: report(2) }, Some(&[0; 3]));
    assert!(session.failure.as_ref().unwrap().message.contains("a step"));
    assert_eq!((session.state_name(), session.run().unwrap().frames.len()), ("ready", 1));
}

/// Starts the next job of a batch and does its 4 steps.
fn next_picture(session: &mut Session) -> Option<u32> {
    let (job, Job { request, .. }) = session.advance()?;
    session.apply(FromWorker::Started { job, plan: plan(4) }, None);
    (1..=4).for_each(|i| step(session, job, i));
    assert_eq!(session.gallery.latest().unwrap().request, request);
    Some(job)
}

#[test]
fn a_batch_is_one_run_to_the_user_and_every_picture_is_kept() {
    let mut session = ready();
    session.submit(job().series(3));
    for picture in 1..=3 {
        let job = next_picture(&mut session).unwrap();
        assert_eq!(session.state_name(), "running");
        if picture == 2 {
            session.gallery.pick(1);
        }
        done(&mut session, job);
    }
    assert_eq!((session.advance(), session.state_name()), (None, "ready"));
    assert_eq!(session.milestone, "Done: 3 pictures.");
    let seeds: Vec<_> = session.gallery.finished().map(|run| run.request.seed).collect();
    assert_eq!(seeds, [7, 8, 9]);
    assert_eq!(session.run().unwrap().job, 1, "what the user picked stays on show");
    let single = submit(&mut session);
    session.apply(FromWorker::Started { job: single, plan: plan(4) }, None);
    assert_eq!(session.run().unwrap().job, single, "what the user asks for is put on show");
}

#[test]
fn cancelling_a_batch_keeps_what_is_finished() {
    let mut session = ready();
    session.submit(job().series(3));
    let first = next_picture(&mut session).unwrap();
    done(&mut session, first);
    let second = next_picture(&mut session).unwrap();
    assert_eq!(session.cancel(), Some(second));
    session.apply(FromWorker::Cancelled { job: second, steps_done: 4 }, None);
    assert_eq!((session.advance(), session.state_name()), (None, "ready"));
    assert_eq!(session.milestone, "Cancelled after 4 of 4 steps. 1 of 3 pictures are done.");
    assert_eq!(session.gallery.finished().count(), 1);
}

#[test]
fn a_batch_may_be_cancelled_between_two_pictures() {
    let mut session = ready();
    session.submit(job().series(3));
    let first = next_picture(&mut session).unwrap();
    done(&mut session, first);
    let (second, _) = session.advance().unwrap();
    assert_eq!(session.cancel(), Some(second));
    session.apply(FromWorker::Cancelled { job: second, steps_done: 0 }, None);
    assert_eq!(session.milestone, "Cancelled before the first step. 1 of 3 pictures are done.");
    assert_eq!((session.advance(), session.state_name()), (None, "ready"));
}

#[test]
fn a_batch_may_be_cancelled_while_a_picture_is_decoded() {
    let mut session = ready();
    session.submit(job().series(3));
    let first = next_picture(&mut session).unwrap();
    assert_eq!(session.cancel(), Some(first));
    done(&mut session, first);
    assert_eq!(session.milestone, "Cancelled. 1 of 3 pictures are done.");
    assert_eq!((session.advance(), session.state_name()), (None, "ready"));
}

#[test]
fn a_failure_ends_the_batch() {
    let mut session = ready();
    session.submit(job().series(2));
    let (first, _) = session.advance().unwrap();
    session.apply(FromWorker::Failed { job: Some(first), failure: failure() }, None);
    assert_eq!((session.advance(), session.state_name()), (None, "ready"));
}
