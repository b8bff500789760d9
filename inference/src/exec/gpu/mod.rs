//! The GPU executor. For now it refuses, and everything runs on the CPU.

use crate::error::{Error, Result};
pub use crate::exec::cpu::CpuExecutor as GpuExecutor;

/// The adapter in use.
pub struct GpuInfo {
    /// As the driver names it.
    pub name: String,
}

impl GpuExecutor {
    /// Opens the default adapter.
    pub async fn new() -> Result<Self> {
        Err(Error::NoGpu("the GPU engine is not part of this build".into()))
    }

    /// The adapter in use.
    pub fn info(&self) -> GpuInfo {
        GpuInfo { name: String::new() }
    }

    /// Giga floating-point operations a second of a loop of fused multiply-adds.
    pub async fn measure_peak(&self) -> Result<f64> {
        Err(Error::NoGpu("the GPU engine is not part of this build".into()))
    }
}
