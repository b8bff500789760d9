//! Every GPU kernel against its CPU twin, over shapes that fit no tile: primes, single rows, three channels.
#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod support;

use half::f16;
use inference::Error;
use inference::exec::gpu::{GpuExecutor, tune::Tuning};
use inference::exec::{Executor, WeightData, cpu::CpuExecutor};
use inference::graph::{Activation, Builder, Graph, NodeId, Precision, WeightId, optimise};
use inference::rng::TorchCpu;
use inference::schedulers::{Combination, Draw, Eval};
use support::tensors::assert_tensor_close;

const TOLERANCE: f32 = 2e-5;
/// A value that is stored as f16 is off by at most 2⁻¹¹ = 4.9e-4 of itself; graphs of several nodes store several.
const HALF_TOLERANCE: f32 = 1e-3;

/// The executors under test. Both precisions, wherever the adapter has them.
struct Devices {
    single: GpuExecutor,
    half: Option<GpuExecutor>,
}

fn devices() -> Option<Devices> {
    Some(Devices { single: support::gpu()?, half: support::gpu_with(Precision::F16) })
}

/// As f16 has it: what both precisions can be given.
fn rounded(data: Vec<f32>) -> Vec<f32> {
    data.into_iter().map(|x| f16::from_f32(x).to_f32()).collect()
}

/// Runs a graph with random weights and inputs.
async fn run<E: Executor>(exec: &E, graph: &Graph, half: bool) -> Vec<f32> {
    let mut rng = TorchCpu::new(11);
    let mut module = exec.compile(graph.clone(), None).await.unwrap();
    for (i, weight) in graph.weights.iter().enumerate() {
        let scale = 1.0 / (weight.k() as f32).sqrt();
        let data: Vec<f32> = rng.randn(weight.len()).into_iter().map(|x| x * scale).collect();
        let data = match half && !weight.is_vector() {
            true => WeightData::F16(data.into_iter().map(f16::from_f32).collect()),
            false => WeightData::F32(data),
        };
        exec.put(&mut module, WeightId(i), data).await.unwrap();
    }
    let inputs: Vec<_> = graph
        .inputs()
        .map(|(id, name, ids)| {
            let len = graph.node(id).len();
            let value = match ids {
                true => exec.upload_ids(&(0..len as u32).map(|i| i * 7 % 5).collect::<Vec<_>>()),
                false => exec.upload(&rounded(rng.randn(len))),
            };
            (name.to_owned(), value.unwrap())
        })
        .collect();
    let inputs: Vec<_> = inputs.iter().map(|(name, value)| (name.as_str(), value)).collect();
    // Twice: the second run must not see the first one's leftovers.
    exec.run(&module, &inputs).await.unwrap();
    let outputs = exec.run(&module, &inputs).await.unwrap();
    exec.download(&outputs[0]).await.unwrap()
}

fn compare(gpu: &Devices, what: &str, build: impl FnOnce(&mut Builder) -> NodeId) {
    compare_within(gpu, what, HALF_TOLERANCE, build);
}

fn compare_within(gpu: &Devices, what: &str, half_tolerance: f32, build: impl FnOnce(&mut Builder) -> NodeId) {
    let mut b = Builder::new();
    let y = build(&mut b);
    b.output("y", y);
    let graph = optimise(b.finish());
    for half in [false, true] {
        let want = pollster::block_on(run(&CpuExecutor, &graph, half));
        let got = pollster::block_on(run(&gpu.single, &graph, half));
        let what = format!("{what}, {} weights", if half { "f16" } else { "f32" });
        assert_tensor_close(&what, &got, &want, TOLERANCE);
        if let Some(gpu) = gpu.half.as_ref() {
            let got = pollster::block_on(run(gpu, &graph, half));
            let error = assert_tensor_close(&format!("{what}, f16 values"), &got, &want, half_tolerance);
            println!("{what}, f16 values: {error:.1e}");
        }
    }
}

#[test]
fn linear() {
    let Some(gpu) = devices() else { return };
    for (m, k, n) in
        [(1, 1, 1), (1, 320, 1280), (2, 7, 5), (7, 12, 3), (17, 33, 9), (63, 64, 65), (77, 40, 24), (130, 5, 4)]
    {
        compare(&gpu, &format!("linear {m}x{k}x{n}"), |b| {
            let x = b.input("x", &[1, m, k]);
            b.linear(x, "fc", n, true)
        });
    }
}

