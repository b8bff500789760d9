//! What changed between two runs: "what did I do differently?" answered without reading two forms.

use super::RunRecord;
use protocol::{InitImage, RngKind, Timesteps};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key that links use, or `model`, `device`.
    pub field: &'static str,
    /// In the earlier run; empty where it had none.
    pub before: String,
    /// In the later one.
    pub after: String,
}

type Field = (&'static str, fn(&RunRecord) -> String);

/// What decides a picture or its time, in the order of the form.
const FIELDS: &[Field] = &[
    (
        "model",
        |r| if r.revision.is_empty() { r.model.clone() } else { format!("{} ({})", r.model, short(&r.revision)) },
    ),
    ("prompt", |r| r.request.prompt.clone()),
    ("negative", |r| r.request.negative_prompt.clone().unwrap_or_default()),
    ("steps", |r| r.request.num_inference_steps.to_string()),
    ("scheduler", |r| r.request.scheduler.label().to_owned()),
    ("guidance", |r| r.request.guidance_scale.to_string()),
    ("guidance-stop", |r| r.request.guidance_stop.to_string()),
    ("seed", |r| r.request.seed.to_string()),
    ("width", |r| r.request.width.to_string()),
    ("height", |r| r.request.height.to_string()),
    ("strength", |r| r.request.init.map(strength).unwrap_or_default()),
    ("eta", |r| r.request.eta.map(|eta| eta.to_string()).unwrap_or_default()),
    ("rng", |r| if r.request.rng == RngKind::Philox { "philox".into() } else { String::new() }),
    ("timesteps", |r| if r.request.timesteps == Timesteps::Ays { "ays".into() } else { String::new() }),
    ("weights", |r| if r.request.prompt_weights { "on".into() } else { String::new() }),
    ("device", |r| r.device.clone()),
];

fn strength(init: InitImage) -> String {
    format!("{}{}", init.strength, if init.mask { " with a mask" } else { "" })
}

fn short(revision: &str) -> &str {
    revision.char_indices().nth(8).map_or(revision, |(end, _)| &revision[..end])
}

/// Every difference between an earlier and a later run; nothing where the same was run again.
pub fn changes(before: &RunRecord, after: &RunRecord) -> Vec<Change> {
    FIELDS
        .iter()
        .map(|(field, of)| Change { field, before: of(before), after: of(after) })
        .filter(|change| change.before != change.after)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    #[test]
    fn only_what_differs_is_told_in_the_order_of_the_form() {
        let before = record();
        let mut after = record();
        assert_eq!(changes(&before, &after), []);
        after.request.seed = 8;
        after.request.num_inference_steps = 10;
        after.request.init = Some(InitImage { strength: 0.5, mask: true });
        after.ms = [0.0; 3];
        let told = changes(&before, &after);
        assert_eq!(told.iter().map(|change| change.field).collect::<Vec<_>>(), ["steps", "seed", "strength"]);
        assert_eq!((told[0].before.as_str(), told[0].after.as_str()), ("20", "10"));
        assert_eq!((told[2].before.as_str(), told[2].after.as_str()), ("", "0.5 with a mask"));
    }
}
