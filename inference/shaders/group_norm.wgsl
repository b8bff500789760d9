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
@group(0) @binding(1) var<storage, read> x: array<T>;        // [B, pixels, C]
@group(0) @binding(2) var<storage, read> weight: array<f32>;   // [C]
@group(0) @binding(3) var<storage, read> bias: array<f32>;     // [C]
@group(0) @binding(4) var<storage, read_write> y: array<T>;  // [B, pixels, C]
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
    let group = workgroup.x % params.groups;
    let start = workgroup.x / params.groups * params.pixels * params.channels + group * per_group;
    let count = params.pixels * per_group;
    var sum = 0.0;
    for (var i = lane; i < count; i += 64u) {
        sum += f32(x[start + i / per_group * params.channels + i % per_group]);
    }
    let mean = total(lane, sum) / f32(count);
    var square = 0.0;
    for (var i = lane; i < count; i += 64u) {
        let d = f32(x[start + i / per_group * params.channels + i % per_group]) - mean;
        square += d * d;
    }
    let scale = inverseSqrt(total(lane, square) / f32(count) + params.eps);
    for (var i = lane; i < count; i += 64u) {
        let c = i % per_group;
        let at = start + i / per_group * params.channels + c;
        let normal = (f32(x[at]) - mean) * scale * weight[group * per_group + c] + bias[group * per_group + c];
        y[at] = narrow(activate(normal));
    }
}
