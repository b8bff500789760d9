// Nearest neighbour: output pixel o shows input pixel floor(o · in / out).
struct Params {
    len: u32,
    channels: u32,
    from_height: u32,
    from_width: u32,
    to_height: u32,
    to_width: u32,
}

#import shared/value.wgsl
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;        // [B, from_height, from_width, C]
@group(0) @binding(2) var<storage, read_write> y: array<T>;  // [B, to_height, to_width, C]
#import shared/index.wgsl

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = flat_index(id, workgroups);
    if i >= params.len {
        return;
    }
    let pixel = i / params.channels;
    let row = pixel / params.to_width;
    let from_x = pixel % params.to_width * params.from_width / params.to_width;
    let from_y = row % params.to_height * params.from_height / params.to_height;
    let b = row / params.to_height;
    let source = (b * params.from_height + from_y) * params.from_width + from_x;
    y[i] = x[source * params.channels + i % params.channels];
}
