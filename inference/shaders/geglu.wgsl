// Rows of 2·channels to rows of channels: left half × gelu(right half).
struct Params {
    len: u32,
    channels: u32,
}

#import shared/value.wgsl
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
#import shared/activation.wgsl
#import shared/index.wgsl

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = flat_index(id, workgroups);
    if i >= params.len {
        return;
    }
    let at = i / params.channels * 2u * params.channels + i % params.channels;
    y[i] = narrow(f32(x[at]) * gelu(f32(x[at + params.channels])));
}
