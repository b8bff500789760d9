//! Every stage of two tiny random pipelines against the real `diffusers`, on both executors: a failure names its stage.
#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod support;

use inference::exec::{Executor, cpu::CpuExecutor};
use inference::graph::{Graph, Precision, optimise};
use inference::model::Model;
use inference::models;
use inference::weights::{self, WeightFile};
use std::cell::RefCell;
use std::collections::HashMap;
use support::parity::Parity;
use support::tensors::{Golden, assert_tensor_close, folder, read_safetensors};

const PIPELINES: [&str; 8] =
    ["tiny-sd", "tiny-sd-v", "tiny-image", "tiny-inpaint", "tiny-lcm", "tiny-small", "tiny-xl", "tiny-xl-small"];

struct Bench<'a, E: Executor> {
    exec: &'a E,
    name: &'a str,
    golden: HashMap<String, Golden>,
    tolerance: f32,
    parity: RefCell<Parity>,
}

impl<E: Executor> Bench<'_, E> {
    /// Runs a component with all its taps and compares whatever the goldens have.
    async fn compare(&self, prefix: &str, file: &WeightFile, graph: Graph, inputs: &[(&str, &E::Value)]) {
        let graph = optimise(graph.keep_taps());
        let names: Vec<String> = graph.outputs.iter().map(|(name, _)| name.clone()).collect();
        let module = weights::load(self.exec, &folder(self.name), file, graph).await.unwrap();
        let outputs = self.exec.run(&module, inputs).await.unwrap();
        let mut compared = 0;
        // In the order of the model, so that the first failure is the stage at fault.
        let order = (1..names.len()).chain([0]);
        for i in order {
            let name = match names[i].as_str() {
                "model_out" => "output",
                // The encoder's latents; the golden's `latents` are what the decoder is given.
                "latents" => "encoded",
                name => name,
            };
            let Some(golden) = self.golden.get(&format!("{prefix}.{name}")) else { continue };
            let actual = self.exec.download(&outputs[i]).await.unwrap();
            let what = format!("{} {prefix}.{name}", self.name);
            let error = assert_tensor_close(&what, &actual, &golden.channels_last(), self.tolerance);
            self.parity.borrow_mut().note("stages", error, &what);
            compared += 1;
        }
        assert!(compared >= 4, "{}: only {compared} stages of {prefix} were compared", self.name);
    }
}

async fn compare_stages<E: Executor>(exec: &E, name: &str, tolerance: f32, executor: &'static str) {
    let (golden, _) = read_safetensors(&format!("stages/{name}.safetensors"));
    let model = Model::open(&folder(name), name).await.unwrap();
    let get = |name: &str| golden[name].clone();
    let bench =
        Bench { exec, name, golden: golden.clone(), tolerance, parity: RefCell::new(Parity::new(executor, name)) };

    for (encoder, part) in model.text.iter().zip(["text", "text_2"]) {
        let tokens = get(&format!("{part}.tokens"));
        let ids: Vec<u32> = tokens.data.iter().map(|id| *id as u32).collect();
        let ids = exec.upload_ids(&ids).unwrap();
        let graph = models::text_encoder(&encoder.config, tokens.shape[0], tokens.shape[1], encoder.output);
        bench.compare(part, &encoder.file, graph, &[("ids", &ids)]).await;
    }

    let latents = get("unet.latents");
    let (batch, h, w) = (latents.shape[0], latents.shape[2], latents.shape[3]);
    let timestep = models::timestep_embedding(&model.unet, f64::from(get("unet.timestep").data[0]), batch);
    assert_tensor_close("unet.time_proj", &timestep, &get("unet.time_proj").data, 1e-5);
    let upload = |data: &[f32]| exec.upload(data).unwrap();
    // What the golden has as one tensor of nine channels are two inputs here.
    let mut rows: [Vec<f32>; 2] = Default::default();
    for row in latents.channels_last().chunks_exact(latents.shape[1]) {
        let (own, more) = row.split_at(model.unet.out_channels);
        rows[0].extend(own);
        rows[1].extend(more);
    }
    let mut inputs = vec![("latents", upload(&rows[0])), ("timestep", upload(&timestep))];
    inputs.push(("embeds", upload(&get("unet.embeds").data)));
    if model.needs_mask() {
        inputs.push(("mask", upload(&rows[1])));
    }
    if let Some(cond) = golden.get("unet.timestep_cond") {
        inputs.push(("timestep_cond", upload(&cond.data)));
    }
    if let Some(pooled) = golden.get("text_2.pooled") {
        let added = pooled.data.chunks_exact(pooled.shape[1]).take(batch);
        let added: Vec<f32> = added.flat_map(|row| models::added_embedding(&model.unet, row, 24, 48)).collect();
        inputs.push(("added", upload(&added)));
    }
    let graph = models::unet(&model.unet, batch, h, w, get("unet.embeds").shape[1]).unwrap();
    let named: Vec<_> = inputs.iter().map(|(name, value)| (*name, value)).collect();
    bench.compare("unet", &model.unet_file, graph, &named).await;

    let latents = get("vae.latents");
    let graph = model.vae.decoder(1, latents.shape[2], latents.shape[3]);
    let latents = exec.upload(&latents.channels_last()).unwrap();
    bench.compare("vae", &model.vae_file, graph, &[("latents", &latents)]).await;

    let pixels = get("vae.pixels");
    let graph = model.vae.encoder(1, pixels.shape[2], pixels.shape[3]);
    let pixels = exec.upload(&pixels.channels_last()).unwrap();
    bench.compare("vae", &model.vae_file, graph, &[("image", &pixels)]).await;
    bench.parity.borrow().report();
}

#[test]
fn every_stage_on_the_cpu() {
    for name in PIPELINES {
        pollster::block_on(compare_stages(&CpuExecutor, name, 2e-4, "CPU, f32"));
    }
}

#[test]
fn every_stage_on_the_gpu() {
    let Some(exec) = support::gpu() else { return };
    for name in PIPELINES {
        pollster::block_on(compare_stages(&exec, name, 5e-4, "GPU, f32"));
    }
}

#[test]
fn every_stage_on_the_gpu_in_f16() {
    let Some(exec) = support::gpu_with(Precision::F16) else { return };
    for name in PIPELINES {
        pollster::block_on(compare_stages(&exec, name, 3e-2, "GPU, f16"));
    }
}
