//! Finding runs: words anywhere, `key:value` for one setting, `star` for what is marked.

use super::RunRecord;

/// A parsed query; every part of it must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Word(String),
    Setting(String, String),
    Starred,
}

impl Search {
    /// Reads what was typed. Anything is a query; an empty one matches every run.
    pub fn parse(text: &str) -> Self {
        let part = |word: &str| {
            let word = word.to_lowercase();
            match word.split_once(':') {
                _ if word == "star" || word == "★" => Part::Starred,
                Some((key, value)) if of_key(key).is_some() => Part::Setting(key.into(), value.into()),
                _ => Part::Word(word),
            }
        };
        Self(text.split_whitespace().map(part).collect())
    }

    /// Whether a run is meant.
    pub fn matches(&self, record: &RunRecord) -> bool {
        self.0.iter().all(|part| match part {
            Part::Starred => record.starred,
            Part::Word(word) => haystack(record).contains(word),
            Part::Setting(key, value) => of_key(key).is_some_and(|of| {
                let text = of(record).to_lowercase();
                // Numbers as a whole, so that `steps:2` does not find 20.
                if text.parse::<f64>().is_ok() { text == *value } else { text.contains(value) }
            }),
        })
    }
}

fn of_key(key: &str) -> Option<fn(&RunRecord) -> String> {
    Some(match key {
        "prompt" => |r| r.request.prompt.clone(),
        "steps" => |r| r.request.num_inference_steps.to_string(),
        "scheduler" | "sampler" => |r| format!("{} {}", r.request.scheduler.name(), r.request.scheduler.label()),
        "guidance" | "cfg" => |r| r.request.guidance_scale.to_string(),
        "seed" => |r| r.request.seed.to_string(),
        "model" => |r| format!("{} {}", r.request.model, r.model),
        "device" => |r| r.device.clone(),
        "note" | "notes" => |r| r.notes.clone(),
        _ => return None,
    })
}

fn haystack(record: &RunRecord) -> String {
    let request = &record.request;
    let negative = request.negative_prompt.as_deref().unwrap_or_default();
    [&request.prompt, negative, request.scheduler.label(), &record.model, &record.device, &record.notes]
        .join("\n")
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    #[test]
    fn words_settings_and_stars_narrow_the_list() {
        let mut record = record();
        record.notes = "Sharp edges".into();
        for query in [
            "",
            "HEART",
            "heart sharp",
            "steps:20",
            "sampler:karras heart",
            "scheduler:dpmpp-2m",
            "cfg:4",
            "webassembly",
        ] {
            assert!(Search::parse(query).matches(&record), "{query}");
        }
        for query in ["moon", "heart moon", "steps:2", "steps:200", "star", "guidance:4.5", "nonsense:4"] {
            assert!(!Search::parse(query).matches(&record), "{query}");
        }
        record.starred = true;
        assert!(Search::parse("star steps:20").matches(&record));
    }
}
