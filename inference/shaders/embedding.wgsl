// Token ids to vectors: table[id] + positions[t]. Tables are [rows, N4·4].
struct Params {
    len: u32,
    channels: u32,
    tokens: u32,
}

#import shared/value.wgsl
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;        // [B, T]
#import shared/weight.wgsl
@group(0) @binding(3) var<storage, read> positions: array<f32>;  // [context, C]
@group(0) @binding(4) var<storage, read_write> y: array<T>;    // [B, T, C]
#import shared/index.wgsl

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = flat_index(id, workgroups);
    if i >= params.len {
        return;
    }
    let n4 = (params.channels + 3u) / 4u;
    let row = i / params.channels;
    let c = i % params.channels;
    let token = load_w(ids[row] * n4 + c / 4u);
    y[i] = narrow(token[c % 4u] + positions[row % params.tokens * params.channels + c]);
}
