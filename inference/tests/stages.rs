//! Every stage of two tiny random pipelines against the real `diffusers`, on both executors: a failure names its stage.
#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod support;

use inference::exec::{Executor, cpu::CpuExecutor};
use inference::graph::{Graph, Precision, optimise};
use inference::model::Model;
use inference::models;
use inference::weights::{self, WeightFile};
use std::collections::HashMap;
use support::tensors::{Golden, assert_tensor_close, folder, read_safetensors};

const PIPELINES: [&str; 2] = ["tiny-sd", "tiny-sd-v"];

struct Bench<'a, E: Executor> {
    exec: &'a E,
    name: &'a str,
    golden: HashMap<String, Golden>,
    tolerance: f32,
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
                name => name,
            };
            let Some(golden) = self.golden.get(&format!("{prefix}.{name}")) else { continue };
            let actual = self.exec.download(&outputs[i]).await.unwrap();
            let what = format!("{} {prefix}.{name}", self.name);
            let error = assert_tensor_close(&what, &actual, &golden.channels_last(), self.tolerance);
            println!("{what}: {error:.1e}");
            compared += 1;
        }
        assert!(compared >= 4, "{}: only {compared} stages of {prefix} were compared", self.name);
    }
}

async fn compare_stages<E: Executor>(exec: &E, name: &str, tolerance: f32) {
    let (golden, _) = read_safetensors(&format!("stages/{name}.safetensors"));
    let model = Model::open(&folder(name), name).await.unwrap();
    let get = |name: &str| golden[name].clone();
    let bench = Bench { exec, name, golden: golden.clone(), tolerance };

    let tokens = get("text.tokens");
    let ids: Vec<u32> = tokens.data.iter().map(|id| *id as u32).collect();
    let ids = exec.upload_ids(&ids).unwrap();
    let graph = models::text_encoder(&model.text, tokens.shape[0]);
    bench.compare("text", &model.text_file, graph, &[("ids", &ids)]).await;

    let latents = get("unet.latents");
    let (batch, h, w) = (latents.shape[0], latents.shape[2], latents.shape[3]);
    let timestep = models::timestep_embedding(&model.unet, f64::from(get("unet.timestep").data[0]), batch);
    assert_tensor_close("unet.time_proj", &timestep, &get("unet.time_proj").data, 1e-5);
    let inputs = [exec.upload(&latents.channels_last()), exec.upload(&timestep), exec.upload(&get("unet.embeds").data)];
    let inputs = inputs.map(Result::unwrap);
    let graph = models::unet(&model.unet, batch, h, w, get("unet.embeds").shape[1]).unwrap();
    let named = [("latents", &inputs[0]), ("timestep", &inputs[1]), ("embeds", &inputs[2])];
    bench.compare("unet", &model.unet_file, graph, &named).await;

    let latents = get("vae.latents");
    let graph = model.vae.decoder(1, latents.shape[2], latents.shape[3]);
    let latents = exec.upload(&latents.channels_last()).unwrap();
    bench.compare("vae", &model.vae_file, graph, &[("latents", &latents)]).await;
}

#[test]
fn every_stage_on_the_cpu() {
    for name in PIPELINES {
        pollster::block_on(compare_stages(&CpuExecutor, name, 2e-4));
    }
}

#[test]
fn every_stage_on_the_gpu() {
    let Some(exec) = support::gpu() else { return };
    for name in PIPELINES {
        pollster::block_on(compare_stages(&exec, name, 5e-4));
    }
}

#[test]
fn every_stage_on_the_gpu_in_f16() {
    let Some(exec) = support::gpu_with(Precision::F16) else { return };
    for name in PIPELINES {
        pollster::block_on(compare_stages(&exec, name, 3e-2));
    }
}
