// Multi-head attention, streaming over keys with a running maximum and sum, so that no scores are ever stored.
// One invocation computes one query of one head, number by number. For heads that are no multiple of four wide; the
// others have `attention_tile.wgsl` and `attention_wide.wgsl`.
struct Params {
    queries: u32,
    keys: u32,
    heads: u32,
    batch: u32,
    q_stride: u32,  // numbers in a row of q
    k_stride: u32,
    v_stride: u32,
    q_offset: u32,  // first number of head 0 in a row of q
    k_offset: u32,
    v_offset: u32,
    causal: u32,
    scale: f32,
    start: u32,     // workgroups of earlier launches
}

#import shared/value.wgsl
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<T>;         // [B, Tq, q_stride]
@group(0) @binding(2) var<storage, read> k: array<T>;         // [B, Tk, k_stride]
@group(0) @binding(3) var<storage, read> v: array<T>;         // [B, Tk, v_stride]
@group(0) @binding(4) var<storage, read_write> y: array<T>;   // [B, Tq, heads · HEAD]

// HEAD is the head's width.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = params.start * 64u + id.x + id.y * workgroups.x * 64u;
    if i >= params.batch * params.heads * params.queries {
        return;
    }
    // Neighbours share a head, and so the keys and values that they read.
    let t = i % params.queries;
    let head = i / params.queries % params.heads;
    let b = i / (params.queries * params.heads);
    let q_at = (b * params.queries + t) * params.q_stride + params.q_offset + head * HEAD;
    var query: array<f32, HEAD>;
    var sum: array<f32, HEAD>;
    for (var d = 0u; d < HEAD; d++) {
        query[d] = f32(q[q_at + d]) * params.scale;
        sum[d] = 0.0;
    }
    var largest = -3.4e38;
    var total = 0.0;
    let visible = select(params.keys, min(t + 1u, params.keys), params.causal == 1u);
    for (var s = 0u; s < visible; s++) {
        let row = b * params.keys + s;
        let k_at = row * params.k_stride + params.k_offset + head * HEAD;
        let v_at = row * params.v_stride + params.v_offset + head * HEAD;
        var score = 0.0;
        for (var d = 0u; d < HEAD; d++) {
            score += query[d] * f32(k[k_at + d]);
        }
        if score > largest {
            let shrink = exp(largest - score);
            largest = score;
            total *= shrink;
            for (var d = 0u; d < HEAD; d++) {
                sum[d] *= shrink;
            }
        }
        let weight = exp(score - largest);
        total += weight;
        for (var d = 0u; d < HEAD; d++) {
            sum[d] += weight * f32(v[v_at + d]);
        }
    }
    let y_at = ((b * params.queries + t) * params.heads + head) * HEAD;
    for (var d = 0u; d < HEAD; d++) {
        y[y_at + d] = narrow(sum[d] / total);
    }
}
