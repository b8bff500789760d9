// How many multiply-adds the device makes when nothing holds it up: eight independent chains of vectors in registers.
struct Params {
    rounds: u32,
    seed: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let m = vec4<f32>(params.seed, params.seed * 0.5, params.seed * 0.25, params.seed * 0.125);
    let start = f32(id.x) * 1e-6;
    var a = vec4<f32>(start);
    var b = vec4<f32>(start + 0.1);
    var c = vec4<f32>(start + 0.2);
    var d = vec4<f32>(start + 0.3);
    var e = vec4<f32>(start + 0.4);
    var f = vec4<f32>(start + 0.5);
    var g = vec4<f32>(start + 0.6);
    var h = vec4<f32>(start + 0.7);
    for (var i = 0u; i < params.rounds; i++) {
        a = fma(a, m, m);
        b = fma(b, m, m);
        c = fma(c, m, m);
        d = fma(d, m, m);
        e = fma(e, m, m);
        f = fma(f, m, m);
        g = fma(g, m, m);
        h = fma(h, m, m);
    }
    y[id.x] = dot(a + b + c + d, e + f + g + h);
}
