//! One finished run of the lab: its picture, its latents, and what it took. Found again by a key that says everything
//! that decides them.

use crate::frames::Pixels;
use lab::budget::StepTime;
use protocol::{GenerateRequest, ModelInfo};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Raised when what is kept under a key changes its meaning.
const KEY_VERSION: u32 = 1;

/// What a run took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Model evaluations, as its plan had them.
    pub evaluations: u32,
    /// Each outer step, in order.
    pub steps: Vec<StepTime>,
    /// Noise level that it began at.
    pub sigma: f64,
    /// Text encoding, all evaluations, VAE decode: milliseconds.
    pub ms: [f64; 3],
    /// Whether the text was encoded for an earlier run.
    pub text_reused: bool,
    /// Where it ran.
    pub device: String,
    /// Seconds that were predicted before it ran.
    pub predicted: Option<f64>,
}

impl Figures {
    /// Seconds of the whole run.
    pub fn seconds(&self) -> f64 {
        self.ms.iter().sum::<f64>() / 1000.0
    }
}

/// A finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// What was run.
    pub request: GenerateRequest,
    /// The picture.
    pub picture: Pixels,
    /// The final latents, channels last.
    pub latents: Arc<[f32]>,
    /// What it took.
    pub figures: Figures,
}

/// A key: the request, the model's revision and the engine. Another engine rounds otherwise and takes another time.
pub fn key(request: &GenerateRequest, info: &ModelInfo, engine: &str) -> String {
    // The order of the fields is that of their declaration, so equal requests have equal text.
    let request = serde_json::to_string(request).unwrap_or_default();
    format!("{KEY_VERSION} {engine} {} {request}", info.revision)
}

/// Little-endian f32.
pub fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Splits what comes with a finished picture: RGBA, then latents.
pub fn split(width: u32, height: u32, bytes: &[u8]) -> Option<(Pixels, Vec<f32>)> {
    let (rgba, latents) = bytes.split_at_checked(4 * width as usize * height as usize)?;
    Some((Pixels::new(width, height, rgba)?, floats(latents)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, tests::model};

    #[test]
    fn whatever_changes_the_picture_or_its_time_changes_the_key() {
        let request = Settings::of_model(&model(), "").request(&model()).unwrap();
        let mut keys = vec![
            key(&request, &model(), "cpu"),
            key(&request, &model(), "webgpu"),
            key(&request, &ModelInfo { revision: "2".into(), ..model() }, "cpu"),
        ];
        let changes: [fn(&mut GenerateRequest); 7] = [
            |request| request.num_inference_steps += 1,
            |request| request.seed += 1,
            |request| request.prompt.push('!'),
            |request| request.negative_prompt = Some(String::new()),
            |request| request.guidance_scale += 0.5,
            |request| request.eta = Some(0.1),
            |request| request.prompt_weights = true,
        ];
        for change in changes {
            let mut other = request.clone();
            change(&mut other);
            keys.push(key(&other, &model(), "cpu"));
        }
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
        assert_eq!(key(&request.clone(), &model(), "cpu"), key(&request, &model(), "cpu"));
    }

    #[test]
    fn pixels_and_latents_come_apart() {
        let mut bytes = vec![9; 8];
        bytes.extend(1.5f32.to_le_bytes());
        bytes.extend((-2.0f32).to_le_bytes());
        let (pixels, latents) = split(2, 1, &bytes).unwrap();
        assert_eq!((pixels.rgba.len(), latents), (8, vec![1.5, -2.0]));
        assert!(split(4, 4, &bytes).is_none());
    }
}
