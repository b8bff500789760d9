//! One run as the page shows it: its frames, the frame that is looked at, its figures. Plain Rust.

use crate::frames::{Frame, Pixels};
use protocol::{EvalTerms, Failure, GenerateRequest, Plan, View};
use std::sync::Arc;

/// Beyond this many frames only those around the shown one are decoded by the VAE.
const REFINE_ALL: u32 = 40;
/// How far around the shown frame.
const REFINE_AROUND: u32 = 2;
/// How many of the latest steps the estimate of the time left looks at.
const RECENT: usize = 9;

/// How far a run is.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Steps are arriving.
    Running,
    /// The picture is there.
    Done {
        /// Text encoding, all evaluations, VAE decode: milliseconds.
        ms: [f64; 3],
    },
    /// All steps are done and the picture has not been asked for: live mode, while values change.
    Sampled {
        /// Text encoding, all evaluations: milliseconds.
        ms: [f64; 2],
    },
    /// Stopped by the user; the frames so far are kept.
    Cancelled,
    /// Stopped by a fault; the frames so far are kept.
    Failed(Failure),
}

/// A step taken apart: the clean picture as predicted without the prompt, with it, and by both combined.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSplit {
    /// Counted from 1.
    pub step: u32,
    /// The three predictions; `None` for a run without guidance.
    pub pictures: Option<[Pixels; 3]>,
    /// Whether they are full VAE decodes.
    pub is_decoded: bool,
    /// Root mean square distance in latents of the second, and of the third, from the first.
    pub apart: [f64; 2],
}

/// What the canvas shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The pixels.
    pub pixels: Pixels,
    /// The step, counted from 1; `None` for the finished picture.
    pub step: Option<u32>,
    /// Its accessible name.
    pub name: String,
}

/// A run and its frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The page's number.
    pub job: u32,
    /// What was asked for.
    pub request: GenerateRequest,
    /// What the engine announced.
    pub plan: Plan,
    /// How far it is.
    pub phase: Phase,
    /// One a step, in order.
    pub frames: Vec<Frame>,
    /// The finished picture.
    pub picture: Option<Pixels>,
    /// Its latents, channels last, where they were asked for.
    pub latents: Option<Arc<[f32]>>,
    /// The step that the user went back to, counted from 1; `None` follows the newest.
    pub selected: Option<u32>,
    /// Steps that were taken apart.
    pub splits: Vec<StepSplit>,
    /// The step that is being taken apart.
    pub splitting: Option<u32>,
}

impl Run {
    /// A run of which nothing has arrived yet.
    pub fn new(job: u32, request: GenerateRequest, plan: Plan) -> Self {
        let phase = Phase::Running;
        let (frames, splits) = (Vec::new(), Vec::new());
        Self {
            job,
            request,
            plan,
            phase,
            frames,
            picture: None,
            latents: None,
            selected: None,
            splits,
            splitting: None,
        }
    }

    /// Steps that have arrived.
    pub fn steps_done(&self) -> u32 {
        self.frames.len() as u32
    }

    /// Frames that will have arrived in the end, as far as is known.
    pub fn steps_total(&self) -> u32 {
        self.plan.outer_steps.max(self.steps_done())
    }

    /// Bytes of its pictures and latents.
    pub fn bytes(&self) -> usize {
        let latents = self.frames.iter().filter_map(|frame| frame.latents.as_ref()).chain(&self.latents);
        let latents: usize = latents.map(|latents| 4 * latents.len()).sum();
        let views = self.frames.iter().flat_map(|frame| [View::Denoised, View::Noisy].map(|view| frame.view(view)));
        latents + views.chain(&self.picture).map(|pixels| pixels.rgba.len()).sum::<usize>()
    }

    /// Whether its frames were let go to save memory.
    pub fn is_bare(&self) -> bool {
        self.picture.is_some() && self.frames.is_empty()
    }