#[test]
fn everything_that_rides_along() {
    let Some(gpu) = devices() else { return };
    let acts = [Activation::Silu, Activation::Gelu, Activation::QuickGelu, Activation::Relu, Activation::Tanh];
    for (i, act) in acts.into_iter().enumerate() {
        for c in [4, 5, 12] {
            compare(&gpu, &format!("conv + time + residual, {act:?} after, {c} channels"), |b| {
                let x = b.input("x", &[2, 3 + i, 5, c]);
                let t = b.input("t", &[2, c]);
                let h = b.conv(x, "conv", c, 3, 1, 1);
                let h = b.add_channels(h, t);
                let h = b.add(h, x);
                b.activate(h, act)
            });
            compare(&gpu, &format!("linear + {act:?}, {c} channels"), |b| {
                let x = b.input("x", &[1, 9, c]);
                let h = b.linear(x, "fc", c + 3, false);
                b.activate(h, act)
            });
        }
    }
}

#[test]
fn convolutions() {
    let Some(gpu) = devices() else { return };
    for (c, n, h, w) in [(1, 1, 1, 1), (3, 8, 7, 5), (4, 3, 9, 11), (7, 12, 8, 8), (32, 20, 13, 3), (320, 4, 2, 3)] {
        compare(&gpu, &format!("3x3 {c}->{n} over {h}x{w}"), |b| {
            let x = b.input("x", &[2, h, w, c]);
            b.conv(x, "conv", n, 3, 1, 1)
        });
        compare(&gpu, &format!("1x1 {c}->{n} over {h}x{w}"), |b| {
            let x = b.input("x", &[2, h, w, c]);
            b.conv(x, "conv", n, 1, 1, 0)
        });
        compare(&gpu, &format!("3x3 {c}->{n} doubled {h}x{w}"), |b| {
            let x = b.input("x", &[1, h, w, c]);
            let x = b.resize(x, 2 * h, 2 * w);
            b.conv(x, "conv", n, 3, 1, 1)
        });
        for padding in [[1; 4], [0, 0, 1, 1]] {
            compare(&gpu, &format!("3x3 stride 2 {c}->{n} over {h}x{w} padded {padding:?}"), |b| {
                let x = b.input("x", &[1, h + 1, w + 1, c]);
                b.conv_with(x, "conv", n, 3, 2, padding, true)
            });
        }
    }
}

#[test]
fn attention() {
    let Some(gpu) = devices() else { return };
    for (heads, dim) in [(1, 1), (2, 5), (3, 6), (3, 8), (2, 33), (8, 40), (5, 64), (2, 80), (1, 160), (1, 512)] {
        for (queries, keys) in [(1, 1), (7, 77), (77, 7), (257, 3)] {
            compare(&gpu, &format!("{heads} heads of {dim}, {queries} queries, {keys} keys"), |b| {
                let x = b.input("x", &[2, queries, heads * dim]);
                let context = b.input("context", &[2, keys, 6]);
                let k = b.linear(context, "k", heads * dim, false);
                let v = b.linear(context, "v", heads * dim, false);
                b.attention(x, k, v, heads, false)
            });
        }
        // Two text chunks of 77 tokens side by side; a map of 5×7 that looks at itself.
        for (queries, keys) in [(35, 154), (35, 35)] {
            compare(&gpu, &format!("{heads} heads of {dim}, {queries} queries, {keys} keys"), |b| {
                let x = b.input("x", &[1, 5, 7, heads * dim]);
                let x = b.reshape(x, &[1, queries, heads * dim]);
                let context = b.input("context", &[1, keys, 4]);
                let [k, v] = ["k", "v"].map(|name| b.linear(context, name, heads * dim, true));
                b.attention(x, k, v, heads, false)
            });
        }
        compare(&gpu, &format!("causal, joined, {heads} heads of {dim}"), |b| {
            let x = b.input("x", &[1, 19, heads * dim]);
            let [q, k, v] = ["q", "k", "v"].map(|name| b.linear(x, name, heads * dim, true));
            b.attention(q, k, v, heads, true)
        });
    }
}

/// The tiles of both kinds of device, those that are not this one's are reached by no other test, and launches in
/// pieces, for which the other tests are too small.
#[test]
fn tiles_of_real_and_software_adapters() {
    if support::gpu().is_none() {
        return;
    }
    let half = support::gpu_with(Precision::F16).is_some();
    for is_software in [false, true] {
        // So little at once that every product and attention is made in pieces.
        let tuning = Tuning { flops_per_submit: 3000, ..Tuning::new(is_software) };
        let open = |p| pollster::block_on(GpuExecutor::with_tuning(p, tuning)).unwrap();
        let gpu = Devices { single: open(Precision::F32), half: half.then(|| open(Precision::F16)) };
        for (m, k, n) in [(1, 8, 36), (2, 7, 5), (3, 12, 8), (17, 33, 9), (130, 20, 72)] {
            compare(&gpu, &format!("linear {m}x{k}x{n}, software {is_software}"), |b| {
                let x = b.input("x", &[1, m, k]);
                let r = b.input("r", &[1, m, n]);
                let y = b.linear(x, "fc", n, true);
                b.add(y, r)
            });
        }
        for (c, n) in [(3, 7), (8, 12), (12, 3)] {
            compare(&gpu, &format!("3x3 {c}->{n}, software {is_software}"), |b| {
                let x = b.input("x", &[3, 7, 11, c]);
                let t = b.input("t", &[3, n]);
                let y = b.conv(x, "conv", n, 3, 1, 1);
                b.add_channels(y, t)
            });
        }
        for (heads, dim) in [(2, 5), (1, 48), (2, 56), (1, 200)] {
            compare(&gpu, &format!("{heads} heads of {dim}, software {is_software}"), |b| {
                let x = b.input("x", &[2, 33, heads * dim]);
                b.attention(x, x, x, heads, true)
            });
        }
    }
}

