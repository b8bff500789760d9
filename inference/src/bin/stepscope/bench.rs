//! `stepscope bench`: what a UNet call, a decode and a preview cost on this machine.

use crate::cli::{Backend, BenchArgs};
use inference::Result;
use inference::exec::{Executor, cpu::CpuExecutor, gpu::GpuExecutor};
use inference::image::{default_preview, preview};
use inference::model::Model;
use inference::pipeline::Pipeline;
use inference::weights::FolderSource;
use serde_json::json;
use std::time::Instant;

/// Runs the command.
pub fn run(args: &BenchArgs) -> Result<()> {
    let source = FolderSource::new(&args.model);
    let model = pollster::block_on(Model::open(&source, &args.model.to_string_lossy()))?;
    pollster::block_on(async {
        match args.backend {
            Backend::Cpu => {
                args.precision.check_on_cpu()?;
                measure(CpuExecutor, "cpu", None, source, model, args).await
            }
            Backend::Gpu => {
                let exec = GpuExecutor::with_precision(args.precision.into()).await?;
                let (name, peak) = (exec.info().name.clone(), exec.measure_peak().await?);
                measure(exec, &name, Some(peak), source, model, args).await
            }
        }
    })
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

async fn measure<E: Executor>(
    exec: E,
    device: &str,
    peak_gflops: Option<f64>,
    source: FolderSource,
    model: Model,
    args: &BenchArgs,
) -> Result<()> {
    let info = model.info();
    let (width, height) = (info.defaults.width, info.defaults.height);
    let scale = model.vae.scale_factor();
    let size = [height as usize / scale, width as usize / scale];
    let channels = model.vae.latent_channels();
    let costs = model.costs(width, height, true)?;
    let factors = model.about.preview.clone().unwrap_or_else(|| default_preview(channels));
    let mut pipeline = Pipeline::load(exec, source, model).await?;

    let cold = pipeline.time_unet(2, size).await?;
    let mut unet = Vec::new();
    for _ in 0..args.steps {
        unet.push(pipeline.time_unet(2, size).await?);
    }
    let latents = vec![0.1; size[0] * size[1] * channels];
    let mut decode = Vec::new();
    let mut previews = Vec::new();
    for _ in 0..=args.steps {
        let begin = Instant::now();
        pipeline.decode(&latents, size).await?;
        decode.push(begin.elapsed().as_secs_f64() * 1e3);
        let begin = Instant::now();
        std::hint::black_box(preview(&latents, size[0], size[1], &factors));
        std::hint::black_box(preview(&latents, size[0], size[1], &factors));
        previews.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    decode.remove(0);
    let unet_ms = median(unet);
    let gflops = costs.iter().find(|cost| cost.name == "unet").map_or(0.0, |cost| cost.flops as f64 / 1e6 / unet_ms);
    let result = json!({
        "device": device,
        "size": [width, height],
        "unet_ms": unet_ms,
        "unet_first_ms": cold,
        "unet_gflops": gflops,
        "peak_gflops": peak_gflops,
        "share_of_peak": peak_gflops.map(|peak| gflops / peak),
        "decode_ms": median(decode),
        "preview_ms": median(previews),
    });
    if args.json {
        println!("{result:#}");
    } else {
        println!("{device}: UNet with guidance {unet_ms:.1} ms ({gflops:.1} GFLOP/s), first call {cold:.1} ms");
        println!("decode {:.1} ms, both previews of a step {:.3} ms", result["decode_ms"], result["preview_ms"]);
        if let Some(peak) = peak_gflops {
            println!("measured peak {peak:.1} GFLOP/s: the UNet reaches {:.1} %", 100.0 * gflops / peak);
        }
    }
    Ok(())
}
