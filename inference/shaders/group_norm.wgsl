// Group norm with an optional pointwise function. One workgroup normalises one group of one batch entry: sum, then sum
// of squares around the mean (so that large means cost no precision), then the result.
struct Params {
    pixels: u32,
    channels: u32,
    groups: u32,
    eps: f32,
}

#import shared/value.wgsl
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;          // [B, pixels, C]
@group(0) @binding(2) var<storage, read> weight: array<f32>;   // [C]
@group(0) @binding(3) var<storage, read> bias: array<f32>;     // [C]
@group(0) @binding(4) var<storage, read_write> y: array<T>;    // [B, pixels, C]
#import shared/activation.wgsl

var<workgroup> partial: array<f32, 64>;

fn total(lane: u32, value: f32) -> f32 {
    partial[lane] = value;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half >>= 1u) {
        if lane < half {
            partial[lane] += partial[lane + half];
        }
        workgroupBarrier();
    }
    let sum = partial[0];
    workgroupBarrier();
    return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let per_group = params.channels / params.groups;
    let channel = workgroup.x % params.groups * per_group;
    let start = workgroup.x / params.groups * params.pixels * params.channels + channel;
    let end = start + params.pixels * params.channels;
    let count = f32(params.pixels * per_group);
    // Pixels by lane, channels one after the other: a division for every number would cost more than all the rest.
    let first = start + lane * params.channels;
    let step = 64u * params.channels;
    var sum = 0.0;
    for (var at = first; at < end; at += step) {
        for (var c = 0u; c < per_group; c++) {
            sum += f32(x[at + c]);
        }
    }
    let mean = total(lane, sum) / count;
    var square = 0.0;
    for (var at = first; at < end; at += step) {
        for (var c = 0u; c < per_group; c++) {
            let d = f32(x[at + c]) - mean;
            square += d * d;
        }
    }
    let scale = inverseSqrt(total(lane, square) / count + params.eps);
    for (var at = first; at < end; at += step) {
        for (var c = 0u; c < per_group; c++) {
            let normal = (f32(x[at + c]) - mean) * scale * weight[channel + c] + bias[channel + c];
            y[at + c] = narrow(activate(ACT, normal));
        }
    }
}
