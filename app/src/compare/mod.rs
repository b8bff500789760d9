//! Two pictures held against each other: which ones there are, what is known of each, how far they are apart. Plain Rust;
//! `controller/compare` joins it with what the page keeps.

mod figures;
pub mod votes;
mod wanted;
mod zoom;

pub use figures::{Figures, Rating, heat, rate_psnr, rate_ssim};
pub use wanted::Wanted;
pub use zoom::Zoom;

use crate::{
    frames::Pixels,
    run::{Phase, Run},
};
use lab::log::{RunRecord, VERSION};
use protocol::{EngineReport, GenerateRequest, ModelInfo, View};
use std::sync::Arc;

/// Where a picture comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The finished picture of a run of this visit, by its job.
    Run(u32),
    /// The picture that a step predicted, by its job and step, counted from 1.
    Step(u32, u32),
    /// The picture of a run in the log, by the record's key.
    Log(String),
}

impl Source {
    /// The value of its entry in a list.
    pub fn key(&self) -> String {
        match self {
            Self::Run(job) => format!("run-{job}"),
            Self::Step(job, step) => format!("step-{job}-{step}"),
            Self::Log(id) => format!("log-{id}"),
        }
    }

    /// The source of a key.
    pub fn from_key(key: &str) -> Option<Self> {
        let (kind, rest) = key.split_once('-')?;
        match kind {
            "run" => Some(Self::Run(rest.parse().ok()?)),
            "step" => {
                let (job, step) = rest.split_once('-')?;
                Some(Self::Step(job.parse().ok()?, step.parse().ok()?))
            }
            "log" => Some(Self::Log(rest.to_owned())),
            _ => None,
        }
    }
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The left one, or the first.
    A,
    /// The right one, or the second.
    B,
}

impl Side {
    /// Both, in order.
    pub const BOTH: [Side; 2] = [Side::A, Side::B];

    /// As the page calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

/// How two pictures are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// B lies over A, as far as a divider lets it.
    #[default]
    Wipe,
    /// One beside the other.
    Side,
    /// One after the other, in the same place.
    Flicker,
    /// Where they differ.
    Difference,
}

impl Mode {
    /// In the order of the buttons.
    pub const ALL: [Mode; 4] = [Mode::Wipe, Mode::Side, Mode::Flicker, Mode::Difference];

    /// What the button says.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Wipe => "Wipe",
            Self::Side => "Side by side",
            Self::Flicker => "Flicker",
            Self::Difference => "Difference",
        }
    }

    /// For style sheets.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Wipe => "wipe",
            Self::Side => "side",
            Self::Flicker => "flicker",
            Self::Difference => "difference",
        }
    }
}

/// A picture with all that is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Where it comes from.
    pub source: Source,
    /// The run that made it.
    pub record: RunRecord,
    /// The step that predicted it, of how many; `None` for a finished picture.
    pub step: Option<(u32, u32)>,
    /// The picture.
    pub pixels: Pixels,
    /// Its latents, channels last, where they were kept.
    pub latents: Option<Arc<[f32]>>,
    /// Whether it is a rough preview, which no figure may be taken of.
    pub is_preview: bool,
}

impl Item {
    /// A few words that tell it from others.
    pub fn label(&self) -> String {
        match self.step {
            Some((step, all)) => format!("Step {step} of {all} · {}", title(&self.record.request)),
            None => title(&self.record.request),
        }
    }
}

/// `12 steps · Euler · seed 7 · a red heart`.
pub fn title(request: &GenerateRequest) -> String {
    let steps = if request.num_inference_steps == 1 { "step" } else { "steps" };
    let prompt = if request.prompt.trim().is_empty() { "no prompt" } else { request.prompt.trim() };
    let short: String = prompt.chars().take(40).collect();
    let rest = if short.len() < prompt.len() { "…" } else { "" };
    format!(
        "{} {steps} · {} · seed {} · {short}{rest}",
        request.num_inference_steps,
        request.scheduler.label(),
        request.seed
    )
}

