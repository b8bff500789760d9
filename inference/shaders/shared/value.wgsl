// How values lie in memory: f32, or f16 where the executor was asked for it. Arithmetic is f32 everywhere, so every
// kernel widens what it reads and narrows what it writes. A number that f16 cannot hold raises a flag that the executor
// looks at whenever it reads anything back: WGSL leaves open what such a conversion gives.
#if F16
alias T = f16;
alias T4 = vec4<f16>;
@group(0) @binding(7) var<storage, read_write> overflow: atomic<u32>;

fn narrow(x: f32) -> T {
    // Not a number fails every comparison.
    if !(abs(x) <= 65504.0) {
        atomicStore(&overflow, 1u);
    }
    return T(x);
}

fn narrow4(x: vec4<f32>) -> T4 {
    if !all(abs(x) <= vec4<f32>(65504.0)) {
        atomicStore(&overflow, 1u);
    }
    return T4(x);
}
#else
alias T = f32;
alias T4 = vec4<f32>;

fn narrow(x: f32) -> T {
    return x;
}

fn narrow4(x: vec4<f32>) -> T4 {
    return x;
}
#end