/// A matrix product reads zeros behind its input; a slot that held something longer before must have them too.
#[test]
fn zeros_lie_behind_values_in_slots_in_use_again() {
    let Some(gpu) = devices() else { return };
    compare(&gpu, "long values before short ones", |b| {
        let mut x = b.input("x", &[2, 6, 6, 4]);
        for (i, n) in [28, 4, 20, 12, 3, 7].into_iter().enumerate() {
            x = b.conv(x, &format!("conv{i}"), n, 3, 1, 1);
        }
        x
    });
}

/// Upstream's encoder pads at the right and the bottom alone before it halves a map; worked out by hand here, because
/// twins can be wrong together.
#[test]
fn a_convolution_padded_on_two_sides() {
    let Some(gpu) = devices() else { return };
    let mut b = Builder::new();
    let x = b.input("x", &[1, 4, 3, 1]);
    let y = b.conv_with(x, "conv", 1, 3, 2, [0, 0, 1, 1], true);
    assert_eq!(b.shape(y), [1, 2, 1, 1]);
    b.output("y", y);
    let graph = b.finish();
    async fn go<E: Executor>(exec: &E, graph: &Graph) -> Vec<f32> {
        let mut module = exec.compile(graph.clone(), None).await.unwrap();
        let weights = [(1..=9).map(|i| i as f32).collect(), vec![0.5]];
        for (i, data) in weights.into_iter().enumerate() {
            exec.put(&mut module, WeightId(i), WeightData::F32(data)).await.unwrap();
        }
        let x = exec.upload(&(1..=12).map(|i| i as f32).collect::<Vec<_>>()).unwrap();
        let out = exec.run(&module, &[("x", &x)]).await.unwrap();
        exec.download(&out[0]).await.unwrap()
    }
    // Σ k² for k = 1..9; rows 3 and 4 of the map under the first two rows of the kernel, then padding.
    let want = [285.0 + 0.5, 7.0 + 16.0 + 27.0 + 40.0 + 55.0 + 72.0 + 0.5];
    assert_eq!(pollster::block_on(go(&CpuExecutor, &graph)), want);
    assert_eq!(pollster::block_on(go(&gpu.single, &graph)), want);
    let half = gpu.half.map(|half| pollster::block_on(go(&half, &graph)));
    // 285.5 and 217.5 are f16 numbers.
    assert!(half.is_none_or(|half| half == want));
}

/// Numbers that f16 does not hold are an error, not a wrong picture; a graph that needs f32 has it.
#[test]
fn overflow_of_f16() {
    let Some(gpu) = support::gpu_with(Precision::F16) else { return };
    let mut b = Builder::new();
    let x = b.input("x", &[1, 9, 4]);
    let y = b.affine(x, 300.0, 0.0);
    let y = b.affine(y, 1.0 / 300.0, 0.0);
    b.output("y", y);
    let graph = b.finish();
    let go = |graph: Graph, value: f32| {
        pollster::block_on(async {
            let module = gpu.compile(graph, None).await.unwrap();
            let x = gpu.upload(&[value; 36]).unwrap();
            let out = gpu.run(&module, &[("x", &x)]).await.unwrap();
            gpu.download(&out[0]).await
        })
    };
    assert_tensor_close("in range", &go(graph.clone(), 200.0).unwrap(), &[200.0; 36], HALF_TOLERANCE);
    for too_large in [300.0, -300.0, 1e6, f32::INFINITY, f32::NAN] {
        let error = go(graph.clone(), too_large).unwrap_err();
        assert!(matches!(error, Error::Precision(_)), "{too_large}: {error}");
        assert_tensor_close("afterwards", &go(graph.clone(), 1.0).unwrap(), &[1.0; 36], HALF_TOLERANCE);
    }
    assert_tensor_close("in f32", &go(graph.in_f32(), 1e6).unwrap(), &[1e6; 36], TOLERANCE);
}

