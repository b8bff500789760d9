//! Live mode: whether runs are short enough for it, and what becomes of one when the user changes something. Plain
//! Rust.

use crate::{
    field::{Field, parse_scheduler},
    run::Run,
    settings::Settings,
};
use protocol::{GenerateRequest, ModelInfo};

/// Longest run that can be followed, milliseconds.
pub const RUN_MAX: f64 = 3000.0;
/// A run that is this near to its end is not broken off: the picture would never get there while a slider moves.
pub const NEARLY_DONE: f64 = 120.0;
/// How long a value must stay as it is until the picture is decoded in full, milliseconds.
pub const REST: u32 = 450;

/// What was measured, and what it means for the run that the form describes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Milliseconds of a step, as measured.
    pub step: f64,
    /// Milliseconds of all steps of the form's run.
    pub run: f64,
}

impl Estimate {
    /// From a run of the same size, with or without guidance; `None` where nothing is measured or the form is wrong.
    pub fn new(measured: &Run, settings: &Settings, info: &ModelInfo) -> Option<Self> {
        let [step, whole] = measured.ms_per_step()?;
        let calls = f64::from(measured.plan.evaluations) / f64::from(measured.plan.outer_steps.max(1));
        let size = (measured.request.width, measured.request.height);
        if size != settings.size(info)? || measured.request.model != info.id {
            return None;
        }
        let steps = protocol::parse_steps(settings.get(Field::Steps)).ok()?;
        let evaluations = parse_scheduler(settings.get(Field::Scheduler)).ok()?.evaluations(steps);
        // A model that is told the scale runs once whatever the scale is.
        let is_told = measured.request.guidance_scale > 1.0 && !measured.plan.guided;
        let guided = !is_told && protocol::parse_guidance(settings.get(Field::Guidance)).ok()? > 1.0;
        let passes = if guided { 2.0 } else { 1.0 } / if measured.plan.guided { 2.0 } else { 1.0 };
        Some(Self { step, run: whole / calls * passes * f64::from(evaluations) })
    }

    /// Whether the picture can follow.
    pub fn can_follow(self) -> bool {
        self.run <= RUN_MAX
    }
}

/// What to do with a run that is under way when the form asks for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing is under way: start the new one.
    Start,
    /// Break it off; the new one starts when it has ended.
    BreakOff,
    /// Its end is near, or it has been told to end: the new one starts when it has ended.
    Wait,
}

/// One run at a time, the newest values next: nothing queues up. `told`: the run under way has been broken off already.
pub fn turn(is_running: bool, told: bool, ms_left: Option<f64>) -> Turn {
    match (is_running, told) {
        (false, _) => Turn::Start,
        (true, true) => Turn::Wait,
        (true, false) if ms_left.is_some_and(|left| left <= NEARLY_DONE) => Turn::Wait,
        (true, false) => Turn::BreakOff,
    }
}

/// Whether a request is another one than what is being shown or made.
pub fn is_news(latest: Option<&GenerateRequest>, wanted: &GenerateRequest) -> bool {
    latest != Some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{run::tests::run, settings::tests::model};

    #[test]
    fn the_estimate_scales_by_calls_and_passes() {
        let measured = run(10, 10);
        let mut settings = Settings::of_model(&model(), "");
        let estimate = |settings: &Settings| Estimate::new(&measured, settings, &model());
        settings.set(Field::Steps, "20");
        // The test frames take 40 ms and 1 ms for the preview; the plan is guided, one call a step.
        assert_eq!(estimate(&settings), Some(Estimate { step: 40.0, run: 20.0 * 41.0 }));
        settings.set(Field::Guidance, "1");
        assert_eq!(estimate(&settings).unwrap().run, 10.0 * 41.0);
        settings.set(Field::Scheduler, "heun");
        assert_eq!(estimate(&settings).unwrap().run, 0.5 * 39.0 * 41.0);
        settings.set(Field::Steps, "150");
        assert!(!estimate(&settings).unwrap().can_follow());
        settings.set(Field::Width, "32");
        assert_eq!(estimate(&settings), None, "another size was not measured");
    }

    #[test]
    fn nothing_queues_up_and_what_is_nearly_done_gets_done() {
        assert_eq!(turn(false, false, None), Turn::Start);
        assert_eq!(turn(true, false, None), Turn::BreakOff);
        assert_eq!(turn(true, false, Some(900.0)), Turn::BreakOff);
        assert_eq!(turn(true, false, Some(100.0)), Turn::Wait);
        assert_eq!(turn(true, true, Some(900.0)), Turn::Wait);
    }
}
