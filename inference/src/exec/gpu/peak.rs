//! What the device can do at best: the yardstick for every kernel.

use super::sampler::launch;
use super::{GpuExecutor, GpuValue};
use crate::error::Result;
use crate::exec::Executor;
use web_time::Instant;

/// Invocations: enough to fill a large GPU.
const INVOCATIONS: usize = 1 << 16;

impl GpuExecutor {
    /// Giga floating-point operations a second of a loop of multiply-adds in registers: the best of three.
    pub async fn measure_peak(&self) -> Result<f64> {
        let buffer = self.context.storage("peak", INVOCATIONS as u64 * 4)?;
        let value = GpuValue { buffer, offset: 0, len: 16 };
        let mut rounds = 64_u32;
        let mut best = 0.0_f64;
        let mut measured = 0;
        while measured < 3 {
            let begin = Instant::now();
            let params = [rounds, 0.5_f32.to_bits(), 0, 0];
            launch(&self.context, "peak", bytemuck::bytes_of(&params), &[&value.buffer], INVOCATIONS)?;
            self.download(&value).await?;
            let seconds = begin.elapsed().as_secs_f64();
            // Long enough that starting it does not count, short enough to harm nobody.
            if seconds < 0.05 && rounds < 1 << 20 {
                rounds *= 4;
                continue;
            }
            // Eight chains of four lanes, two operations each.
            let flops = 64.0 * f64::from(rounds) * INVOCATIONS as f64;
            best = best.max(flops / seconds / 1e9);
            measured += 1;
        }
        Ok(best)
    }
}
