//! Everything that is not a matrix product, as loops over slices. Each function is the twin of the WGSL file of its
//! name. Channels are the innermost axis, so the inner loops run over contiguous memory and vectorise.

use crate::graph::Activation;
use candle_core::cpu::erf::erf_f32;

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf_f32(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// The value of a pointwise function.
pub fn apply_activation(act: Activation, x: f32) -> f32 {
    match act {
        Activation::Silu => x * sigmoid(x),
        Activation::Gelu => gelu(x),
        Activation::QuickGelu => x * sigmoid(1.702 * x),
        Activation::Relu => x.max(0.0),
        Activation::Tanh => x.tanh(),
    }
}

/// `out = act(x)`.
pub fn activate(x: &[f32], out: &mut [f32], act: Activation) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = apply_activation(act, *x);
    }
}

/// Rows of `2·channels` to rows of `channels`: left half × gelu(right half).
pub fn geglu(x: &[f32], out: &mut [f32], channels: usize) {
    for (out, x) in out.chunks_exact_mut(channels).zip(x.chunks_exact(2 * channels)) {
        let (value, gate) = x.split_at(channels);
        for ((out, value), gate) in out.iter_mut().zip(value).zip(gate) {
            *out = value * gelu(*gate);
        }
    }
}

/// `out = x · factor + offset`.
pub fn affine(x: &[f32], out: &mut [f32], factor: f32, offset: f32) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = x * factor + offset;
    }
}

/// `out = a + b`.
pub fn add(a: &[f32], b: &[f32], out: &mut [f32]) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = a + b;
    }
}

/// `[B, …, C] + [B, C]`.
pub fn add_channels(x: &[f32], per_batch: &[f32], out: &mut [f32], batch: usize) {
    let channels = per_batch.len() / batch;
    let image = x.len() / batch;
    for ((out, x), add) in out.chunks_exact_mut(image).zip(x.chunks_exact(image)).zip(per_batch.chunks_exact(channels))
    {
        for (out, x) in out.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            for ((out, x), add) in out.iter_mut().zip(x).zip(add) {
                *out = x + add;
            }
        }
    }
}

/// Joins rows; `channels` is the width of the result.
pub fn concat(a: &[f32], b: &[f32], out: &mut [f32], channels: usize) {
    let rows = out.len() / channels;
    let width = a.len() / rows;
    let rows = a.chunks_exact(width).zip(b.chunks_exact(channels - width));
    for (out, (a, b)) in out.chunks_exact_mut(channels).zip(rows) {
        out[..width].copy_from_slice(a);
        out[width..].copy_from_slice(b);
    }
}

/// Nearest neighbour: output pixel o shows input pixel ⌊o·in/out⌋.
pub fn resize(x: &[f32], out: &mut [f32], from: [usize; 2], to: [usize; 2], channels: usize) {
    for (i, pixel) in out.chunks_exact_mut(channels).enumerate() {
        let (b, oy, ox) = (i / (to[0] * to[1]), i / to[1] % to[0], i % to[1]);
        let (y, x_) = (oy * from[0] / to[0], ox * from[1] / to[1]);
        let start = ((b * from[0] + y) * from[1] + x_) * channels;
        pixel.copy_from_slice(&x[start..start + channels]);
    }
}

/// Normalises each row to mean 0 and variance 1, then scales and shifts.
pub fn layer_norm(x: &[f32], out: &mut [f32], eps: f32, weight: &[f32], bias: &[f32]) {
    let channels = weight.len();
    for (out, x) in out.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
        let mean = x.iter().sum::<f32>() / channels as f32;
        let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / channels as f32;
        let scale = 1.0 / (variance + eps).sqrt();
        for (((out, x), weight), bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
            *out = (x - mean) * scale * weight + bias;
        }
    }
}

/// Normalises groups of channels over all pixels of a batch entry, then scales, shifts and applies `act`.
#[allow(clippy::too_many_arguments, reason = "the parameters of a group norm, as everywhere")]
pub fn group_norm(
    x: &[f32],
    out: &mut [f32],
    batch: usize,
    groups: usize,
    eps: f32,
    weight: &[f32],
    bias: &[f32],
    act: Option<Activation>,
) {
    let channels = weight.len();
    let per_group = channels / groups;
    let image = x.len() / batch;
    for (out, x) in out.chunks_exact_mut(image).zip(x.chunks_exact(image)) {
        let (sum, square) = channel_sums(x, channels);
        let count = (image / channels * per_group) as f64;
        let mut scale = vec![0.0_f32; channels];
        let mut shift = vec![0.0_f32; channels];
        for group in 0..groups {
            let range = group * per_group..(group + 1) * per_group;
            let mean = sum[range.clone()].iter().sum::<f64>() / count;
            let variance = (square[range.clone()].iter().sum::<f64>() / count - mean * mean).max(0.0);
            let inverse = 1.0 / (variance + f64::from(eps)).sqrt();
            for c in range {
                scale[c] = (inverse * f64::from(weight[c])) as f32;
                shift[c] = (f64::from(bias[c]) - mean * inverse * f64::from(weight[c])) as f32;
            }
        }
        for (out, x) in out.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            for (((out, x), scale), shift) in out.iter_mut().zip(x).zip(&scale).zip(&shift) {
                *out = x * scale + shift;
            }
        }
        if let Some(act) = act {
            for out in out {
                *out = apply_activation(act, *out);
            }
        }
    }
}

/// Sum and sum of squares of each channel. Rows are added up in f32 in blocks (which vectorises) and the blocks in f64,
/// so that large images keep their precision.
fn channel_sums(x: &[f32], channels: usize) -> (Vec<f64>, Vec<f64>) {
    const BLOCK: usize = 64;
    let (mut sum, mut square) = (vec![0.0_f64; channels], vec![0.0_f64; channels]);
    let (mut block_sum, mut block_square) = (vec![0.0_f32; channels], vec![0.0_f32; channels]);
    for block in x.chunks(BLOCK * channels) {
        block_sum.fill(0.0);
        block_square.fill(0.0);
        for row in block.chunks_exact(channels) {
            for ((sum, square), x) in block_sum.iter_mut().zip(&mut block_square).zip(row) {
                *sum += x;
                *square += x * x;
            }
        }
        for c in 0..channels {
            sum[c] += f64::from(block_sum[c]);
            square[c] += f64::from(block_square[c]);
        }
    }
    (sum, square)
}

/// Softmax of each row of `width`, in place, of `scale · x`; keys beyond `visible(row)` count for nothing.
pub fn softmax_rows(scores: &mut [f32], width: usize, scale: f32, visible: impl Fn(usize) -> usize) {
    for (i, row) in scores.chunks_exact_mut(width).enumerate() {
        let (row, hidden) = row.split_at_mut(visible(i).min(width));
        hidden.fill(0.0);
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for x in row.iter_mut() {
            *x = ((*x - max) * scale).exp();
            sum += *x;
        }
        let inverse = 1.0 / sum;
        for x in row {
            *x *= inverse;
        }
    }
}
