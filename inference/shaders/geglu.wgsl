// Rows of 2·channels to rows of channels: left half × gelu(right half).
struct Params {
    len: u32,
    channels: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
#import shared/activation.wgsl
#import shared/index.wgsl

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = flat_index(id, workgroups);
    if i >= params.len {
        return;
    }
    let at = i / params.channels * 2u * params.channels + i % params.channels;
    y[i] = x[at] * gelu(x[at + params.channels]);
}
