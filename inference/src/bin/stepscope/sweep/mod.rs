//! `stepscope sweep`: runs of many step counts, seeds and one thing more, and the number of steps that they recommend.
//! Cells, distances, the rule and the CSV are the `lab`'s, as they are on the page.

mod analysis;
mod report;
mod runner;
mod sheet;
mod store;

use crate::cli::{Backend, SweepArgs};
use crate::generate::{Pictures, request, written};
use analysis::Group;
use inference::exec::{Executor, cpu::CpuExecutor, gpu::GpuExecutor};
use inference::model::Model;
use inference::pipeline::Pipeline;
use inference::weights::FolderSource;
use inference::{Error, Result};
use lab::grid::{Axis, Cell, Grid};
use lab::recommend::Criteria;
use lab::{LabError, axis};
use protocol::{FieldError, GenerateRequest};
use runner::Runner;
use serde::Serialize;
use std::sync::{Arc, atomic::AtomicBool};
use store::{Done, Identity, Store, fingerprint};

/// Runs the command.
pub fn run(args: &SweepArgs) -> Result<()> {
    let source = FolderSource::new(&args.run.model);
    let model = pollster::block_on(Model::open(&source, &args.run.model.to_string_lossy()))?;
    let base = request(&args.run, &model.info().defaults, args.prompt.as_deref().unwrap_or_default());
    let plan = Plan::new(args, base)?;
    let stop = Arc::new(AtomicBool::new(false));
    // The second time it is meant: then the process ends at once. In this order, or the first would do.
    let signal = signal_hook::consts::SIGINT;
    signal_hook::flag::register_conditional_shutdown(signal, 1, stop.clone())
        .and_then(|_| signal_hook::flag::register(signal, stop.clone()))
        .map_err(|error| Error::Internal(error.to_string()))?;
    match args.run.backend {
        Backend::Cpu => {
            args.run.precision.check_on_cpu()?;
            pollster::block_on(sweep(CpuExecutor, "cpu".into(), source, model, args, plan, stop))
        }
        Backend::Gpu => pollster::block_on(async {
            let exec = GpuExecutor::with_precision(args.run.precision.into()).await?;
            let device = exec.info().name.clone();
            sweep(exec, device, source, model, args, plan, stop).await
        }),
    }
}

/// What is asked for.
struct Plan {
    grid: Grid,
    criteria: Criteria,
    /// Prompts and seeds of the re-check; no prompts where none is asked for.
    held_out: (Vec<String>, Vec<u64>),
}

impl Plan {
    fn new(args: &SweepArgs, base: GenerateRequest) -> Result<Self> {
        let wrong = |field: &'static str| move |error: LabError| Error::from(FieldError::new(field, error.to_string()));
        let lines = |prompts: &[String]| axis::parse_prompts(&prompts.join("\n"));
        let other = if let Some(list) = &args.schedulers {
            Axis::Schedulers(axis::parse_schedulers(list).map_err(wrong("schedulers"))?)
        } else if let Some(list) = &args.guidances {
            Axis::Guidances(axis::parse_guidances(list).map_err(wrong("guidances"))?)
        } else if let Some(prompts) = &args.prompts {
            Axis::Prompts(lines(prompts).map_err(wrong("prompts"))?)
        } else {
            Axis::None
        };
        let steps = axis::parse_steps(&args.steps).map_err(wrong("steps"))?;
        let seeds = axis::parse_seeds(&args.seeds).map_err(wrong("seeds"))?;
        let own_prompts = match &other {
            Axis::Prompts(prompts) => prompts.clone(),
            _ => vec![base.prompt.clone()],
        };
        let held_out = match (&args.held_out_prompts, &args.held_out_seeds) {
            (None, None) => (Vec::new(), Vec::new()),
            (prompts, held_out_seeds) => {
                let prompts = prompts.as_deref().map(lines).transpose().map_err(wrong("held-out-prompts"))?;
                let held_out_seeds = held_out_seeds.as_deref().map(axis::parse_seeds).transpose();
                let held_out_seeds = held_out_seeds.map_err(wrong("held-out-seeds"))?;
                (prompts.unwrap_or(own_prompts), held_out_seeds.unwrap_or_else(|| seeds.clone()))
            }
        };
        let mut criteria = Criteria::of(args.metric.into());
        criteria.tolerance = args.tolerance.unwrap_or(criteria.tolerance);
        let grid = Grid::new(base, steps, seeds, other).map_err(wrong("sweep"))?;
        Ok(Self { grid, criteria, held_out })
    }