/// A run of this visit as a record, whether or not it went into the log.
pub fn record(run: &Run, model: Option<&ModelInfo>, report: Option<&EngineReport>) -> RunRecord {
    let model = model.filter(|model| model.id == run.request.model);
    let ms = match run.phase {
        Phase::Done { ms } => ms,
        Phase::Sampled { ms: [text, steps] } => [text, steps, 0.0],
        _ => [0.0, run.frames.iter().map(|frame| frame.report.ms).sum(), 0.0],
    };
    RunRecord {
        version: VERSION,
        id: String::new(),
        created_ms: 0,
        origin: Default::default(),
        outcome: Default::default(),
        request: run.request.clone(),
        model: model.map_or_else(|| run.request.model.clone(), |model| model.display_name.clone()),
        revision: model.map(|model| model.revision.clone()).unwrap_or_default(),
        device: report.map(|report| report.device.clone()).unwrap_or_default(),
        steps: run.steps_done(),
        evaluations: run.plan.evaluations,
        ms,
        last_change: run.frames.last().and_then(|frame| frame.report.change),
        notes: String::new(),
        starred: false,
    }
}

/// What a run has under a source; `None` where it is not, or no longer, there.
pub fn of_run(run: &Run, source: &Source, record: RunRecord) -> Option<Item> {
    let source = source.clone();
    match source {
        Source::Run(_) => {
            let (pixels, latents) = (run.picture.clone()?, run.latents.clone());
            Some(Item { source, record, step: None, pixels, latents, is_preview: false })
        }
        Source::Step(_, step) => {
            let frame = run.frames.get((step as usize).checked_sub(1)?)?;
            let pixels = frame.view(View::Denoised).clone();
            let is_preview = !frame.is_refined(View::Denoised);
            let step = Some((step, run.steps_total()));
            Some(Item { source, record, step, pixels, latents: frame.latents.clone(), is_preview })
        }
        Source::Log(_) => None,
    }
}

/// What is compared unless something else is chosen: the two latest pictures, or how the only one began.
pub fn default_pair(finished: &[&Run]) -> [Option<Source>; 2] {
    match finished {
        [] => [None, None],
        [.., before, last] => [Some(Source::Run(before.job)), Some(Source::Run(last.job))],
        [only] => {
            let middle = only.steps_done().div_ceil(2);
            [(middle > 0).then_some(Source::Step(only.job, middle)), Some(Source::Run(only.job))]
        }
    }
}

/// One setting that A and B do not share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name on the page.
    pub name: String,
    /// Of A and B.
    pub values: [String; 2],
}

/// Every setting in which the two differ, in the order of the form.
pub fn differences(a: &Item, b: &Item) -> Vec<Difference> {
    let or_none = |text: String| if text.is_empty() { "–".to_owned() } else { text };
    let settings = lab::log::changes(&a.record, &b.record).into_iter().map(|change| {
        let values = [or_none(change.before), or_none(change.after)];
        Difference { name: setting(change.field).to_owned(), values }
    });
    let shown = |item: &Item| item.step.map_or("the finished picture".into(), |(step, all)| format!("{step} of {all}"));
    let step = (a.step != b.step).then(|| Difference { name: "Step shown".into(), values: [shown(a), shown(b)] });
    settings.chain(step).collect()
}

/// The page's name of a setting that the log knows by its key.
fn setting(field: &str) -> &str {
    match field {
        "model" => "Model",
        "prompt" => "Prompt",
        "negative" => "Negative prompt",
        "steps" => "Steps",
        "scheduler" => "Scheduler",
        "guidance" => "Guidance",
        "guidance-stop" => "CFG end",
        "seed" => "Seed",
        "width" => "Width",
        "height" => "Height",
        "strength" => "Strength",
        "eta" => "Eta",
        "rng" => "Random numbers",
        "timesteps" => "Timesteps",
        "weights" => "Prompt weights",
        "device" => "Device",
        other => other,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
