// Linear layers and convolutions: y[M, N] = act(gather(x)[M, K] · w[K, N] + bias + channel_bias) + residual.
//
// Every invocation keeps ROWS × 4·COLUMNS numbers of y in registers and walks K, which runs over (ky, kx, channel).
// Neighbours lie along columns: they read the same x and adjacent w. No workgroup memory and no barriers: software
// adapters pay dearly for both, and the caches of real GPUs serve neighbours that read the same rows.
struct Params {
    rows: u32,          // M
    columns: u32,       // N
    channels: u32,      // of x, in X
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
    zeros: u32,         // where the zeros behind x begin, in X
    tiles_across: u32,
    act: u32,
    extras: u32,        // bit 0: bias, 1: channel bias, 2: residual
    start: u32,         // tiles that earlier launches made
}

#import shared/matmul_types.wgsl
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;             // [B, H, W, C]
#import shared/weight.wgsl
@group(0) @binding(3) var<storage, read_write> y: array<Y>;       // [M, N]
@group(0) @binding(4) var<storage, read> bias: array<f32>;        // [N]
@group(0) @binding(5) var<storage, read> channel_bias: array<Y>;  // [B, N]
@group(0) @binding(6) var<storage, read> residual: array<Y>;      // [M, N]
#import shared/activation.wgsl
#import shared/pixel.wgsl

fn finish(row: u32, n: u32, sum: VY) -> Y {
#if N_VEC
    let width = params.columns / 4u;
#else
    let width = params.columns;
#end
    var value = sum;
    if (params.extras & 2u) != 0u {
        value += VY(channel_bias[row / params.rows_per_batch * width + n]);
    }
#if N_VEC
    value = activate4(params.act, value);
#else
    value = activate(params.act, value);
#end
    if (params.extras & 4u) != 0u {
        value += VY(residual[row * width + n]);
    }
#if N_VEC
    return narrow4(value);
#else
    return narrow(value);
#end
}

// Four columns of a row.
fn store(row: u32, column: u32, sum: vec4<f32>) {
    if row >= params.rows {
        return;
    }
    var value = sum;
    if (params.extras & 1u) != 0u {
        let at = 4u * column;
        // Beyond the last column anything will do: it is not stored.
        value += vec4<f32>(bias[at], bias[at + 1u], bias[at + 2u], bias[at + 3u]);
    }
#if N_VEC
    y[row * (params.columns / 4u) + column] = finish(row, column, value);
#else
    for (var i = 0u; i < 4u && 4u * column + i < params.columns; i++) {
        let n = 4u * column + i;
        y[row * params.columns + n] = finish(row, n, value[i]);
    }
#end
}

@compute @workgroup_size(GROUP_X, GROUP_Y)
fn main(
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
) {
    // Long lists of tiles are folded to stay below the limit of workgroups in a dimension.
    let tile = params.start + group.x + group.y * workgroups.x;
    let column = (tile % params.tiles_across * GROUP_X + local.x) * COLUMNS;
    let row = (tile / params.tiles_across * GROUP_Y + local.y) * ROWS;
    let n4 = (params.columns + 3u) / 4u;
    if column >= n4 || row >= params.rows {
        return;
    }
#for i ROWS
    let corner${i} = corner(row + ${i}u);
#for j COLUMNS
    var sum${i}_${j} = vec4<f32>();
#end
#end
    var k = column;
    for (var ky = 0u; ky < params.kernel_height; ky++) {
        for (var kx = 0u; kx < params.kernel_width; kx++) {
#for i ROWS
            let from${i} = pixel(corner${i}, ky, kx);
#end
            for (var c = 0u; c < params.channels; c++) {
#for i ROWS
                let x${i} = VX(x[from${i} + c]);
#end
#if A_VEC
#for c 4
#for j COLUMNS
                let w${c}_${j} = load_w(k + ${j}u);
#end
                k += n4;
#for i ROWS
#for j COLUMNS
                sum${i}_${j} = fma(vec4<f32>(x${i}[${c}]), w${c}_${j}, sum${i}_${j});
#end
#end
#end
#else
#for j COLUMNS
                let w_${j} = load_w(k + ${j}u);
#for i ROWS
                sum${i}_${j} = fma(vec4<f32>(x${i}), w_${j}, sum${i}_${j});
#end
#end
                k += n4;
#end
            }
        }
    }
    // A loop, lest the code for finishing be there for every number: some compilers take seconds for that.
    var sums: array<vec4<f32>, ROWS * COLUMNS>;
#for i ROWS
#for j COLUMNS
    sums[${i}u * COLUMNS + ${j}u] = sum${i}_${j};
#end
#end
    for (var i = 0u; i < ROWS * COLUMNS; i++) {
        store(row + i / COLUMNS, column + i % COLUMNS, sums[i]);
    }
}
