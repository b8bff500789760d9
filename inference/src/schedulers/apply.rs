//! What one evaluation does to the latents, on plain slices: the CPU's sampler and the twin of the GPU's kernel.

use std::collections::VecDeque;

use super::{Combination, Eval, HISTORY};

/// The state of a run between model calls. All tensors have the same length; arithmetic is f32.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampler {
    /// The current latents.
    pub x: Vec<f32>,
    /// Latents that an evaluation put aside; zeros until then.
    pub saved: Vec<f32>,
    /// Remembered values, latest first, at most `HISTORY - 1`.
    pub history: VecDeque<Vec<f32>>,
}

impl Sampler {
    /// Starts from latents that already have the scale `Plan::init_noise_sigma`.
    pub fn new(latents: Vec<f32>) -> Self {
        Self { saved: vec![0.0; latents.len()], x: latents, history: VecDeque::with_capacity(HISTORY) }
    }

    /// The model's input for this evaluation.
    pub fn model_input(&self, eval: &Eval) -> Vec<f32> {
        let scale = eval.input_scale as f32;
        self.x.iter().map(|x| x * scale).collect()
    }

    /// Applies the model's output (after guidance) and returns the predicted clean latents.
    ///
    /// `noise` is the unit normal tensor of evaluations that draw one; without one, it counts as zeros.
    pub fn step(&mut self, eval: &Eval, model_output: &[f32], noise: Option<&[f32]>) -> Vec<f32> {
        debug_assert_eq!(model_output.len(), self.x.len(), "the model's output has the shape of the latents");
        let mut denoised = self.mix(eval.to_denoised, model_output);
        if let Some(limit) = eval.clip {
            let limit = limit as f32;
            denoised.iter_mut().for_each(|x| *x = x.clamp(-limit, limit));
        }
        let now = self.mix(eval.to_history, if eval.clip.is_some() { &denoised } else { model_output });
        let saved = eval.save.map(|save| self.combine(&save, &now, model_output, noise));
        self.x = self.combine(&eval.update, &now, model_output, noise);
        if let Some(saved) = saved {
            self.saved = saved;
        }
        if eval.remember {
            self.history.truncate(HISTORY - 2);
            self.history.push_front(now);
        }
        denoised
    }

    fn mix(&self, factors: [f64; 2], other: &[f32]) -> Vec<f32> {
        let [a, b] = factors.map(|factor| factor as f32);
        self.x.iter().zip(other).map(|(x, out)| a * x + b * out).collect()
    }

    fn combine(&self, factors: &Combination, now: &[f32], output: &[f32], noise: Option<&[f32]>) -> Vec<f32> {
        let mut sum: Vec<f32> = self.x.iter().map(|x| factors.x as f32 * x).collect();
        let mut add = |factor: f64, values: &[f32]| {
            // A factor of 0 must not let an infinite or stale value in.
            if factor != 0.0 {
                sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor as f32 * value);
            }
        };
        add(factors.saved, &self.saved);
        add(factors.history[0], now);
        for (factor, values) in factors.history[1..].iter().zip(&self.history) {
            add(*factor, values);
        }
        add(factors.output, output);
        if let Some(noise) = noise {
            add(factors.noise, noise);
        }
        sum
    }
}
