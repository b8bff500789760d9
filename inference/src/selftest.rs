//! A small job with every kind of kernel that a UNet uses, run on two executors: are the answers the same, and which
//! is faster? Some devices compute wrongly, and a software adapter loses to the CPU by far; the mere presence of WebGPU
//! says neither.

use crate::error::{Error, Result};
use crate::exec::{Executor, WeightData};
use crate::graph::{Activation, Builder, Graph, WeightId, optimise, total_work};
use crate::rng::TorchCpu;
use web_time::Instant;

/// What an executor made of the job.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The numbers, for comparison with another executor's.
    pub output: Vec<f32>,
    /// Giga floating-point operations a second, of the second run (the first one compiles and warms up).
    pub gflops: f64,
}

/// A resnet and an attention over 16×16 pixels of 64 channels: 0.1 GFLOP, 30 ms on one core of a laptop's browser.
fn job() -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", &[1, 16, 16, 64]);
    let h = b.group_norm(x, "norm", 16, 1e-5);
    let h = b.activate(h, Activation::Silu);
    let h = b.conv(h, "conv1", 64, 3, 1, 1);
    let h = b.conv(h, "conv2", 64, 3, 1, 1);
    let x = b.add(x, h);
    let t = b.reshape(x, &[1, 256, 64]);
    let h = b.layer_norm(t, "ln", 1e-5);
    let (q, k, v) = (b.linear(h, "q", 64, false), b.linear(h, "k", 64, false), b.linear(h, "v", 64, false));
    let h = b.attention(q, k, v, 4, false);
    let h = b.linear(h, "out", 64, true);
    let t = b.add(t, h);
    let h = b.linear(t, "ff", 512, true);
    let h = b.geglu(h);
    let h = b.linear(h, "down", 64, true);
    let y = b.add(t, h);
    b.output("y", y);
    optimise(b.finish())
}

/// Runs the job. Weights and input are the same random numbers everywhere.
pub async fn run<E: Executor>(exec: &E) -> Result<Outcome> {
    let graph = job();
    let flops = total_work(&graph).flops as f64;
    let mut rng = TorchCpu::new(7);
    let weights = graph.weights.clone();
    let mut module = exec.compile(graph, None).await?;
    for (i, weight) in weights.iter().enumerate() {
        // Spread so that values keep their size from layer to layer.
        let scale = 1.0 / (weight.k() as f32).sqrt();
        let data: Vec<f32> = rng.randn(weight.len()).into_iter().map(|x| x * scale).collect();
        let data = match weight.is_vector() {
            true => WeightData::F32(data),
            false => WeightData::F16(data.into_iter().map(half::f16::from_f32).collect()),
        };
        exec.put(&mut module, WeightId(i), data).await?;
    }
    let x = exec.upload(&rng.randn(16 * 16 * 64))?;
    let output = once(exec, &module, &x).await?;
    let begin = Instant::now();
    once(exec, &module, &x).await?;
    // A browser's clock is coarse; a job that takes no time at all counts as a tenth of a millisecond.
    let seconds = begin.elapsed().as_secs_f64().max(1e-4);
    Ok(Outcome { output, gflops: flops / seconds / 1e9 })
}

async fn once<E: Executor>(exec: &E, module: &E::Module, x: &E::Value) -> Result<Vec<f32>> {
    let out = exec.run(module, &[("x", x)]).await?;
    exec.download(&out[0]).await
}

/// Whether two executors agree to single precision.
pub fn agree(reference: &Outcome, other: &Outcome) -> Result<()> {
    let scale = reference.output.iter().fold(1e-6_f32, |max, x| max.max(x.abs()));
    let error = |(a, b): (&f32, &f32)| if (a - b).is_nan() { f32::INFINITY } else { (a - b).abs() / scale };
    let worst = reference.output.iter().zip(&other.output).map(error).fold(0.0, f32::max);
    match worst < 1e-3 && reference.output.len() == other.output.len() {
        true => Ok(()),
        false => Err(Error::NoGpu(format!("its self-test was off by {:.1} %", 100.0 * worst))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::cpu::CpuExecutor;

    #[test]
    fn the_job_runs_and_notices_a_wrong_answer() {
        let good = pollster::block_on(run(&CpuExecutor)).unwrap();
        assert!(good.output.iter().all(|x| x.is_finite()) && good.gflops > 0.0);
        agree(&good, &good.clone()).unwrap();
        let mut bad = good.clone();
        bad.output[1234] += 0.5;
        assert!(agree(&good, &bad).unwrap_err().to_string().contains("self-test"));
        bad.output[0] = f32::NAN;
        assert!(agree(&good, &bad).is_err());
    }
}
