//! The random numbers against torch's, and the Brownian paths against torchsde's.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]

mod support;

use inference::rng::{Brownian, Generator, Philox, TorchCpu};
use protocol::RngKind;
use safetensors::SafeTensors;
use serde::Deserialize;
use support::golden;

/// Steps between two floats on the number line.
fn ulps(a: f32, b: f32) -> u64 {
    let key = |x: f32| {
        let bits = i64::from(x.to_bits() as i32);
        if bits < 0 { i64::from(i32::MIN) - bits } else { bits }
    };
    key(a).abs_diff(key(b))
}

/// The worst distance, and where.
fn worst(what: &str, got: &[f32], want: &[f32]) -> (u64, String) {
    assert_eq!(got.len(), want.len(), "{what}");
    let at = (0..got.len()).max_by_key(|i| ulps(got[*i], want[*i])).unwrap();
    let differ = got.iter().zip(want).filter(|(a, b)| a != b).count();
    let told =
        format!("{what}: worst at [{at}] got {} golden {} ({differ} of {} differ)", got[at], want[at], got.len());
    (ulps(got[at], want[at]), told)
}

/// Every `SEED/N-N-…` of a golden against the generator of a kind.
fn check_draws(file: &str, kind: RngKind, fewest: usize, allowed: u64) {
    let bytes = golden(file);
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert!(tensors.len() >= fewest, "the golden holds {} draws", tensors.len());
    for (name, view) in tensors.tensors() {
        let (seed, counts) = name.split_once('/').unwrap();
        let mut generator = Generator::new(kind, seed.parse().unwrap());
        let counts: Vec<usize> = counts.split('-').map(|n| n.parse().unwrap()).collect();
        let mut got: Vec<f32> = counts.iter().flat_map(|n| generator.randn(*n)).collect();
        if got.len() >= 4000 {
            got.drain(512..got.len() - 512);
        }
        let (distance, told) = worst(&format!("seed {seed}, counts {counts:?}"), &got, &floats(view.data()));
        assert!(distance <= allowed, "{told}");
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

#[test]
fn randn_is_that_of_torch_for_every_seed_and_count() {
    check_draws("rng.safetensors", RngKind::Cpu, 100, 0);
}

#[test]
fn a_cpu_stream_is_the_seeds_low_32_bits() {
    assert_eq!(TorchCpu::new(5).randn(20), TorchCpu::new((1 << 32) + 5).randn(20));
    assert_ne!(TorchCpu::new(5).randn(20), TorchCpu::new(6).randn(20));
}

#[test]
fn philox_is_that_of_an_independent_implementation() {
    check_draws("philox.safetensors", RngKind::Philox, 6, 0);
}

/// What an NVIDIA GPU printed for `torch.manual_seed(0)` and three tensors drawn one after the other, of 8×10, 10 and
/// 8×10 elements; four decimals, as torch prints. Published in the notebook of the CUDA lecture on fused kernels
/// (`lora_on_simple_mlp`, "Tensor x", "Tensor bias"), and its first row all over the web.
#[test]
fn philox_is_what_a_gpu_printed() {
    const FIRST: [f32; 80] = [
        -0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797, -0.6229, -0.3284, -1.0745, -0.3631, //
        -1.6711, 2.2655, 0.3117, -0.1842, 1.2866, 1.1820, -0.1271, 1.2169, 1.4353, 1.0605, //
        -0.4941, -1.4244, -0.7244, -1.2973, 0.0697, -0.0074, 1.8969, 0.6878, -0.0779, -0.8373, //
        1.3506, -0.2879, -0.5965, -0.3283, -0.9086, -0.8059, -0.7407, -0.0504, 0.5435, 1.5150, //
        0.0141, 0.4532, 1.6349, 0.7124, -0.1806, 1.0252, -1.4622, -0.7554, -0.1836, 0.3824, //
        0.3918, -0.0830, 0.8971, -1.1123, 0.1116, 0.4863, -0.5499, -0.3231, -0.5469, 0.9049, //
        0.2837, 0.1210, 0.4730, -1.0823, -0.0334, -0.9734, 0.9559, -1.1795, -1.0064, 0.1160, //
        0.6852, -0.4124, -0.6738, -0.5404, 0.6898, -1.5517, 0.3805, -0.0436, 0.3597, -0.5043,
    ];
    const BIAS: [f32; 10] = [0.1808, -0.5523, 0.9238, -0.7350, 1.3800, 0.8676, 0.1297, -0.9406, 0.8109, 0.8821];
    let mut generator = Philox::new(0);
    let first = generator.randn(80);
    for (got, printed) in first.iter().zip(FIRST) {
        assert!((got - printed).abs() <= 0.000_051, "{got} against {printed}");
    }
    let mut later = (0..3).map(|_| generator.randn(10)).collect::<Vec<_>>();
    later.retain(|draw| draw.iter().zip(BIAS).all(|(got, printed)| (got - printed).abs() <= 0.000_051));
    assert_eq!(later.len(), 1, "the second tensor is none of the next three draws");
}

/// Its documentation prints seed 0 with eight digits; it computes in numpy, the same arithmetic without fused steps.
#[test]
fn philox_is_what_automatic1111_calls_nv() {
    const PRINTED: [f64; 12] = [
        -0.92466259,
        -0.42534415,
        -2.6438457,
        0.14518388,
        -0.12086647,
        -0.57972564,
        -0.62285122,
        -0.32838709, //
        -1.07454231,
        -0.36314407,
        -1.67105067,
        2.26550497,
    ];
    for (got, printed) in Philox::new(0).randn(12).iter().zip(PRINTED) {
        assert!((f64::from(*got) - printed).abs() <= 1e-6, "{got} against {printed}");
    }
}

#[test]
fn a_philox_stream_is_all_64_bits_of_the_seed() {
    assert_ne!(Philox::new(5).randn(20), Philox::new((1 << 32) + 5).randn(20));
    let mut generator = Philox::new(5);
    assert_eq!(generator.randn(0), Vec::<f32>::new());
    assert_eq!(generator.randn(20)[..7], Philox::new(5).randn(7), "a thread's number does not depend on the others");
}

#[derive(Deserialize)]
struct Path {
    seed: String,
    low: f64,
    high: f64,
    queries: Vec<(f64, f64)>,
}

#[test]
fn brownian_paths_are_those_of_torchsde() {
    let bytes = golden("brownian.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let metadata = SafeTensors::read_metadata(&bytes).unwrap().1.metadata().clone().unwrap();
    let paths: Vec<Path> = serde_json::from_str(&metadata["info"]).unwrap();
    assert!(paths.len() >= 8 && paths.len() == tensors.len());
    for (i, path) in paths.iter().enumerate() {
        let view = tensors.tensor(&i.to_string()).unwrap();
        let [queries, len] = view.shape().try_into().unwrap();
        assert_eq!(queries, path.queries.len());
        let brownian = Brownian::new(path.seed.parse().unwrap(), path.low, path.high, len);
        for ((from, to), want) in path.queries.iter().zip(floats(view.data()).chunks(len)) {
            let what = format!("path {i} of seed {}, {from} to {to}", path.seed);
            let (distance, told) = worst(&what, &brownian.between(*from, *to), want);
            assert!(distance == 0, "{told}");
        }
    }
}

#[test]
fn brownian_increments_add_up_and_have_the_spans_variance() {
    for kind in [RngKind::Cpu, RngKind::Philox] {
        let path = Brownian::new(3, 0.03, 14.6, 40_000).with_rng(kind);
        let step = |from: f64, to: f64| -> Vec<f32> {
            path.between(from, to).iter().map(|value| value * ((to - from).abs() as f32).sqrt()).collect()
        };
        let (whole, first, second) = (step(9.0, 2.0), step(9.0, 4.5), step(4.5, 2.0));
        for ((whole, first), second) in whole.iter().zip(&first).zip(&second) {
            assert!((whole - first - second).abs() < 1e-4);
        }
        let mean = |values: &[f32]| values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64;
        let noise = path.between(9.0, 4.5);
        let squares: Vec<f32> = noise.iter().map(|value| value * value).collect();
        assert!(mean(&noise).abs() < 0.02 && (mean(&squares) - 1.0).abs() < 0.03, "{kind:?}");
        let products: Vec<f32> = noise.iter().zip(path.between(4.5, 2.0)).map(|(a, b)| a * b).collect();
        assert!(mean(&products).abs() < 0.02, "steps that do not overlap are independent");
        assert_eq!(path.between(4.5, 4.5), vec![0.0; 40_000]);
    }
}
