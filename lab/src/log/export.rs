//! The log as files: CSV for spreadsheets, JSON for everything, and JSON back.

use super::{Origin, Outcome, RunRecord, VERSION};
use crate::{LabError, table::quoted};
use serde::{Deserialize, Serialize};

const FORMAT: &str = "stepscope-log";
/// A log of more runs than anybody makes is a mistake or an attack.
const MOST: usize = 100_000;

#[derive(Serialize, Deserialize)]
struct File<R> {
    format: String,
    version: u32,
    runs: R,
}

type Column = (&'static str, fn(&RunRecord) -> String);

/// New ones go to the end, so that a reader by position keeps working.
const COLUMNS: &[Column] = &[
    ("created_ms", |r| r.created_ms.to_string()),
    ("origin", |r| origin(r.origin).to_owned()),
    ("outcome", |r| outcome(r.outcome).to_owned()),
    ("model", |r| r.request.model.clone()),
    ("prompt", |r| r.request.prompt.clone()),
    ("negative_prompt", |r| r.request.negative_prompt.clone().unwrap_or_default()),
    ("scheduler", |r| r.request.scheduler.to_string()),
    ("num_inference_steps", |r| r.request.num_inference_steps.to_string()),
    ("executed_steps", |r| r.steps.to_string()),
    ("evaluations", |r| r.evaluations.to_string()),
    ("guidance_scale", |r| r.request.guidance_scale.to_string()),
    ("guidance_stop", |r| r.request.guidance_stop.to_string()),
    ("seed", |r| r.request.seed.to_string()),
    ("width", |r| r.request.width.to_string()),
    ("height", |r| r.request.height.to_string()),
    ("strength", |r| r.request.init.map(|init| init.strength.to_string()).unwrap_or_default()),
    ("eta", |r| r.request.eta.map(|eta| eta.to_string()).unwrap_or_default()),
    ("seconds", |r| r.seconds().to_string()),
    ("text_ms", |r| r.ms[0].to_string()),
    ("evaluation_ms", |r| r.ms[1].to_string()),
    ("decode_ms", |r| r.ms[2].to_string()),
    ("last_change", |r| r.last_change.map(|change| change.to_string()).unwrap_or_default()),
    ("device", |r| r.device.clone()),
    ("starred", |r| r.starred.to_string()),
    ("notes", |r| r.notes.clone()),
];

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Run => "run",
        Origin::Series => "series",
        Origin::Sweep => "sweep",
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Cancelled => "cancelled",
    }
}

/// All runs with a header (RFC 4180).
pub fn to_csv(records: &[RunRecord]) -> String {
    let mut out = COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",") + "\r\n";
    for record in records {
        let fields: Vec<String> = COLUMNS.iter().map(|(_, of)| quoted(&of(record))).collect();
        out += &(fields.join(",") + "\r\n");
    }
    out
}

/// All runs, everything that is known of them, without pictures.
pub fn to_json(records: &[RunRecord]) -> String {
    let file = File { format: FORMAT.to_owned(), version: VERSION, runs: records };
    serde_json::to_string_pretty(&file).unwrap_or_default()
}

/// Reads what [`to_json`] wrote, of this version or an older one.
///
/// # Errors
/// [`LabError::Log`] where the text is no log, of a newer version, or holds a run that cannot be.
pub fn from_json(text: &str) -> Result<Vec<RunRecord>, LabError> {
    let bad = |reason: String| LabError::Log { reason };
    let head: File<serde::de::IgnoredAny> =
        serde_json::from_str(text).map_err(|error| bad(format!("it is no log in JSON ({error})")))?;
    if head.format != FORMAT {
        return Err(bad(format!("its format is '{}', not '{FORMAT}'", head.format)));
    }
    if head.version > VERSION {
        return Err(bad(format!(
            "it was written by a newer Stepscope (version {}, this one reads {VERSION})",
            head.version
        )));
    }
    let file: File<Vec<RunRecord>> =
        serde_json::from_str(text).map_err(|error| bad(format!("a run in it cannot be read ({error})")))?;
    if file.runs.len() > MOST {
        return Err(bad(format!("it has {} runs, more than {MOST}", file.runs.len())));
    }
    if let Some(record) = file.runs.iter().find(|record| !is_sound(record)) {
        return Err(bad(format!("the run '{}' has numbers that no run can have", record.id)));
    }
    Ok(file.runs)
}

fn is_sound(record: &RunRecord) -> bool {
    let request = &record.request;
    let sizes = (1..=protocol::STEPS_MAX).contains(&request.num_inference_steps)
        && (1..=16_384).contains(&request.width)
        && (1..=16_384).contains(&request.height);
    sizes && record.ms.iter().all(|ms| (0.0..1e12).contains(ms)) && !record.id.is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn csv_has_one_line_a_run_and_keeps_odd_text_together() {
        let mut odd = record();
        odd.request.prompt = "a \"quoted\", prompt\nof two lines".into();
        let csv = to_csv(&[record(), odd]);
        assert!(csv.starts_with("created_ms,origin,"));
        assert!(csv.contains("\"a \"\"quoted\"\", prompt\nof two lines\""), "{csv}");
        assert_eq!(csv.matches("\r\n").count(), 3);
        assert!(csv.contains(&u64::MAX.to_string()), "seeds keep every digit");
    }

    #[test]
    fn what_is_no_log_is_refused_with_the_reason() {
        let newer = to_json(&[]).replace("\"version\": 1", "\"version\": 99");
        let zero = to_json(&[record()]).replace("\"num_inference_steps\": 20", "\"num_inference_steps\": 0");
        let other = to_json(&[]).replace(FORMAT, "other");
        for (text, named) in
            [("[]", "no log"), ("{", "no log"), (&newer, "newer"), (&zero, "numbers"), (&other, "'other'")]
        {
            let message = from_json(text).unwrap_err().to_string();
            assert!(message.contains(named), "{text}: {message}");
        }
    }

    #[test]
    fn fields_that_an_older_version_did_not_have_get_their_default() {
        let mut old: serde_json::Value = serde_json::from_str(&to_json(&[record()])).unwrap();
        for key in ["origin", "outcome", "revision", "last_change", "notes", "starred"] {
            old["runs"][0].as_object_mut().unwrap().remove(key);
        }
        let read = from_json(&old.to_string()).unwrap();
        assert_eq!((read[0].origin, read[0].starred, read[0].last_change), (Origin::Run, false, None));
    }

    proptest! {
        #[test]
        fn json_comes_back_as_it_went(prompt in ".*", notes in ".*", seed: u64, ms in 0.0..1e9_f64, starred: bool) {
            let mut one = record();
            one.request.prompt = prompt;
            one.request.seed = seed;
            one.notes = notes;
            one.ms[1] = ms;
            one.starred = starred;
            prop_assert_eq!(from_json(&to_json(std::slice::from_ref(&one))).unwrap(), vec![one]);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = from_json(&text);
        }
    }
}
