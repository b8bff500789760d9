// Layer norm: one invocation normalises one row.
struct Params {
    rows: u32,
    channels: u32,
    eps: f32,
}

#import shared/value.wgsl
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;        // [rows, C]
@group(0) @binding(2) var<storage, read> weight: array<f32>;   // [C]
@group(0) @binding(3) var<storage, read> bias: array<f32>;     // [C]
@group(0) @binding(4) var<storage, read_write> y: array<T>;  // [rows, C]
#import shared/index.wgsl

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let row = flat_index(id, workgroups);
    if row >= params.rows {
        return;
    }
    let start = row * params.channels;
    var sum = 0.0;
    for (var c = 0u; c < params.channels; c++) {
        sum += f32(x[start + c]);
    }
    let mean = sum / f32(params.channels);
    var square = 0.0;
    for (var c = 0u; c < params.channels; c++) {
        let d = f32(x[start + c]) - mean;
        square += d * d;
    }
    let scale = inverseSqrt(square / f32(params.channels) + params.eps);
    for (var c = 0u; c < params.channels; c++) {
        y[start + c] = narrow((f32(x[start + c]) - mean) * scale * weight[c] + bias[c]);
    }
}
