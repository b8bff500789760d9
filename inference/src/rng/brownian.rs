//! The noise of the SDE samplers: increments of one Brownian path over the noise level σ, so that two half steps get
//! noise that adds up to the full step's.
//!
//! The path is that of `torchsde.BrownianInterval` with the settings of diffusers' `BatchedBrownianTree` (halfway tree,
//! pool size 24, times rounded to 1e-6): a binary tree over `[σ_min, σ_max]` where each node's midpoint is drawn, given
//! its ends, from a seed that numpy's `SeedSequence` derives from the node's address. A query is a sum over nodes. So the
//! numbers depend on seed, span, length and the two times, not on the order of queries; upstream's cache only saves
//! time.
//!
//! What a seed means: `DPMSolverSDEScheduler(noise_sampler_seed=seed)`. Without that argument diffusers seeds the path
//! from torch's global generator, whatever generator the pipeline was given, so such a run cannot be had again.

use protocol::RngKind;

use super::Generator;
use super::seed_sequence::seeds;

/// Words of entropy that a node's seeds are mixed in.
const POOL: usize = 24;

/// One Brownian path of `len` independent coordinates.
#[derive(Clone, Debug)]
pub struct Brownian {
    kind: RngKind,
    seed: u64,
    /// The span as it was given, in single precision.
    span: (f64, f64),
    len: usize,
}

/// A node of the tree: where it is, its address, and the path's increment over it.
struct Node {
    start: f64,
    end: f64,
    key: u64,
    depth: u64,
    increment: Vec<f32>,
}

impl Brownian {
    /// The path of `BrownianTreeNoiseSampler(x, sigma_min, sigma_max, seed)` for an `x` of `len` numbers on the CPU.
    /// `t0` is the lower σ; the scheduler hands over its smallest σ above 0 and its largest one.
    pub fn new(seed: u64, t0: f64, t1: f64, len: usize) -> Self {
        let (t0, t1) = (single(t0), single(t1));
        Self { kind: RngKind::Cpu, seed, span: (t0.min(t1), t0.max(t1)), len }
    }

    /// The same path with another device's generator at every node.
    #[must_use]
    pub fn with_rng(self, kind: RngKind) -> Self {
        Self { kind, ..self }
    }

    /// Noise of unit variance for a step from σ `from` to σ `to`: `W(to) - W(from)` over `sqrt(|to - from|)`, with the
    /// sign of upstream: that of the increment towards the higher σ, negated for a step downwards. Times outside the
    /// span count as its ends; times closer than 1e-6 give zeros, or what torchsde would fail on.
    pub fn between(&self, from: f64, to: f64) -> Vec<f32> {
        let (from, to) = (single(from), single(to));
        let (ends, sign) = if from < to { ((from, to), 1.0) } else { ((to, from), -1.0) };
        let mut noise = self.increment(ends.0, ends.1);
        let length = ((to as f32) - (from as f32)).abs().sqrt();
        if length > 0.0 {
            noise.iter_mut().for_each(|value| *value = *value * sign / length);
        }
        noise
    }

    /// The path's increment over `[from, to]`, `from <= to`.
    fn increment(&self, from: f64, to: f64) -> Vec<f32> {
        let (start, end) = (round(self.span.0), round(self.span.1));
        let (from, to) = (round(from.clamp(start, end)), round(to.clamp(start, end)));
        if from >= to {
            return vec![0.0; self.len];
        }
        let [seed] = seeds::<POOL, 1>(self.seed, &[]);
        let scale = (self.span.1 - self.span.0).sqrt() as f32;
        let increment = self.randn(seed).iter().map(|value| value * scale).collect();
        let mut sum = None;
        self.collect(Node { start, end, key: 0, depth: 0, increment }, (from, to), &mut sum);
        sum.unwrap_or_else(|| vec![0.0; self.len])
    }

    /// Adds the increments of the largest nodes that make up `[from, to]`, in order of time.
    fn collect(&self, node: Node, (from, to): (f64, f64), sum: &mut Option<Vec<f32>>) {
        if from == node.start && to == node.end {
            match sum {
                None => *sum = Some(node.increment),
                Some(sum) => sum.iter_mut().zip(&node.increment).for_each(|(sum, value)| *sum += value),
            }
            return;
        }
        let middle = round(0.5 * (node.end + node.start));
        let (left, right) = self.split(node, middle);
        if from < middle {
            self.collect(left, (from, to.min(middle)), sum);
        }
        if to > middle {
            self.collect(right, (from.max(middle), to), sum);
        }
    }

    /// Halves a node: the left half is drawn given the whole, the right half is what remains.
    fn split(&self, node: Node, middle: f64) -> (Node, Node) {
        let (before, after) = (middle - node.start, node.end - middle);
        let per_length = 1.0 / (node.end - node.start);
        let [seed] = seeds::<POOL, 1>(self.seed, &[node.key, node.depth]);
        // Coefficients are doubles, but torch narrows a number that meets a float32 tensor.
        let deviation = (before * after * per_length).sqrt() as f32;
        let (before, per_length) = (before as f32, per_length as f32);
        let given = |(whole, noise): (&f32, f32)| before * whole * per_length + deviation * noise;
        let left: Vec<f32> = node.increment.iter().zip(self.randn(seed)).map(given).collect();
        let right = node.increment.iter().zip(&left).map(|(whole, left)| whole - left).collect();
        let child = |start, end, key, increment| Node { start, end, key, depth: node.depth + 1, increment };
        (child(node.start, middle, 2 * node.key, left), child(middle, node.end, 2 * node.key + 1, right))
    }

    fn randn(&self, seed: u32) -> Vec<f32> {
        Generator::new(self.kind, u64::from(seed)).randn(self.len)
    }
}

/// The nearest single precision number: the scheduler's σ are float32.
fn single(time: f64) -> f64 {
    f64::from(time as f32)
}

/// A time to six decimals, as Python rounds: the decimal nearest to the exact binary value.
fn round(time: f64) -> f64 {
    format!("{time:.6}").parse().unwrap_or(time)
}
