//! A step taken apart must be the step that the run took.
#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod support;

use inference::Result;
use inference::exec::Executor;
use inference::exec::cpu::CpuExecutor;
use inference::model::Model;
use inference::pipeline::{Inputs, Pipeline, Start, Step, Watch};
use inference::schedulers::Eval;
use protocol::{GenerateRequest, RngKind, SchedulerKind, Timesteps};
use support::tensors::folder;

#[derive(Default)]
struct Note {
    /// What each step's first evaluation started from, and at last what was left.
    latents: Vec<Vec<f32>>,
    denoised: Vec<Vec<f32>>,
    evals: Vec<Eval>,
}

impl Watch for Note {
    async fn start(&mut self, start: Start<'_>) -> Result<()> {
        self.latents.push(start.latents.to_vec());
        self.evals.clone_from(&start.plan.evals);
        Ok(())
    }

    async fn step(&mut self, step: Step<'_>) -> Result<()> {
        self.latents.push(step.latents);
        self.denoised.push(step.denoised);
        Ok(())
    }
}

fn request(scheduler: SchedulerKind, guidance_scale: f64) -> GenerateRequest {
    GenerateRequest {
        model: String::new(),
        prompt: "a red apple".into(),
        negative_prompt: None,
        num_inference_steps: 4,
        scheduler,
        guidance_scale,
        guidance_stop: 1.0,
        seed: 7,
        width: 32,
        height: 32,
        eta: None,
        rng: RngKind::Cpu,
        timesteps: Timesteps::Spaced,
        prompt_weights: false,
        init: None,
    }
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

async fn compare(name: &str) {
    let model = Model::open(&folder(name), name).await.unwrap();
    let mut pipeline = Pipeline::load(CpuExecutor, folder(name), model).await.unwrap();
    for scheduler in [SchedulerKind::Euler, SchedulerKind::DpmPp2M, SchedulerKind::Ddim] {
        let request = request(scheduler, 4.0);
        let mut note = Note::default();
        pipeline.generate(&request, Inputs::default(), &mut note).await.unwrap();
        for step in 0..4 {
            let split = pipeline.split(&request, &note.evals[step], &note.latents[step]).await.unwrap().unwrap();
            let off = largest_difference(&split.combined, &note.denoised[step]);
            assert!(off < 1e-5, "{name}, {scheduler}, step {step}: {off}");
            // u + 4 · (c − u) lies beyond c, seen from u; the clamp of some configs may cut it.
            let apart = largest_difference(&split.without, &split.with);
            assert!(apart > 1e-4, "{name}, {scheduler}, step {step}: the prompt makes no difference ({apart})");
        }
    }
    let plain = request(SchedulerKind::Euler, 1.0);
    let mut note = Note::default();
    pipeline.generate(&plain, Inputs::default(), &mut note).await.unwrap();
    assert_eq!(pipeline.split(&plain, &note.evals[0], &note.latents[0]).await.unwrap(), None);
    pipeline.exec().finish().await.unwrap();
}

#[test]
fn the_combined_prediction_is_that_of_the_run() {
    // An epsilon, a v and a two-encoder model.
    for name in ["tiny-sd", "tiny-sd-v", "tiny-xl"] {
        pollster::block_on(compare(name));
    }
}