#[test]
fn norms() {
    let Some(gpu) = devices() else { return };
    for (groups, per_group, h, w) in [(1, 1, 3, 3), (3, 1, 7, 5), (8, 4, 1, 1), (32, 10, 13, 11), (2, 3, 40, 41)] {
        // Numbers around 20 are off by 2⁻⁷ as f16, and the norm divides them by 3 or less.
        compare_within(&gpu, &format!("{groups} groups of {per_group} over {h}x{w}"), 4e-3, |b| {
            let x = b.input("x", &[2, h, w, groups * per_group]);
            let x = b.affine(x, 3.0, 20.0);
            let x = b.group_norm(x, "norm", groups, 1e-6);
            b.activate(x, Activation::Silu)
        });
    }
    for (rows, c) in [(1, 1), (77, 40), (5, 768), (129, 3)] {
        compare(&gpu, &format!("layer norm {rows}x{c}"), |b| {
            let x = b.input("x", &[1, rows, c]);
            b.layer_norm(x, "norm", 1e-5)
        });
    }
}

#[test]
fn the_rest() {
    let Some(gpu) = devices() else { return };
    for c in [1, 3, 4, 7, 64] {
        compare(&gpu, &format!("embedding of {c}"), |b| {
            let ids = b.input_ids("ids", &[2, 5]);
            b.embedding(ids, ("table", 11), ("positions", 9), c)
        });
        compare(&gpu, &format!("geglu of {c}"), |b| {
            let x = b.input("x", &[1, 13, 2 * c]);
            b.geglu(x)
        });
        compare(&gpu, &format!("resize, concat, add, add_channels of {c}"), |b| {
            let x = b.input("x", &[2, 3, 5, c]);
            let t = b.input("t", &[2, c]);
            let y = b.resize(x, 7, 4);
            let y = b.add_channels(y, t);
            let z = b.activate(y, Activation::Gelu);
            let y = b.add(y, z);
            b.concat(y, z)
        });
    }
}

/// Coefficients that use everything a sampler can, over more evaluations than there are remembered values; every other
/// one keeps a part of a picture.
#[test]
fn guide_step_and_blend() {
    let Some(gpu) = devices() else { return };
    async fn go<E: Executor>(exec: &E) -> Vec<Vec<f32>> {
        let mut rng = TorchCpu::new(5);
        let len = 67;
        let mut sampler = exec.sampler(&rng.randn(len)).unwrap();
        let mut seen = Vec::new();
        for i in 0..9 {
            let mix = |seed: usize| Combination {
                x: 0.5 + 0.01 * seed as f64,
                saved: 0.2,
                history: [0.3, -0.2, 0.1, 0.05 * (i % 3) as f64],
                noise: if i % 2 == 0 { 0.4 } else { 0.0 },
                output: 0.07 * (seed % 3) as f64,
            };
            let eval = Eval {
                outer_step: i,
                timestep: 1.0,
                sigma: 1.0,
                input_scale: 0.9,
                to_denoised: [0.7, -0.3],
                to_history: [0.1, 0.8],
                remember: i % 4 != 2,
                update: mix(i),
                save: (i % 3 == 0).then(|| mix(i + 7)),
                noise: if i % 2 == 0 { Draw::Normal } else { Draw::None },
                known: [1.0, 0.0],
                clip: (i % 4 == 1).then_some(0.6),
            };
            let input = exec.model_input(&sampler, eval.input_scale, 2).unwrap();
            seen.push(exec.download(&input).await.unwrap());
            let guidance = (i % 3 != 1).then_some(6.5);
            let out = exec.upload(&rng.randn(if guidance.is_some() { 2 * len } else { len })).unwrap();
            let noise = (eval.noise != Draw::None).then(|| rng.randn(len));
            exec.guide_and_step(&mut sampler, &eval, &out, guidance, noise.as_deref()).unwrap();
            let known = exec.upload(&rng.randn(len)).unwrap();
            let mask = exec.upload(&(0..len).map(|i| (i % 4) as f32 / 3.0).collect::<Vec<_>>()).unwrap();
            if i % 2 == 1 {
                exec.blend(&mut sampler, &known, &mask).unwrap();
            }
            for value in [exec.latents(&sampler), exec.denoised(&sampler), exec.noise_pred(&sampler)] {
                seen.push(exec.download(&value).await.unwrap());
            }
        }
        seen
    }
    let want = pollster::block_on(go(&CpuExecutor));
    let got = pollster::block_on(go(&gpu.single));
    for (i, (got, want)) in got.iter().zip(&want).enumerate() {
        assert_tensor_close(&format!("value {} of evaluation {}", i % 4, i / 4), got, want, TOLERANCE);
    }
}