    /// File name of a run, without ending.
    fn name(&self, cell: &Cell, group: Option<&Group>) -> String {
        let (steps, seed) = (cell.steps, cell.seed);
        let row = group.map_or(cell.row, |group| group.rows[0]);
        let what = match &self.grid.other {
            Axis::None => String::new(),
            Axis::Schedulers(kinds) => format!("{}-", kinds[row]),
            Axis::Guidances(values) => format!("guidance{}-", values[row]),
            Axis::Prompts(_) if group.is_some() => String::new(),
            Axis::Prompts(_) => format!("prompt{:02}-", row + 1),
        };
        let held_out = if group.is_some() { format!("held-out-prompt{:02}-", cell.row + 1) } else { String::new() };
        format!("{held_out}{what}steps{steps:03}-seed{seed}")
    }
}

/// How predictions did.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Times {
    /// Runs done now.
    runs: usize,
    /// Runs that were there already.
    reused: usize,
    /// Seconds predicted before the first run.
    predicted: f64,
    /// Seconds that the runs took.
    measured: f64,
    /// All runs but the first: seconds predicted just before each, from those before it, and seconds taken.
    after_first: [f64; 2],
}

/// `recommendation.json`.
#[derive(Serialize)]
struct Summary<'a> {
    model: &'a str,
    device: &'a str,
    sweep: &'a Grid,
    interrupted: bool,
    groups: &'a [Group],
    times: Times,
    /// Seconds of an evaluation, with guidance as the base request has it.
    evaluation_seconds: f64,
    /// How much slower the device got, if it did.
    slowdown: Option<f64>,
}

async fn sweep<E: Executor>(
    exec: E,
    device: String,
    source: FolderSource,
    model: Model,
    args: &SweepArgs,
    plan: Plan,
    stop: Arc<AtomicBool>,
) -> Result<()> {
    let store = Store::open(&args.out)?;
    let paths = [Some(&args.run.model), args.run.image.as_ref(), args.run.mask.as_ref()];
    let files = fingerprint(&paths.into_iter().flatten().map(AsRef::as_ref).collect::<Vec<_>>())?;
    let identity = Identity {
        version: env!("CARGO_PKG_VERSION").into(),
        files,
        device: device.clone(),
        precision: format!("{:?}", args.run.precision),
        request: plan.grid.base.clone(),
    };
    // The folder's name, wherever it lies.
    let name =
        args.run.model.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let name = name.unwrap_or_else(|| model.info().id);
    let pictures = Pictures::read(&args.run, &plan.grid.base)?;
    let pipeline = Pipeline::load(exec, source, model).await?;
    let mut runner = Runner::new(pipeline, pictures, &store, identity, stop);
    let mut times = Times::default();

    let cells = plan.grid.cells();
    let named: Vec<(String, Cell)> = cells.into_iter().map(|cell| (plan.name(&cell, None), cell)).collect();
    let mut done = Vec::new();
    let mut interrupted = work(&mut runner, named, &mut times, &mut done).await?;
    let mut groups = analysis::recommend_all(&plan.grid, &done, &plan.criteria);
    let (prompts, seeds) = &plan.held_out;
    let mut held_out: Vec<Vec<Done>> = Vec::new();
    for group in &mut groups {
        let cells = if interrupted || prompts.is_empty() {
            Vec::new()
        } else {
            analysis::held_out_cells(group, &plan.grid, prompts, seeds)
        };
        let named = cells.into_iter().map(|cell| (plan.name(&cell, Some(group)), cell)).collect();
        let mut checks = Vec::new();
        interrupted |= work(&mut runner, named, &mut times, &mut checks).await?;
        if !checks.is_empty() {
            analysis::check(group, &plan.grid, &checks);
        }
        held_out.push(checks);
    }

    let mut rows = analysis::rows(&done, &groups, false, &device, &name);
    for (group, checks) in groups.iter().zip(&held_out) {
        rows.extend(analysis::rows(checks, std::slice::from_ref(group), true, &device, &name));
    }
    let csv = store.write("sweep.csv", &lab::table::to_csv(&rows))?;
    if let Some(sheet) = sheet::sheet(&plan.grid, &done) {
        let path = args.out.join("sheet.png");
        sheet.save(&path).map_err(|error| written(&path, error))?;
    }
    let summary = Summary {
        model: &name,
        device: &device,
        sweep: &plan.grid,
        interrupted,
        groups: &groups,
        times,
        evaluation_seconds: runner.costs(plan.grid.base.guidance_scale > 1.0).evaluation,
        slowdown: runner.slowdown(),
    };
    let json = serde_json::to_string_pretty(&summary).map_err(|error| written(&args.out, error))?;
    let path = store.write("recommendation.json", &(json + "\n"))?;
    groups.iter().for_each(|group| print!("{}", report::group(group)));
    print!("{}", report_times(&times, summary.slowdown));
    println!("{}\n{}", csv.display(), path.display());
    if interrupted {
        eprintln!(
            "stepscope: interrupted; {} runs are kept in {}. Run the same command again to go on.",
            done.len() + held_out.iter().map(Vec::len).sum::<usize>(),
            args.out.display()
        );
        return Err(Error::Cancelled);
    }
    Ok(())
}

