use super::*;
use crate::settings::{Settings, tests::model};
use cell::key;
use lab::{
    grid::Axis,
    recommend::{Criteria, Verdict},
};
use protocol::{FailureKind, Plan, SchedulerKind, StepReport, View};

fn base() -> GenerateRequest {
    let mut request = Settings::of_model(&model(), "").request(&model()).unwrap();
    request.scheduler = SchedulerKind::Euler;
    request
}

fn grid(steps: &[u32]) -> Grid {
    Grid::new(base(), steps.to_vec(), vec![7, 8, 9, 10], Axis::None).unwrap()
}

fn tasks(grid: &Grid) -> Vec<Task> {
    let task = |cell: lab::grid::Cell| Task {
        key: key(&cell.request, &model(), "cpu"),
        request: cell.request,
        purpose: Purpose::Cell,
        predicted: Some(1.0),
    };
    grid.cells().into_iter().map(task).collect()
}

fn report(step: u32) -> StepReport {
    StepReport { width: 0, height: 0, ..crate::frames::tests::report(step) }
}

/// What the worker would answer: the error falls like 1/N.
fn work(sweep: &mut Sweep, job: u32, request: &GenerateRequest) -> Option<(Task, Arc<Made>)> {
    let n = request.num_inference_steps;
    let plan = Plan {
        outer_steps: n,
        skipped_steps: 0,
        evaluations: n,
        guided: true,
        cut: vec![],
        warnings: vec![],
        evals: vec![],
    };
    sweep.apply(FromWorker::Started { job, plan }, &[]);
    (1..=n).for_each(|step| drop(sweep.apply(FromWorker::Step { job, report: report(step) }, &[])));
    let mut bytes = vec![n as u8; 4];
    bytes.extend((1.0 + 1.0 / n as f32 + request.seed as f32).to_le_bytes());
    let ms = [1.0, 40.0 * f64::from(n), 2.0];
    sweep.apply(FromWorker::Done { job, width: 1, height: 1, ms, text_reused: false }, &bytes)
}

/// A finished run.
pub fn made() -> Made {
    let mut sweep = Sweep::default();
    sweep.submit(tasks(&grid(&[2])));
    let (job, task) = sweep.next(|| 1).unwrap();
    let (_, made) = work(&mut sweep, job, &task.request).unwrap();
    Made::clone(&made)
}

fn work_all(sweep: &mut Sweep) -> Vec<u32> {
    let mut job = 100;
    let mut made = Vec::new();
    while let Some((job, task)) = sweep.next(|| {
        job += 1;
        job
    }) {
        made.push(task.request.num_inference_steps);
        work(sweep, job, &task.request).unwrap();
    }
    made
}

fn find(sweep: &Sweep) -> impl Fn(&GenerateRequest) -> Option<Arc<Made>> + '_ {
    |request| sweep.made(&key(request, &model(), "cpu")).cloned()
}

#[test]
fn tasks_come_one_at_a_time_cheapest_first_and_add_up() {
    let mut sweep = Sweep::default();
    sweep.submit(tasks(&grid(&[2, 4])));
    assert_eq!((sweep.progress.all, sweep.progress.evaluations, sweep.progress.predicted), (8, [0, 24], Some(8.0)));
    let (job, first) = sweep.next(|| 5).unwrap();
    assert_eq!((job, first.request.num_inference_steps), (5, 2));
    assert!(sweep.next(|| 6).is_none(), "one at a time");
    assert!(sweep.owns(5) && !sweep.owns(6) && sweep.is_running());
    sweep.apply(FromWorker::Step { job: 5, report: report(1) }, &[]);
    assert_eq!(sweep.at_work(), Some((first.key.as_str(), 0.5)));
    assert!(sweep.apply(FromWorker::Step { job: 99, report: report(1) }, &[]).is_none(), "not ours");
    assert_eq!(sweep.progress.evaluations[0], 1);
}

#[test]
fn what_is_made_is_not_made_again() {
    let mut sweep = Sweep::default();
    sweep.submit(tasks(&grid(&[2, 4])));
    assert_eq!(work_all(&mut sweep), [2, 2, 2, 2, 4, 4, 4, 4]);
    assert_eq!((sweep.progress.done, sweep.progress.evaluations), (8, [24, 24]));
    sweep.submit(tasks(&grid(&[2, 4, 8])));
    assert_eq!(work_all(&mut sweep), [8, 8, 8, 8]);
    assert!(!sweep.is_running());
}

