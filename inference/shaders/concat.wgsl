// Joins rows of a and b.
struct Params {
    len: u32,
    channels: u32,  // of the result
    left: u32,      // of a
}

#import shared/value.wgsl
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<T>;
@group(0) @binding(2) var<storage, read> b: array<T>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;
#import shared/index.wgsl

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = flat_index(id, workgroups);
    if i >= params.len {
        return;
    }
    let row = i / params.channels;
    let c = i % params.channels;
    if c < params.left {
        y[i] = a[row * params.left + c];
    } else {
        y[i] = b[row * (params.channels - params.left) + c - params.left];
    }
}
