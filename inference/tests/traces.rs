//! Whole runs of the tiny pipelines against the real `diffusers`: embeddings, initial noise, every step's prediction and
//! latents, and the picture, for several samplers, lengths and sizes, with and without guidance.
#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod support;

use inference::Result;
use inference::exec::{Executor, cpu::CpuExecutor};
use inference::graph::Precision;
use inference::model::Model;
use inference::pipeline::{Pipeline, Start, Step, Watch, channels_first};
use protocol::GenerateRequest;
use std::collections::HashMap;
use support::golden_path;
use support::tensors::{Golden, assert_tensor_close, folder, read_safetensors};

/// Compares as the run goes, so that the first failure is the first wrong number.
struct Compare<'a> {
    what: String,
    golden: &'a HashMap<String, Golden>,
    channels: usize,
    tolerance: f32,
    worst: f32,
    steps: usize,
}

impl Compare<'_> {
    fn check(&mut self, name: &str, data: &[f32]) {
        let what = format!("{} {name}", self.what);
        let golden = self.golden.get(name).unwrap_or_else(|| panic!("{what}: not in the golden"));
        let error = assert_tensor_close(&what, data, &golden.data, self.tolerance);
        self.worst = self.worst.max(error);
    }
}

impl Watch for Compare<'_> {
    fn wants_noise_pred(&self) -> bool {
        true
    }

    async fn start(&mut self, start: Start<'_>) -> Result<()> {
        self.check("prompt_embeds", start.prompt_embeds);
        self.check("latents.init", &channels_first(start.latents, self.channels));
        Ok(())
    }

    async fn step(&mut self, step: Step<'_>) -> Result<()> {
        let noise_pred = step.noise_pred.unwrap();
        self.check(&format!("noise_pred.{}", step.index), &channels_first(&noise_pred, self.channels));
        self.check(&format!("latents.{}", step.index), &channels_first(&step.latents, self.channels));
        self.steps += 1;
        Ok(())
    }
}

async fn compare_traces<E: Executor + Clone>(exec: &E, name: &str, tolerance: f32) {
    let model = Model::open(&folder(name), name).await.unwrap();
    let mut pipeline = Pipeline::load(exec.clone(), &folder(name), model).await.unwrap();
    let mut files: Vec<_> = std::fs::read_dir(golden_path(&format!("traces/{name}")))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert!(files.len() >= 10, "{name}: only {} traces", files.len());
    for file in files {
        let (golden, info) = read_safetensors(&format!("traces/{name}/{file}"));
        let text = |key: &str| info[key].as_str().unwrap().to_owned();
        let number = |key: &str| info[key].as_f64().unwrap();
        let request = GenerateRequest {
            model: String::new(),
            prompt: text("prompt"),
            negative_prompt: info["negative"].as_str().map(str::to_owned),
            num_inference_steps: number("steps") as u32,
            scheduler: text("scheduler").parse().unwrap(),
            guidance_scale: number("guidance"),
            seed: number("seed") as u64,
            width: number("width") as u32,
            height: number("height") as u32,
            eta: info["eta"].as_f64(),
            rng: protocol::RngKind::Cpu,
            timesteps: protocol::Timesteps::Spaced,
            prompt_weights: false,
            init: None,
        };
        let channels = pipeline.model().vae.latent_channels();
        let what = format!("{name}/{file}");
        let mut compare = Compare { what, golden: &golden, channels, tolerance, worst: 0.0, steps: 0 };
        let finished = pipeline.generate(&request, None, &mut compare).await.unwrap();
        compare.check("image", &finished.image);
        let steps = golden.keys().filter(|key| key.starts_with("latents.") && *key != "latents.init").count();
        assert_eq!(compare.steps, steps, "{}: steps", compare.what);
        println!("{}: {:.1e}", compare.what, compare.worst);
    }
}

#[test]
fn every_trace_on_the_cpu() {
    for name in ["tiny-sd", "tiny-sd-v"] {
        pollster::block_on(compare_traces(&CpuExecutor, name, 2e-3));
    }
}

#[test]
fn every_trace_on_the_gpu() {
    let Some(exec) = support::gpu() else { return };
    for name in ["tiny-sd", "tiny-sd-v"] {
        pollster::block_on(compare_traces(&exec, name, 5e-3));
    }
}

#[test]
fn every_trace_on_the_gpu_in_f16() {
    let Some(exec) = support::gpu_with(Precision::F16) else { return };
    for name in ["tiny-sd", "tiny-sd-v"] {
        pollster::block_on(compare_traces(&exec, name, 3e-2));
    }
}
