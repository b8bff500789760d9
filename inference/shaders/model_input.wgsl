// What the UNet is given: the sampler's x, scaled, once for each batch entry.
struct Params {
    len: u32,
    latents: u32,  // numbers in x
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // the sampler's state; x comes first
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // [B, latents]
#import shared/index.wgsl

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = flat_index(id, workgroups);
    if i >= params.len {
        return;
    }
    y[i] = x[i % params.latents] * params.scale;
}
