// Pointwise functions by code: 0 none, 1 SiLU, 2 GELU, 3 quick GELU, 4 ReLU, 5 tanh.
fn sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp(-x));
}

// Error function after Abramowitz and Stegun 7.1.26; largest absolute error 1.5e-7, a rounding of f32.
fn erf_approx(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.3275911 * abs(x));
    let poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    return sign(x) * (1.0 - poly * exp(-x * x));
}

fn gelu(x: f32) -> f32 {
    return 0.5 * x * (1.0 + erf_approx(x * 0.7071067811865476));
}

fn activate(act: u32, x: f32) -> f32 {
    switch act {
        case 1u: { return x * sigmoid(x); }
        case 2u: { return gelu(x); }
        case 3u: { return x * sigmoid(1.702 * x); }
        case 4u: { return max(x, 0.0); }
        // Beyond ±9 tanh is ±1 in f32, and some drivers overflow on the way there.
        case 5u: { return tanh(clamp(x, -9.0, 9.0)); }
        default: { return x; }
    }
}

fn activate4(act: u32, x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(activate(act, x.x), activate(act, x.y), activate(act, x.z), activate(act, x.w));
}
