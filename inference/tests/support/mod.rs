//! What golden tests share: where goldens lie and how a difference is told.
#![allow(dead_code, reason = "each test binary uses its share")]

pub mod parity;
pub mod tensors;

use inference::exec::gpu::GpuExecutor;
use inference::graph::Precision;
use std::path::PathBuf;

/// A file of `tests/goldens`.
pub fn golden_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/goldens").join(name)
}

/// A file of the repository.
pub fn repository_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// The bytes of a golden.
pub fn golden(name: &str) -> Vec<u8> {
    let path = golden_path(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask fixtures` makes it", path.display()))
}

/// Fails with the worst element where `|got − want| > relative · max(|want|, floor)`.
#[track_caller]
pub fn assert_close(what: &str, got: &[f32], want: &[f32], relative: f32, floor: f32) {
    assert_eq!(got.len(), want.len(), "{what}: {} values, the golden has {}", got.len(), want.len());
    let excess = |(got, want): (&f32, &f32)| {
        let error = (got - want).abs() / want.abs().max(floor);
        // Not a number is worse than any difference.
        if error.is_nan() { f32::INFINITY } else { error }
    };
    let Some((index, worst)) = got.iter().zip(want).map(excess).enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))
    else {
        return;
    };
    assert!(
        worst <= relative,
        "{what}: worst at [{index}] of {}: got {}, golden {} (relative error {worst:e}, allowed {relative:e}).\n\
         If the golden is out of date, `cargo xtask fixtures` makes it anew.",
        got.len(),
        got[index],
        want[index],
    );
}

/// The GPU's executor; without an adapter the test is skipped for all to see, or fails where `REQUIRE_GPU=1`.
pub fn gpu() -> Option<GpuExecutor> {
    gpu_with(Precision::F32)
}

/// The same with values stored as `precision` says; an adapter without `shader-f16` counts as none.
pub fn gpu_with(precision: Precision) -> Option<GpuExecutor> {
    match pollster::block_on(GpuExecutor::with_precision(precision)) {
        Ok(exec) => Some(exec),
        Err(error) if std::env::var("REQUIRE_GPU").as_deref() == Ok("1") => panic!("REQUIRE_GPU=1, but: {error}"),
        Err(error) => {
            eprintln!("SKIPPED, no GPU: {error}");
            None
        }
    }
}
