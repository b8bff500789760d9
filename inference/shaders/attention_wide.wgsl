// Multi-head attention for heads that do not fit into the registers of one invocation. A workgroup makes QUERIES
// queries of one head and walks over the keys, KEYS at a time: each invocation scores four keys with QUARTER of the
// queries, one invocation for each query turns its scores into weights, and then each adds up COLUMNS vec4 of all the
// queries' results. HEAD is the head's width in vec4; all widths and offsets are multiples of four.
struct Params {
    queries: u32,
    keys: u32,
    heads: u32,
    batch: u32,
    q_stride: u32,  // vec4 in a row of q
    k_stride: u32,
    v_stride: u32,
    q_offset: u32,  // first vec4 of head 0 in a row of q
    k_offset: u32,
    v_offset: u32,
    causal: u32,
    scale: f32,
    start: u32,     // workgroups of earlier launches
}

#import shared/value.wgsl
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<T4>;        // [B, Tq, q_stride]
@group(0) @binding(2) var<storage, read> k: array<T4>;        // [B, Tk, k_stride]
@group(0) @binding(3) var<storage, read> v: array<T4>;        // [B, Tk, v_stride]
@group(0) @binding(4) var<storage, read_write> y: array<T4>;  // [B, Tq, heads · HEAD]

const KEYS: u32 = 64u;
var<workgroup> weights: array<f32, QUERIES * KEYS>;
// By how much what was added up so far counts less once a larger score was seen; at the end the sum of all weights.
var<workgroup> factors: array<f32, QUERIES>;

fn visible(query: u32) -> u32 {
    return select(params.keys, min(query + 1u, params.keys), params.causal == 1u);
}

@compute @workgroup_size(64)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
) {
    let tile = params.start + group.x + group.y * workgroups.x;
    let blocks = (params.queries + QUERIES - 1u) / QUERIES;
    if tile >= params.batch * params.heads * blocks {
        return;
    }
    let first = tile % blocks * QUERIES;
    let column = tile / blocks % params.heads * HEAD;
    let b = tile / (blocks * params.heads);
    let last = params.queries - 1u;
    let mine = lane / 16u * QUARTER;
#for r QUARTER
    let q_at${r} = (b * params.queries + min(first + mine + ${r}u, last)) * params.q_stride + params.q_offset + column;
#end
#for r QUERIES
#for c COLUMNS
    var sum${r}_${c} = vec4<f32>();
#end
#end
    var largest = -1e30;
    var total = 0.0;
    let end = visible(min(first + QUERIES - 1u, last));
    for (var s = 0u; s < end; s += KEYS) {
#for j 4
        let key${j} = b * params.keys + min(s + lane % 16u + ${j}u * 16u, params.keys - 1u);
        let k_at${j} = key${j} * params.k_stride + params.k_offset + column;
#end
#for r QUARTER
        var score${r} = vec4<f32>();
#end
        for (var d = 0u; d < HEAD; d++) {
#for j 4
            let k${j} = vec4<f32>(k[k_at${j} + d]);
#end
            let turned = transpose(mat4x4<f32>(k0, k1, k2, k3));
#for r QUARTER
            let q${r} = vec4<f32>(q[q_at${r} + d]);
#for c 4
            score${r} = fma(vec4<f32>(q${r}[${c}]), turned[${c}], score${r});
#end
#end
        }
#for r QUARTER
#for j 4
        weights[(mine + ${r}u) * KEYS + lane % 16u + ${j}u * 16u] = score${r}[${j}] * params.scale;
#end
#end
        workgroupBarrier();
        if lane < QUERIES {
            let count = min(max(visible(first + lane), s) - s, KEYS);
            var top = largest;
            for (var j = 0u; j < count; j++) {
                top = max(top, weights[lane * KEYS + j]);
            }
            let shrink = exp(largest - top);
            total *= shrink;
            for (var j = 0u; j < KEYS; j++) {
                let weight = select(0.0, exp(weights[lane * KEYS + j] - top), j < count);
                weights[lane * KEYS + j] = weight;
                total += weight;
            }
            largest = top;
            factors[lane] = shrink;
        }
        workgroupBarrier();
#for r QUERIES
#for c COLUMNS
        sum${r}_${c} *= factors[${r}];
#end
#end
        let count = min(end - s, KEYS);
        for (var j = 0u; j < count; j++) {
            let v_at = (b * params.keys + s + j) * params.v_stride + params.v_offset + column;
#for c COLUMNS
            let value${c} = vec4<f32>(v[v_at + min(lane + ${c}u * 64u, HEAD - 1u)]);
#end
#for r QUERIES
            let weight${r} = vec4<f32>(weights[${r}u * KEYS + j]);
#for c COLUMNS
            sum${r}_${c} = fma(weight${r}, value${c}, sum${r}_${c});
#end
#end
        }
        workgroupBarrier();
    }
    if lane < QUERIES {
        factors[lane] = total;
    }
    workgroupBarrier();
#for r QUERIES
#for c COLUMNS
    if first + ${r}u <= last && lane + ${c}u * 64u < HEAD {
        let y_at = (b * params.queries + first + ${r}u) * params.heads * HEAD + column;
        y[y_at + lane + ${c}u * 64u] = narrow4(sum${r}_${c} / factors[${r}]);
    }
#end
#end
}
