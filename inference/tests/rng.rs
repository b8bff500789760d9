//! The random numbers against torch's.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]

mod support;

use inference::rng::TorchCpu;
use safetensors::SafeTensors;
use support::golden;

/// Steps between two floats on the number line.
fn ulps(a: f32, b: f32) -> u64 {
    let key = |x: f32| {
        let bits = i64::from(x.to_bits() as i32);
        if bits < 0 { i64::from(i32::MIN) - bits } else { bits }
    };
    key(a).abs_diff(key(b))
}

#[test]
fn randn_is_that_of_torch_for_every_seed_and_count() {
    let bytes = golden("rng.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert!(tensors.len() > 30, "the golden holds {} draws", tensors.len());
    for (name, view) in tensors.tensors() {
        let (seed, counts) = name.split_once('/').unwrap();
        let mut generator = TorchCpu::new(seed.parse().unwrap());
        let counts: Vec<usize> = counts.split('-').map(|n| n.parse().unwrap()).collect();
        let mut got: Vec<f32> = counts.iter().flat_map(|n| generator.randn(*n)).collect();
        if got.len() >= 1000 {
            got.drain(512..got.len() - 512);
        }
        let want: Vec<f32> = view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(got.len(), want.len(), "{name}");
        let differ = got.iter().zip(&want).filter(|(a, b)| a != b).count();
        let worst = (0..got.len()).max_by_key(|i| ulps(got[*i], want[*i])).unwrap();
        assert_eq!(
            ulps(got[worst], want[worst]),
            0,
            "seed {seed}, counts {counts:?}: worst at [{worst}] got {} golden {} ({differ} of {} differ)",
            got[worst],
            want[worst],
            got.len()
        );
    }
}

#[test]
fn a_stream_is_the_seeds_low_32_bits() {
    assert_eq!(TorchCpu::new(5).randn(20), TorchCpu::new((1 << 32) + 5).randn(20));
    assert_ne!(TorchCpu::new(5).randn(20), TorchCpu::new(6).randn(20));
}
