//! One run as the log keeps it: what was asked for, where it ran, what it took, and what the user wrote beside it.

use protocol::GenerateRequest;
use serde::{Deserialize, Serialize};

/// Version of [`RunRecord`]. Readers take older ones (new fields have defaults) and refuse newer ones.
pub const VERSION: u32 = 1;

/// How a run came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// "Generate".
    #[default]
    Run,
    /// One of several seeds.
    Series,
    /// A cell of a sweep.
    Sweep,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With a picture.
    #[default]
    Done,
    /// By the user, after some steps.
    Cancelled,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`VERSION`] of the writer.
    pub version: u32,
    /// Unique, and in the order in which runs were made.
    pub id: String,
    /// Milliseconds since 1970, UTC.
    pub created_ms: u64,
    /// How it came about.
    #[serde(default)]
    pub origin: Origin,
    /// How it ended.
    #[serde(default)]
    pub outcome: Outcome,
    /// What was asked for.
    pub request: GenerateRequest,
    /// The model's display name.
    pub model: String,
    /// Changes when any of the model's files does.
    #[serde(default)]
    pub revision: String,
    /// Engine and adapter.
    pub device: String,
    /// Outer steps that ran.
    pub steps: u32,
    /// Model evaluations that ran.
    pub evaluations: u32,
    /// Text encoding, all evaluations, VAE decode: milliseconds.
    pub ms: [f64; 3],
    /// Root mean square change of the predicted clean latents in the last step.
    #[serde(default)]
    pub last_change: Option<f64>,
    /// What the user wrote.
    #[serde(default)]
    pub notes: String,
    /// Whether the user marked it.
    #[serde(default)]
    pub starred: bool,
}

impl RunRecord {
    /// Seconds of the whole run.
    pub fn seconds(&self) -> f64 {
        self.ms.iter().sum::<f64>() / 1000.0
    }

    /// A key for a run: sorts by time, and tells apart runs of the same millisecond by their job's number.
    pub fn key(created_ms: u64, job: u32) -> String {
        format!("{created_ms:015}-{job:06}")
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use protocol::{RngKind, SchedulerKind, Timesteps};

    pub fn record() -> RunRecord {
        RunRecord {
            version: VERSION,
            id: RunRecord::key(1_700_000_000_000, 3),
            created_ms: 1_700_000_000_000,
            origin: Origin::Run,
            outcome: Outcome::Done,
            request: GenerateRequest {
                model: "emoji".into(),
                prompt: "red heart".into(),
                negative_prompt: None,
                num_inference_steps: 20,
                scheduler: SchedulerKind::DpmPp2MKarras,
                guidance_scale: 4.0,
                guidance_stop: 1.0,
                seed: u64::MAX,
                width: 128,
                height: 96,
                eta: None,
                rng: RngKind::Cpu,
                timesteps: Timesteps::Spaced,
                prompt_weights: false,
                init: None,
            },
            model: "Emoji".into(),
            revision: "abc".into(),
            device: "CPU, WebAssembly SIMD".into(),
            steps: 20,
            evaluations: 20,
            ms: [3.0, 1000.0, 97.0],
            last_change: Some(0.01),
            notes: String::new(),
            starred: false,
        }
    }

    #[test]
    fn keys_sort_by_time() {
        assert!(RunRecord::key(999, 5) < RunRecord::key(1_000, 1));
        assert!(RunRecord::key(1_000, 1) < RunRecord::key(1_000, 2));
        assert_eq!(record().seconds(), 1.1);
    }
}
