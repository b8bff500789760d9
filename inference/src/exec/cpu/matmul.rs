//! Linear layers and convolutions: gather rows, multiply by candle, finish each row on the way out.
//!
//! Rows are taken in blocks so that the gathered matrix of a convolution (nine times its input for a 3×3 kernel) never
//! exists whole; a browser tab has little memory to spare.

use super::{kernels::apply_activation, tensor, with_f32};
use crate::error::Result;
use crate::graph::{Conv, MatMul};
use candle_core::Tensor;

/// Numbers gathered at a time: 4 MiB.
const BLOCK: usize = 1 << 20;

/// Runs `op` on its inputs (x, channel bias, residual). `weight` is `[K, N]`.
pub fn matmul(
    op: &MatMul,
    inputs: &[&Tensor],
    weight: &Tensor,
    bias: Option<&[f32]>,
    shape: &[usize],
) -> Result<Tensor> {
    let (k, n) = weight.dims2()?;
    let rows: usize = shape.iter().product::<usize>() / n;
    let rows_per_batch = rows / shape[0];
    let mut rest = inputs[1..].iter();
    let channel_bias = op.channel_bias.then(|| rest.next()).flatten();
    let residual = op.residual.then(|| rest.next()).flatten();
    let channel_bias = channel_bias.map(|t| with_f32(t, <[f32]>::to_vec)).transpose()?;
    let mut out = vec![0.0_f32; rows * n];
    if let Some(residual) = residual {
        with_f32(residual, |r| out.copy_from_slice(r))?;
    }
    let gather = op.conv.filter(|conv| *conv != POINTWISE);
    let x = inputs[0];
    let block_rows = if gather.is_some() { (BLOCK / k).clamp(1, rows) } else { rows };
    let mut columns = Vec::new();
    for start in (0..rows).step_by(block_rows) {
        let count = block_rows.min(rows - start);
        let left = match gather {
            Some(conv) => {
                columns.clear();
                columns.resize(count * k, 0.0);
                with_f32(x, |data| im2col(data, x.dims(), &conv, [shape[1], shape[2]], start, &mut columns))?;
                // candle wants to own its numbers; the buffer comes back as a fresh one on the next round.
                tensor(std::mem::take(&mut columns), &[count, k])?
            }
            None => x.reshape((rows, k))?.narrow(0, start, count)?,
        };
        let product = left.matmul(weight)?;
        with_f32(&product, |product| {
            for (i, row) in product.chunks_exact(n).enumerate() {
                let m = start + i;
                let added = channel_bias.as_ref().map(|v| &v[m / rows_per_batch * n..][..n]);
                finish_row(row, &mut out[m * n..][..n], bias, added, op);
            }
        })?;
    }
    tensor(out, shape)
}

/// A 1×1 convolution needs no gathering: it is a linear layer over pixels.
const POINTWISE: Conv = Conv { kernel: [1, 1], stride: 1, padding: [0, 0], upsample: false };

/// `out += act(product + bias + channel_bias)`; `out` holds the residual or zeros.
fn finish_row(product: &[f32], out: &mut [f32], bias: Option<&[f32]>, channel_bias: Option<&[f32]>, op: &MatMul) {
    let at = |v: Option<&[f32]>, c: usize| v.map_or(0.0, |v| v[c]);
    match op.act {
        None => match (bias, channel_bias) {
            (Some(bias), None) => out.iter_mut().zip(product).zip(bias).for_each(|((out, p), b)| *out += p + b),
            _ => {
                for (c, (out, p)) in out.iter_mut().zip(product).enumerate() {
                    *out += p + at(bias, c) + at(channel_bias, c);
                }
            }
        },
        Some(act) => {
            for (c, (out, p)) in out.iter_mut().zip(product).enumerate() {
                *out += apply_activation(act, p + at(bias, c) + at(channel_bias, c));
            }
        }
    }
}

/// Rows `start..` of the gathered matrix: for each output pixel the pixels under the kernel, (ky, kx, channel).
/// `columns` comes zeroed.
fn im2col(x: &[f32], dims: &[usize], conv: &Conv, out: [usize; 2], start: usize, columns: &mut [f32]) {
    let (height, width, channels) = (dims[1], dims[2], dims[3]);
    let double = usize::from(conv.upsample);
    let [kh, kw] = conv.kernel;
    for (i, row) in columns.chunks_exact_mut(kh * kw * channels).enumerate() {
        let m = start + i;
        let (b, oy, ox) = (m / (out[0] * out[1]), m / out[1] % out[0], m % out[1]);
        let inside = |o: usize, k: usize, padding: usize, size: usize| {
            let at = (o * conv.stride + k).checked_sub(padding)?;
            (at < size << double).then_some(at >> double)
        };
        for ky in 0..kh {
            let Some(y) = inside(oy, ky, conv.padding[0], height) else { continue };
            for kx in 0..kw {
                let Some(x_) = inside(ox, kx, conv.padding[1], width) else { continue };
                let from = ((b * height + y) * width + x_) * channels;
                row[(ky * kw + kx) * channels..][..channels].copy_from_slice(&x[from..from + channels]);
            }
        }
    }
}
