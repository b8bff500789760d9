//! Multi-head attention: per head a matrix product, a softmax, a matrix product, with queries taken in blocks so that
//! the scores of a large picture (64×64 latents: 4096 × 4096 numbers a head) never exist whole.

use super::{kernels::softmax_rows, tensor, with_f32};
use crate::error::Result;
use candle_core::Tensor;

/// Scores held at a time: 4 MiB.
const BLOCK: usize = 1 << 20;

/// See [`crate::graph::Op::Attention`]; `shape` is the output's, `[B, Tq, heads · head_dim]`.
pub fn attention(
    inputs: &[&Tensor],
    shape: &[usize],
    heads: usize,
    head_dim: usize,
    offsets: [usize; 3],
    causal: bool,
) -> Result<Tensor> {
    let (batch, queries, keys) = (shape[0], shape[1], inputs[1].dims()[1]);
    let scale = 1.0 / (head_dim as f32).sqrt();
    let block = (BLOCK / keys).clamp(1, queries);
    let mut out = vec![0.0_f32; batch * queries * heads * head_dim];
    for b in 0..batch {
        for head in 0..heads {
            let column = |i: usize| offsets[i] + head * head_dim;
            let k = gather(inputs[1], b, 0, keys, column(1), head_dim)?.t()?;
            let v = gather(inputs[2], b, 0, keys, column(2), head_dim)?;
            for start in (0..queries).step_by(block) {
                let count = block.min(queries - start);
                let q = gather(inputs[0], b, start, count, column(0), head_dim)?;
                let mut scores = with_f32(&q.matmul(&k)?, <[f32]>::to_vec)?;
                softmax_rows(&mut scores, keys, scale, |i| if causal { start + i + 1 } else { keys });
                let mixed = tensor(scores, &[count, keys])?.matmul(&v)?;
                with_f32(&mixed, |mixed| {
                    for (i, row) in mixed.chunks_exact(head_dim).enumerate() {
                        let at = ((b * queries + start + i) * heads + head) * head_dim;
                        out[at..at + head_dim].copy_from_slice(row);
                    }
                })?;
            }
        }
    }
    tensor(out, shape)
}

/// One head's columns of `count` rows, contiguous.
fn gather(x: &Tensor, b: usize, start: usize, count: usize, column: usize, head_dim: usize) -> Result<Tensor> {
    let (rows, width) = (x.dims()[1], x.dims()[2]);
    let data = with_f32(x, |x| {
        let mut data = Vec::with_capacity(count * head_dim);
        for t in start..start + count {
            data.extend_from_slice(&x[(b * rows + t) * width + column..][..head_dim]);
        }
        data
    })?;
    tensor(data, &[count, head_dim])
}
