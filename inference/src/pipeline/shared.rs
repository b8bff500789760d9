//! What runs have in common, kept from one to the next: a sweep asks for the same prompt at many step counts, and for
//! the same noise at each. What is kept is what was computed, so a run that reuses it is the same bit by bit.

use super::text::Embedded;
use crate::rng::Generator;
use protocol::{GenerateRequest, RngKind};

/// Prompts that are kept: a sweep over prompts has few. Each is 154 KB for SD 1.5, 1.3 MB for SDXL with guidance.
const TEXTS: usize = 8;
/// Noises that are kept, one for each seed of a sweep: 64 KiB for SD 1.5.
const NOISES: usize = 8;

/// Everything that decides the embeddings.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TextKey {
    prompt: String,
    /// Not read without guidance.
    negative: Option<Option<String>>,
    weights: bool,
}

impl TextKey {
    pub fn new(request: &GenerateRequest, guided: bool) -> Self {
        Self {
            prompt: request.prompt.clone(),
            negative: guided.then(|| request.negative_prompt.clone()),
            weights: request.prompt_weights,
        }
    }
}

type NoiseKey = (RngKind, u64, usize);

/// The most recent ones, newest last.
#[derive(Debug, Default)]
pub(super) struct Shared {
    texts: Vec<(TextKey, Embedded)>,
    noises: Vec<(NoiseKey, Vec<f32>, Generator)>,
}

impl Shared {
    /// Embeddings of a text that was encoded before.
    pub fn text(&self, key: &TextKey) -> Option<Embedded> {
        self.texts.iter().find(|(known, _)| known == key).map(|(_, embedded)| embedded.clone())
    }

    /// Keeps embeddings.
    pub fn keep_text(&mut self, key: TextKey, embedded: &Embedded) {
        if self.texts.len() == TEXTS {
            self.texts.remove(0);
        }
        self.texts.push((key, embedded.clone()));
    }

    /// The first `len` normal numbers of a seed, `rng` being its generator before it was asked for any; leaves `rng` as
    /// drawing them does.
    pub fn noise(&mut self, kind: RngKind, seed: u64, len: usize, rng: &mut Generator) -> Vec<f32> {
        let key = (kind, seed, len);
        if let Some((_, noise, after)) = self.noises.iter().find(|(known, ..)| *known == key) {
            *rng = after.clone();
            return noise.clone();
        }
        let noise = rng.randn(len);
        if self.noises.len() == NOISES {
            self.noises.remove(0);
        }
        self.noises.push((key, noise.clone(), rng.clone()));
        noise
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_noise_is_the_noise_and_leaves_the_generator_where_drawing_does() {
        let mut shared = Shared::default();
        for kind in [RngKind::Cpu, RngKind::Philox] {
            // More seeds than are kept, and back to the first, which is drawn again.
            for seed in (0..NOISES as u64 + 2).chain([0, 5]) {
                for len in [24, 17] {
                    let mut plain = Generator::new(kind, seed);
                    let mut kept = Generator::new(kind, seed);
                    assert_eq!(shared.noise(kind, seed, len, &mut kept), plain.randn(len));
                    assert_eq!(kept.randn(33), plain.randn(33), "{kind:?}, seed {seed}");
                }
            }
        }
        assert_eq!(shared.noises.len(), NOISES);
    }
}
