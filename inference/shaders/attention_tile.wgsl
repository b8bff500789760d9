// Multi-head attention, streaming over keys with a running maximum and sum, so that no scores are ever stored.
//
// One invocation computes QUERIES neighbouring queries of one head, four keys at a time, all in registers: each number
// that is read of k and v serves all its queries. For heads that fit there; HEAD is their width in vec4, and all widths
// and offsets are multiples of four. `attention.wgsl` does the others.
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

@compute @workgroup_size(32)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
) {
    // Neighbours share a head, and so the keys and values that they read.
    let i = (params.start + group.x + group.y * workgroups.x) * 32u + lane;
    let blocks = (params.queries + QUERIES - 1u) / QUERIES;
    if i >= params.batch * params.heads * blocks {
        return;
    }
    let first = i % blocks * QUERIES;
    let column = i / blocks % params.heads * HEAD;
    let b = i / (blocks * params.heads);
    var visible = 0u;
#for r QUERIES
    let query${r} = min(first + ${r}u, params.queries - 1u);
    let q_at${r} = (b * params.queries + query${r}) * params.q_stride + params.q_offset + column;
    var largest${r} = -1e30;
    var total${r} = 0.0;
    let visible${r} = select(params.keys, min(query${r} + 1u, params.keys), params.causal == 1u);
    visible = max(visible, visible${r});
#for d HEAD
    let q${r}_${d} = vec4<f32>(q[q_at${r} + ${d}u]) * params.scale;
    var sum${r}_${d} = vec4<f32>();
#end
#end
    for (var s = 0u; s < visible; s += 4u) {
#for j 4
        let row${j} = b * params.keys + min(s + ${j}u, params.keys - 1u);
        let k_at${j} = row${j} * params.k_stride + params.k_offset + column;
        let v_at${j} = row${j} * params.v_stride + params.v_offset + column;
#end
        let key = vec4<u32>(s, s + 1u, s + 2u, s + 3u);
#for r QUERIES
        var score${r} = vec4<f32>();
#end
#for d HEAD
        {
#for j 4
            let k${j} = vec4<f32>(k[k_at${j} + ${d}u]);
#end
            let turned = transpose(mat4x4<f32>(k0, k1, k2, k3));
#for r QUERIES
#for c 4
            score${r} = fma(vec4<f32>(q${r}_${d}[${c}]), turned[${c}], score${r});
#end
#end
        }
#end
#for r QUERIES
        let hidden${r} = key >= vec4<u32>(visible${r});
        score${r} = select(score${r}, vec4<f32>(-1e30), hidden${r});
        let top${r} = max(max(score${r}.x, score${r}.y), max(score${r}.z, score${r}.w));
        let next${r} = max(largest${r}, top${r});
        let shrink${r} = exp(largest${r} - next${r});
        let weight${r} = select(exp(score${r} - next${r}), vec4<f32>(), hidden${r});
        total${r} = total${r} * shrink${r} + dot(weight${r}, vec4<f32>(1.0));
        largest${r} = next${r};
#end
#for d HEAD
        {
#for j 4
            let v${j} = vec4<f32>(v[v_at${j} + ${d}u]);
#end
#for r QUERIES
            sum${r}_${d} *= shrink${r};
#for j 4
            sum${r}_${d} = fma(vec4<f32>(weight${r}[${j}]), v${j}, sum${r}_${d});
#end
#end
        }
#end
    }
#for r QUERIES
    if first + ${r}u < params.queries {
        let y_at = ((b * params.queries + query${r}) * params.heads * HEAD) + column;
#for d HEAD
        y[y_at + ${d}u] = narrow4(sum${r}_${d} / total${r});
#end
    }
#end
}
