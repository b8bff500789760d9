// Numbers of a caller, who always has f32, to values as they are stored, and back.
struct Params {
    len: u32,
}

#import shared/value.wgsl
@group(0) @binding(0) var<uniform> params: Params;
#if WIDEN
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
#else
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
#end
#import shared/index.wgsl

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let i = flat_index(id, workgroups);
    if i >= params.len {
        return;
    }
#if WIDEN
    y[i] = f32(x[i]);
#else
    y[i] = narrow(x[i]);
#end
}
