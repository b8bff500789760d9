//! What a run costs: the honest unit is the model call, not the step.

use crate::{
    field::{Field, parse_scheduler},
    settings::Settings,
    start::executed_steps,
};

/// `20 steps = 39 model calls (78 with guidance)`: guidance runs the model for the negative prompt, too.
pub fn sentence(steps: u32, evaluations: u32, guided: bool) -> String {
    let count = |number: u32, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
    let guidance = if guided { format!(" ({} with guidance)", 2 * evaluations) } else { String::new() };
    format!("{} = {}{guidance}", count(steps, "step"), count(evaluations, "model call"))
}

/// What the form asks for; `None` while it cannot be read. A run from a picture leaves the noisiest steps out.
pub fn of_form(settings: &Settings, has_picture: bool) -> Option<String> {
    let steps = protocol::parse_steps(settings.get(Field::Steps)).ok()?;
    if has_picture {
        let strength = protocol::parse_strength(settings.get(Field::Strength)).ok()?;
        return Some(format!("Starts from a picture: runs {} of {steps} steps.", executed_steps(steps, strength)));
    }
    let scheduler = parse_scheduler(settings.get(Field::Scheduler)).ok()?;
    let guided = protocol::parse_guidance(settings.get(Field::Guidance)).ok()? > 1.0;
    Some(sentence(steps, scheduler.evaluations(steps), guided))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::model;

    #[test]
    fn a_sentence_counts_calls_and_doubles_them_for_guidance() {
        assert_eq!(sentence(20, 39, true), "20 steps = 39 model calls (78 with guidance)");
        assert_eq!(sentence(1, 1, false), "1 step = 1 model call");
    }

    #[test]
    fn the_form_tells_the_samplers_own_count() {
        let mut settings = Settings::of_model(&model(), "");
        settings.set(Field::Steps, "20");
        let told = |settings: &Settings| of_form(settings, false).unwrap();
        assert_eq!(told(&settings), "20 steps = 20 model calls (40 with guidance)");
        settings.set(Field::Guidance, "1");
        assert_eq!(told(&settings), "20 steps = 20 model calls");
        settings.set(Field::Scheduler, "heun");
        assert_eq!(told(&settings), "20 steps = 39 model calls");
        settings.set(Field::Scheduler, "pndm");
        assert_eq!(told(&settings), "20 steps = 21 model calls");
        assert_eq!(of_form(&settings, true).unwrap(), "Starts from a picture: runs 15 of 20 steps.");
        settings.set(Field::Steps, "x");
        assert_eq!(of_form(&settings, false), None);
    }
}
