//! Which engine runs: WebGPU where it is there, computes rightly and is the faster one; else the CPU, with the reason.

use crate::error::{Error, Result};
use crate::exec::{cpu::CpuExecutor, gpu::GpuExecutor};
use crate::selftest;
use protocol::{EngineChoice, EngineKind, EngineReport};

/// An executor of either kind.
#[derive(Clone)]
pub enum Engine {
    /// candle.
    Cpu(CpuExecutor),
    /// wgpu.
    Gpu(GpuExecutor),
}

impl Engine {
    /// Follows the user's choice, or measures.
    pub async fn choose(choice: EngineChoice) -> Result<(Self, EngineReport)> {
        match choice {
            EngineChoice::Cpu => Ok(cpu(None, [None, None])),
            EngineChoice::WebGpu => {
                let gpu = GpuExecutor::new().await?;
                let device = gpu.info().name.clone();
                let report = EngineReport { kind: EngineKind::WebGpu, device, notice: None, measured: [None, None] };
                Ok((Self::Gpu(gpu), report))
            }
            EngineChoice::Auto => measure().await,
        }
    }
}

fn cpu(notice: Option<String>, measured: [Option<f64>; 2]) -> (Engine, EngineReport) {
    let report = EngineReport { kind: EngineKind::Cpu, device: "CPU, WebAssembly SIMD".into(), notice, measured };
    (Engine::Cpu(CpuExecutor), report)
}

/// Runs the same small job on both and takes the faster one that is right.
async fn measure() -> Result<(Engine, EngineReport)> {
    let gpu = match GpuExecutor::new().await {
        Ok(gpu) => gpu,
        Err(error) => {
            let notice = format!("This browser offers no usable WebGPU ({error}), so pictures are made on the CPU.");
            return Ok(cpu(Some(notice), [None, None]));
        }
    };
    let on_cpu = selftest::run(&CpuExecutor).await?;
    let checked = match selftest::run(&gpu).await {
        Ok(on_gpu) => selftest::agree(&on_cpu, &on_gpu).map(|()| on_gpu),
        Err(error) => Err(error),
    };
    match checked {
        Ok(on_gpu) if on_gpu.gflops > on_cpu.gflops => {
            let device = gpu.info().name.clone();
            let measured = [Some(on_gpu.gflops), Some(on_cpu.gflops)];
            let report = EngineReport { kind: EngineKind::WebGpu, device, notice: None, measured };
            Ok((Engine::Gpu(gpu), report))
        }
        Ok(on_gpu) => {
            let notice = format!(
                "WebGPU works here but is slower than the CPU ({:.1} against {:.1} GFLOP/s in a short test), so pictures \
                 are made on the CPU.",
                on_gpu.gflops, on_cpu.gflops
            );
            Ok(cpu(Some(notice), [Some(on_gpu.gflops), Some(on_cpu.gflops)]))
        }
        Err(error) => {
            let error = match error {
                Error::NoGpu(reason) => reason,
                other => other.to_string(),
            };
            let notice = format!("WebGPU does not work reliably here ({error}), so pictures are made on the CPU.");
            Ok(cpu(Some(notice), [None, Some(on_cpu.gflops)]))
        }
    }
}