#[test]
fn a_sweep_that_is_stopped_keeps_what_is_done_and_goes_on_with_the_rest() {
    let mut sweep = Sweep::default();
    sweep.submit(tasks(&grid(&[2, 4])));
    let (job, task) = sweep.next(|| 1).unwrap();
    work(&mut sweep, job, &task.request).unwrap();
    sweep.next(|| 2).unwrap();
    sweep.apply(FromWorker::Step { job: 2, report: report(1) }, &[]);
    assert_eq!(sweep.stop(), Some(2));
    sweep.apply(FromWorker::Cancelled { job: 2, steps_done: 1 }, &[]);
    assert!(!sweep.is_running() && sweep.next(|| 3).is_none());
    assert_eq!(sweep.progress.evaluations[0], 2, "half a run does not count");
    sweep.submit(tasks(&grid(&[2, 4])));
    assert_eq!(sweep.progress.all, 7);
}

#[test]
fn a_run_that_takes_the_engine_only_delays_the_sweep() {
    let mut sweep = Sweep::default();
    sweep.submit(tasks(&grid(&[2])));
    let (_, task) = sweep.next(|| 1).unwrap();
    sweep.apply(FromWorker::Cancelled { job: 1, steps_done: 0 }, &[]);
    assert!(sweep.is_running());
    assert_eq!(sweep.next(|| 2).unwrap().1.key, task.key, "the same one again");
}

#[test]
fn a_failure_stops_the_sweep_and_is_told() {
    let mut sweep = Sweep::default();
    sweep.submit(tasks(&grid(&[2, 4])));
    sweep.next(|| 1).unwrap();
    let failure = Failure { kind: FailureKind::OutOfMemory, message: "m".into(), hint: "h".into() };
    sweep.apply(FromWorker::Failed { job: Some(1), failure: failure.clone() }, &[]);
    assert_eq!((sweep.is_running(), &sweep.failure), (false, &Some(failure)));
}

#[test]
fn results_follow_from_what_is_made() {
    let mut sweep = Sweep::default();
    let grid = grid(&[2, 4, 8, 16, 32]);
    sweep.submit(tasks(&grid));
    work_all(&mut sweep);
    // d(N, 2N) = 1/(2N), of order 1: e(N) = 1/N exactly.
    let criteria = Criteria { tolerance: 0.13, ..Criteria::default() };
    let rows = results::rows(&grid, &find(&sweep), &criteria);
    let Verdict::Enough { steps, error, .. } = rows[0].recommendation.verdict else {
        panic!("{:?}", rows[0].recommendation.verdict)
    };
    assert_eq!((steps, rows[0].points.len()), (8, 16));
    assert!((error - 0.125).abs() < 1e-3, "{error}");
    let table = results::table(&[(&grid, false)], &find(&sweep), criteria.metric);
    assert_eq!(table.len(), 20);
    let line = table.iter().find(|row| row.request.num_inference_steps == 8).unwrap();
    assert!((line.comparison.unwrap().error.unwrap() - 0.125).abs() < 1e-3);
    assert_eq!((line.evaluations, line.predicted), (8, Some(1.0)));
}

#[test]
fn the_lessons_run_keeps_its_steps_and_their_pictures() {
    let mut sweep = Sweep::default();
    let task = Task { purpose: Purpose::Lesson, ..tasks(&grid(&[2])).remove(0) };
    sweep.submit(vec![task.clone()]);
    sweep.next(|| 4).unwrap();
    for step in [1, 2] {
        sweep.apply(FromWorker::Step { job: 4, report: report(step) }, &(step as f32).to_le_bytes());
    }
    let done = FromWorker::Done { job: 4, width: 1, height: 1, ms: [1.0; 3], text_reused: true };
    sweep.apply(done, &[0, 0, 0, 255, 0, 0, 0, 64]).unwrap();
    let refined = FromWorker::Refined { job: 4, step: 1, view: View::Denoised, width: 1, height: 1 };
    assert!(sweep.owns(4));
    sweep.apply(refined, &[1, 2, 3, 255]);
    let track = sweep.track.as_ref().unwrap();
    assert_eq!((track.latents[1][0], track.pictures[&1].rgba[0]), (2.0, 1));
    sweep.submit(vec![task]);
    assert_eq!(sweep.progress.all, 1, "its steps are not kept, so it is made again");
}
