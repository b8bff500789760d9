//! Whole runs of the tiny pipelines against the real `diffusers`: embeddings, initial noise, every step's prediction and
//! latents, and the picture; every family, every sampler, several lengths and sizes, with and without guidance, from
//! text, from a picture and with a mask.
#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod support;

use inference::Result;
use inference::exec::{Executor, cpu::CpuExecutor};
use inference::graph::Precision;
use inference::model::Model;
use inference::pipeline::{Inputs, Pipeline, Start, Step, Watch, channels_first};
use inference::weights::FolderSource;
use protocol::{GenerateRequest, InitImage, RngKind, Timesteps};
use std::collections::HashMap;
use support::golden_path;
use support::parity::Parity;
use support::tensors::{Golden, assert_tensor_close, folder, read_safetensors};

const PIPELINES: [&str; 8] =
    ["tiny-sd", "tiny-sd-v", "tiny-image", "tiny-inpaint", "tiny-lcm", "tiny-small", "tiny-xl", "tiny-xl-small"];

/// What the page ships, each with the run that its form starts with.
const EMBEDDED: [&str; 1] = ["emoji"];

/// What may differ, as a share of the tensor's largest magnitude.
#[derive(Clone, Copy)]
struct Tolerance {
    embeds: f32,
    latents: f32,
}

/// Compares as the run goes, so that the first failure is the first wrong number.
struct Compare<'a> {
    what: String,
    golden: &'a HashMap<String, Golden>,
    channels: usize,
    tolerance: Tolerance,
    parity: &'a mut Parity,
    steps: usize,
}

impl Compare<'_> {
    fn check(&mut self, name: &str, data: &[f32]) {
        let what = format!("{} {name}", self.what);
        let golden = self.golden.get(name).unwrap_or_else(|| panic!("{what}: not in the golden"));
        let embeds = name.ends_with("embeds");
        let tolerance = if embeds { self.tolerance.embeds } else { self.tolerance.latents };
        let error = assert_tensor_close(&what, data, &golden.data, tolerance);
        self.parity.note(name.split('.').next().unwrap(), error, &what);
    }
}

impl Watch for Compare<'_> {
    fn wants_noise_pred(&self) -> bool {
        true
    }

    async fn start(&mut self, start: Start<'_>) -> Result<()> {
        // Not every golden carries the embeddings: they are the same for many runs.
        if self.golden.contains_key("prompt_embeds") {
            self.check("prompt_embeds", start.prompt_embeds);
            assert_eq!(start.pooled_prompt_embeds.is_some(), self.golden.contains_key("pooled_prompt_embeds"));
            start.pooled_prompt_embeds.into_iter().for_each(|pooled| self.check("pooled_prompt_embeds", pooled));
        }
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

fn request(info: &serde_json::Value) -> GenerateRequest {
    let text = |key: &str| info[key].as_str().unwrap().to_owned();
    let number = |key: &str| info[key].as_f64().unwrap();
    let mask = info["mask"].as_bool().unwrap_or(false);
    GenerateRequest {
        model: String::new(),
        prompt: text("prompt"),
        negative_prompt: info["negative"].as_str().map(str::to_owned),
        num_inference_steps: number("steps") as u32,
        scheduler: text("scheduler").parse().unwrap(),
        guidance_scale: number("guidance"),
        guidance_stop: info["guidance_stop"].as_f64().unwrap_or(1.0),
        seed: number("seed") as u64,
        width: number("width") as u32,
        height: number("height") as u32,
        eta: info["eta"].as_f64(),
        rng: RngKind::Cpu,
        timesteps: if info["ays"].is_null() { Timesteps::Spaced } else { Timesteps::Ays },
        prompt_weights: false,
        init: info["strength"].as_f64().map(|strength| InitImage { strength, mask }),
    }
}

/// The picture and the mask of `make_families.py`.
fn picture(width: u32, height: u32) -> (Vec<f32>, Vec<f32>) {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let colour = |(x, y)| (0..3).map(move |c| ((x * 7 + y * 13 + c * 29) % 256) as f32 / 255.0);
    let set = |(x, y): (u32, u32)| f32::from(u8::from(x * 3 >= width && y * 3 < 2 * height));
    (pixels.clone().flat_map(colour).collect(), pixels.map(set).collect())
}

/// The goldens' own folders, and what the page ships.
fn source(name: &str) -> FolderSource {
    if EMBEDDED.contains(&name) {
        FolderSource::new(support::repository_path("public/models").join(name))
    } else {
        folder(name)
    }
}

async fn compare_traces<E: Executor + Clone>(exec: &E, name: &str, tolerance: Tolerance, parity: &mut Parity) {
    let model = Model::open(&source(name), name).await.unwrap();
    let mut pipeline = Pipeline::load(exec.clone(), source(name), model).await.unwrap();
    let mut files: Vec<_> = std::fs::read_dir(golden_path(&format!("traces/{name}")))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{name}: no traces");
    for file in files {
        let (golden, info) = read_safetensors(&format!("traces/{name}/{file}"));
        let request = request(&info);
        let (pixels, mask) = picture(request.width, request.height);
        let inputs = Inputs { latents: None, picture: Some(&pixels), mask: Some(&mask) };
        let channels = pipeline.model().vae.latent_channels();
        let what = format!("{name}/{file}");
        let mut compare = Compare { what, golden: &golden, channels, tolerance, parity, steps: 0 };
        let finished = pipeline.generate(&request, inputs, &mut compare).await;
        let finished = finished.unwrap_or_else(|error| panic!("{}: {error}", compare.what));
        compare.check("image", &finished.image);
        let steps = golden.keys().filter(|key| key.starts_with("latents.") && *key != "latents.init").count();
        assert_eq!(compare.steps, steps, "{}: steps", compare.what);
    }
}

fn every_trace<E: Executor + Clone>(exec: &E, executor: &'static str, tolerance: Tolerance) {
    for name in PIPELINES.into_iter().chain(EMBEDDED) {
        let mut parity = Parity::new(executor, name);
        pollster::block_on(compare_traces(exec, name, tolerance, &mut parity));
        parity.report();
    }
}

#[test]
fn every_trace_on_the_cpu() {
    every_trace(&CpuExecutor, "CPU, f32", Tolerance { embeds: 2e-4, latents: 2e-3 });
}

#[test]
fn every_trace_on_the_gpu() {
    let Some(exec) = support::gpu() else { return };
    every_trace(&exec, "GPU, f32", Tolerance { embeds: 5e-3, latents: 5e-3 });
}

#[test]
fn every_trace_on_the_gpu_in_f16() {
    let Some(exec) = support::gpu_with(Precision::F16) else { return };
    every_trace(&exec, "GPU, f16", Tolerance { embeds: 3e-2, latents: 3e-2 });
}