    /// Whether steps are still arriving.
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Whether its picture may still come.
    pub fn awaits_picture(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Sampled { .. })
    }

    /// The step whose figures are shown, counted from 1; 0 before the first.
    pub fn shown_step(&self) -> u32 {
        self.selected.unwrap_or_else(|| self.steps_done()).min(self.steps_done())
    }

    /// The frame whose figures are shown.
    pub fn shown_frame(&self) -> Option<&Frame> {
        self.frames.get((self.shown_step() as usize).checked_sub(1)?)
    }

    /// What the canvas shows in this view: the finished picture, unless the user went back to a step.
    pub fn shown(&self, view: View) -> Option<Shown> {
        if let (Some(picture), None, View::Denoised) = (&self.picture, self.selected, view) {
            let prompt = self.request.prompt.trim();
            let name = if prompt.is_empty() { "Picture without a prompt" } else { prompt };
            return Some(Shown { pixels: picture.clone(), step: None, name: name.to_owned() });
        }
        let frame = self.shown_frame()?;
        let step = self.shown_step();
        let name = format!("Step {step} of {}", self.steps_total());
        Some(Shown { pixels: frame.view(view).clone(), step: Some(step), name })
    }

    /// Goes to a step. The newest one of a run that is still going means to follow it.
    pub fn select(&mut self, step: u32) {
        let step = step.clamp(1, self.steps_done().max(1));
        let follows = self.is_running() && step == self.steps_done();
        self.selected = (!follows && !self.frames.is_empty()).then_some(step);
    }

    /// Median of the latest steps: milliseconds of a step without, and with, its preview.
    pub fn ms_per_step(&self) -> Option<[f64; 2]> {
        let recent = &self.frames[self.frames.len().saturating_sub(RECENT)..];
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied()
        };
        let bare = median(recent.iter().map(|frame| frame.report.ms).collect())?;
        let whole = median(recent.iter().map(|frame| frame.report.ms + frame.report.preview_ms).collect())?;
        Some([bare, whole])
    }

    /// Milliseconds until the last step, at the pace of the latest ones.
    pub fn ms_left(&self) -> Option<f64> {
        let left = self.steps_total() - self.steps_done();
        self.is_running().then(|| self.ms_per_step().map(|[_, whole]| whole * f64::from(left)))?
    }

    /// Steps worth a full decode in this view, the nearest to the shown one first.
    pub fn to_refine(&self, view: View) -> Vec<u32> {
        let shown = self.shown_step();
        let mut steps: Vec<_> = self
            .frames
            .iter()
            .filter(|frame| !frame.is_refined(view))
            .map(|frame| frame.report.step)
            .filter(|step| self.steps_done() <= REFINE_ALL || step.abs_diff(shown) <= REFINE_AROUND)
            .collect();
        steps.sort_by_key(|step| (step.abs_diff(shown), *step));
        steps
    }

    /// `a-red-heart-seed7-20steps`: what every file of the run is named by.
    pub fn file_stem(&self) -> String {
        let mut slug = String::new();
        for part in
            self.request.prompt.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty())
        {
            if slug.chars().count() + part.chars().count() > 40 {
                break;
            }
            slug.push_str(part);
            slug.push('-');
        }
        let prompt = if slug.is_empty() { "picture-" } else { &slug };
        format!("{prompt}seed{}-{}steps", self.request.seed, self.request.num_inference_steps)
    }

    /// `a-red-heart-seed7-20steps.png`; a step's frame has its number in the name, too.
    pub fn file_name(&self, step: Option<u32>, view: View) -> String {
        let suffix = match (step, view) {
            (None, _) => String::new(),
            (Some(step), View::Denoised) => format!("-step{step}"),
            (Some(step), View::Noisy) => format!("-step{step}-noisy"),
        };
        format!("{}{suffix}.png", self.file_stem())
    }

    /// Steps that are not decoded in full in a view, in order.
    pub fn unrefined(&self, view: View) -> Vec<u32> {
        self.frames.iter().filter(|frame| !frame.is_refined(view)).map(|frame| frame.report.step).collect()
    }

    /// Whether an outer step, counted from 1, is guided.
    pub fn is_guided(&self, step: u32) -> bool {
        self.plan.guided && step <= self.request.guided_steps(self.plan.outer_steps)
    }

    /// The sampler's numbers for each evaluation of an outer step, counted from 1.
    pub fn evals_of(&self, step: u32) -> impl Iterator<Item = &EvalTerms> {
        self.plan.evals.iter().filter(move |eval| eval.step == step)
    }

    /// Noise level at the first evaluation of each outer step, in order.
    pub fn sigmas(&self) -> Vec<f64> {
        (1..=self.plan.outer_steps).filter_map(|step| self.evals_of(step).next().map(|eval| eval.sigma)).collect()
    }

    /// Keeps a step taken apart; a full decode replaces its preview.
    pub fn split(&mut self, split: StepSplit) {
        self.splitting = self.splitting.filter(|step| *step != split.step);
        self.splits.retain(|old| old.step != split.step);
        self.splits.push(split);
    }

    /// Where the step that is shown changed the predicted picture.
    pub fn change_map(&self) -> Option<Pixels> {
        let before = (self.shown_step() as usize).checked_sub(2)?;
        self.shown_frame()?.change_map(self.frames.get(before)?)
    }

    /// The largest change between two steps, to scale a chart by.
    pub fn largest_change(&self) -> f64 {
        self.frames.iter().filter_map(|frame| frame.report.change).fold(0.0, f64::max)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::frames::tests::report;
    use crate::settings::{Settings, tests::model};

    pub fn plan(outer_steps: u32) -> Plan {
        let eval = |step| EvalTerms { step, sigma: 14.6 / f64::from(step), ..Default::default() };
        let evals = (1..=outer_steps).map(eval).collect();
        let (cut, warnings) = (vec![], vec![]);
        Plan { outer_steps, skipped_steps: 0, evaluations: outer_steps, guided: true, cut, warnings, evals }
    }

    pub fn run(total: u32, done: u32) -> Run {
        let request = Settings::of_model(&model(), "").request(&model()).unwrap();
        let mut run = Run::new(1, request, plan(total));
        run.frames = (1..=done).map(|step| Frame::new(report(step), &[step as u8; 16]).unwrap()).collect();
        run
    }

    #[test]
    fn a_running_run_shows_its_newest_step_until_the_user_goes_back() {
        let mut run = run(20, 3);
        assert_eq!(run.shown(View::Denoised).unwrap().name, "Step 3 of 20");
        run.select(2);
        assert_eq!(run.shown(View::Noisy).unwrap().name, "Step 2 of 20");
        run.select(3);
        assert_eq!(run.selected, None, "the newest step means to follow");
    }

    #[test]
    fn the_finished_picture_is_named_by_its_prompt() {
        let mut run = run(3, 3);
        run.phase = Phase::Done { ms: [1.0; 3] };
        run.picture = Pixels::new(1, 1, &[7; 4]);
        assert_eq!(run.shown(View::Denoised).unwrap().name, "a red heart");
        assert_eq!(run.shown(View::Noisy).unwrap().name, "Step 3 of 3", "the picture has no noisy view");
        run.select(3);
        assert_eq!(run.shown(View::Denoised).unwrap().name, "Step 3 of 3");
        run.request.prompt = " ".into();
        run.selected = None;
        assert_eq!(run.shown(View::Denoised).unwrap().name, "Picture without a prompt");
    }

    #[test]
    fn selections_stay_within_the_frames() {
        let mut empty = run(5, 0);
        empty.select(3);
        assert_eq!((empty.selected, empty.shown_step(), empty.shown(View::Denoised)), (None, 0, None));
        let mut some = run(5, 4);
        some.phase = Phase::Cancelled;
        some.select(99);
        assert_eq!(some.selected, Some(4));
        some.select(0);
        assert_eq!(some.selected, Some(1));
    }

    #[test]
    fn file_names_tell_what_is_in_the_file() {
        let mut run = run(12, 12);
        assert_eq!(run.file_name(None, View::Denoised), "a-red-heart-seed7-12steps.png");
        assert_eq!(run.file_name(Some(3), View::Noisy), "a-red-heart-seed7-12steps-step3-noisy.png");
        run.request.prompt = "../../etc/passwd: 100% \"ü\"".into();
        assert_eq!(run.file_name(None, View::Denoised), "etc-passwd-100-ü-seed7-12steps.png");
        run.request.prompt = String::new();
        assert_eq!(run.file_name(Some(1), View::Denoised), "picture-seed7-12steps-step1.png");
    }

    #[test]
    fn the_estimate_is_a_median_so_one_hiccup_does_not_move_it() {
        let mut run = run(30, 10);
        run.frames[9].report.ms = 5000.0;
        assert_eq!(run.ms_per_step(), Some([40.0, 41.0]));
        assert_eq!(run.ms_left(), Some(20.0 * 41.0));
        run.phase = Phase::Cancelled;
        assert_eq!(run.ms_left(), None);
    }

    #[test]
    fn frames_are_refined_from_the_shown_one_outwards_and_once() {
        let mut short = run(5, 5);
        short.phase = Phase::Cancelled;
        short.select(4);
        short.frames[4].refine(View::Denoised, Pixels::new(1, 1, &[0; 4]).unwrap());
        assert_eq!(short.to_refine(View::Denoised), [4, 3, 2, 1]);
        assert_eq!(short.to_refine(View::Noisy), [4, 3, 5, 2, 1]);
        let long = run(150, 150);
        assert_eq!(long.to_refine(View::Denoised), [150, 149, 148]);
    }
}