/// Does runs, or finds them done. True where Ctrl-C came first.
async fn work<E: Executor>(
    runner: &mut Runner<'_, E>,
    cells: Vec<(String, Cell)>,
    times: &mut Times,
    done: &mut Vec<Done>,
) -> Result<bool> {
    let mut left = Vec::new();
    for (name, cell) in cells {
        match runner.find(&name, &cell) {
            Some(known) => done.push(known),
            None => left.push((name, cell)),
        }
    }
    times.reused += done.len();
    if left.is_empty() {
        return Ok(false);
    }
    let mut pending: Vec<Cell> = left.iter().map(|(_, cell)| cell.clone()).collect();
    if times.runs == 0 {
        runner.warm_up(&pending).await?;
    }
    let predicted = runner.predict(&pending);
    let evaluations: u32 = pending.iter().map(|cell| cell.evaluations).sum();
    times.predicted += predicted;
    eprintln!(
        "{} runs of {evaluations} model evaluations: about {predicted:.1} s ({} runs are there already)",
        pending.len(),
        done.len()
    );
    let total = left.len();
    for (i, (name, cell)) in left.into_iter().enumerate() {
        let run = match runner.run(&name, &cell).await {
            Err(Error::Cancelled) => return Ok(true),
            other => other?,
        };
        pending.remove(0);
        let seconds: f64 = run.measured.parts.iter().sum();
        if times.runs > 0 {
            times.after_first = [times.after_first[0] + run.measured.predicted, times.after_first[1] + seconds];
        }
        times.runs += 1;
        times.measured += seconds;
        eprintln!("[{}/{total}] {name}: {seconds:.2} s, {:.1} s left", i + 1, runner.predict(&pending));
        done.push(run);
    }
    Ok(false)
}

fn report_times(times: &Times, slowdown: Option<f64>) -> String {
    let Times { runs, reused, predicted, measured, after_first: [later, took] } = *times;
    if runs == 0 {
        return format!("Time: nothing to run, all {reused} runs were there already.\n");
    }
    let ratio = |measured: f64, predicted: f64| measured / predicted.max(f64::MIN_POSITIVE);
    let mut out = format!(
        "Time: {measured:.1} s for {runs} runs, predicted {predicted:.1} s before the first (measured by predicted \
         {:.2})",
        ratio(measured, predicted)
    );
    if runs > 1 {
        out += &format!("; after the first, each predicted from those before it: {:.2}", ratio(took, later));
    }
    out += ".\n";
    if let Some(slowdown) = slowdown {
        out += &format!("The device got slower while it worked, by a factor of {slowdown:.2}: it may be throttling.\n");
    }
    out
}
