// Linear layers and convolutions: y[M, N] = act(gather(x)[M, K] · w[K, N] + bias + channel_bias) + residual.
//
// Every invocation keeps 8 rows × 8 columns of y in four 4×4 matrices and walks K four at a time: 16 vector loads feed
// 256 multiply-adds. No workgroup memory and no barriers: software adapters pay dearly for both, and the caches of real
// GPUs serve neighbours that read the same rows. K runs over (ky, kx, channel).
struct Params {
    rows: u32,          // M
    columns: u32,       // N
    channels: u32,      // of x
    height: u32,        // of x, before doubling
    width: u32,
    out_height: u32,
    out_width: u32,
    kernel_height: u32,
    kernel_width: u32,
    stride: u32,
    pad_top: u32,
    pad_left: u32,
    rows_per_batch: u32,
    upsample: u32,      // 1: x is read as if doubled
}

#import shared/value.wgsl
@group(0) @binding(0) var<uniform> params: Params;
#if A_VEC
@group(0) @binding(1) var<storage, read> x: array<T4>;              // [B, H, W, C / 4]
#else
@group(0) @binding(1) var<storage, read> x: array<T>;               // [B, H, W, C]
#endif
#import shared/weight.wgsl
@group(0) @binding(3) var<storage, read_write> y: array<T>;         // [M, N]
#if BIAS
@group(0) @binding(4) var<storage, read> bias: array<f32>;          // [N]
#endif
#if CHANNEL_BIAS
@group(0) @binding(5) var<storage, read> channel_bias: array<T>;    // [B, N]
#endif
#if RESIDUAL
@group(0) @binding(6) var<storage, read> residual: array<T>;        // [M, N]
#endif
#import shared/activation.wgsl

const OUTSIDE: u32 = 0xffffffffu;

// Where pixel (ky, kx) under output row `row` begins in x, counted in numbers; OUTSIDE in the padding.
fn source(row: u32, ky: u32, kx: u32) -> u32 {
#if CONV
    let area = params.out_height * params.out_width;
    let rest = row % area;
    let iy = rest / params.out_width * params.stride + ky - params.pad_top;
    let ix = rest % params.out_width * params.stride + kx - params.pad_left;
    // Left of or above the picture wraps around to a huge number, so one comparison finds both sides.
    if iy >= (params.height << params.upsample) || ix >= (params.width << params.upsample) {
        return OUTSIDE;
    }
    let pixel = (row / area * params.height + (iy >> params.upsample)) * params.width + (ix >> params.upsample);
    return pixel * params.channels;
#else
    return row * params.channels;
#endif
}

fn load_x(base: u32, c: u32) -> vec4<f32> {
    if base == OUTSIDE {
        return vec4<f32>();
    }
#if A_VEC
    return vec4<f32>(x[(base + c) >> 2u]);
#else
    var value = vec4<f32>();
    for (var i = 0u; i < 4u && c + i < params.channels; i++) {
        value[i] = f32(x[base + c + i]);
    }
    return value;
#endif
}

// Rows of w beyond the last channel of a pixel belong to the next pixel; x is zero there, and so is what they add,
// except at the very end of w, where the index is held back.
fn load_w4(k: u32, n4: u32, column: u32) -> mat4x4<f32> {
    let last = params.kernel_height * params.kernel_width * params.channels - 1u;
    return mat4x4<f32>(
        load_w(min(k, last) * n4 + column),
        load_w(min(k + 1u, last) * n4 + column),
        load_w(min(k + 2u, last) * n4 + column),
        load_w(min(k + 3u, last) * n4 + column),
    );
}

fn store(row: u32, column: u32, value: vec4<f32>) {
    if row >= params.rows {
        return;
    }
    for (var i = 0u; i < 4u && column + i < params.columns; i++) {
        let n = column + i;
        var sum = value[i];
#if BIAS
        sum += bias[n];
#endif
#if CHANNEL_BIAS
        sum += f32(channel_bias[row / params.rows_per_batch * params.columns + n]);
#endif
        sum = activate(sum);
#if RESIDUAL
        sum += f32(residual[row * params.columns + n]);
#endif
        y[row * params.columns + n] = narrow(sum);
    }
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
    let n4 = (params.columns + 3u) / 4u;
    let column = id.x * 2u;
    // Rows are folded over y and z.
    let row = (id.y + id.z * workgroups.y * 8u) * 8u;
    if column >= n4 || row >= params.rows {
        return;
    }
    let second = min(column + 1u, n4 - 1u);
    let last = params.rows - 1u;
    var acc00 = mat4x4<f32>();
    var acc01 = mat4x4<f32>();
    var acc10 = mat4x4<f32>();
    var acc11 = mat4x4<f32>();
    var k = 0u;
    for (var ky = 0u; ky < params.kernel_height; ky++) {
        for (var kx = 0u; kx < params.kernel_width; kx++) {
            let b0 = source(row, ky, kx);
            let b1 = source(min(row + 1u, last), ky, kx);
            let b2 = source(min(row + 2u, last), ky, kx);
            let b3 = source(min(row + 3u, last), ky, kx);
            let b4 = source(min(row + 4u, last), ky, kx);
            let b5 = source(min(row + 5u, last), ky, kx);
            let b6 = source(min(row + 6u, last), ky, kx);
            let b7 = source(min(row + 7u, last), ky, kx);
            for (var c = 0u; c < params.channels; c += 4u) {
                let a0 = mat4x4<f32>(load_x(b0, c), load_x(b1, c), load_x(b2, c), load_x(b3, c));
                let a1 = mat4x4<f32>(load_x(b4, c), load_x(b5, c), load_x(b6, c), load_x(b7, c));
                let w0 = load_w4(k + c, n4, column);
                let w1 = load_w4(k + c, n4, second);
                acc00 += w0 * a0;
                acc01 += w0 * a1;
                acc10 += w1 * a0;
                acc11 += w1 * a1;
            }
            k += params.channels;
        }
    }
    for (var i = 0u; i < 4u; i++) {
        store(row + i, column * 4u, acc00[i]);
        store(row + 4u + i, column * 4u, acc01[i]);
        if second > column {
            store(row + i, second * 4u, acc10[i]);
            store(row + 4u + i, second * 4u, acc11[i]);
        }
    }
}
