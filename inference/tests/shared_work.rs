//! What a sweep's runs share (embeddings, initial noise) must not show: a run that reuses them is the same bit by bit.
#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod support;

use inference::Result;
use inference::exec::cpu::CpuExecutor;
use inference::model::Model;
use inference::pipeline::{Inputs, Pipeline, Start, Step, Watch};
use inference::weights::FolderSource;
use protocol::{GenerateRequest, RngKind, SchedulerKind, Timesteps};
use support::tensors::folder;

/// Keeps what the run began with and how many evaluations its steps took.
#[derive(Default)]
struct Note {
    embeds: Vec<f32>,
    latents: Vec<f32>,
    evaluations: usize,
}

impl Watch for Note {
    async fn start(&mut self, start: Start<'_>) -> Result<()> {
        (self.embeds, self.latents) = (start.prompt_embeds.to_vec(), start.latents.to_vec());
        Ok(())
    }

    async fn step(&mut self, step: Step<'_>) -> Result<()> {
        self.evaluations += step.evaluations;
        Ok(())
    }
}

async fn load(name: &str) -> Pipeline<CpuExecutor, FolderSource> {
    let model = Model::open(&folder(name), name).await.unwrap();
    Pipeline::load(CpuExecutor, folder(name), model).await.unwrap()
}

fn requests() -> Vec<GenerateRequest> {
    let base = GenerateRequest {
        model: String::new(),
        prompt: "a red (apple:1.2)".into(),
        negative_prompt: None,
        num_inference_steps: 2,
        scheduler: SchedulerKind::EulerA,
        guidance_scale: 4.0,
        guidance_stop: 1.0,
        seed: 7,
        width: 32,
        height: 32,
        eta: None,
        rng: RngKind::Cpu,
        timesteps: Timesteps::Spaced,
        prompt_weights: false,
        init: None,
    };
    let with = |change: &dyn Fn(&mut GenerateRequest)| {
        let mut request = base.clone();
        change(&mut request);
        request
    };
    vec![
        base.clone(),
        // Draws noise of its own after the initial one, so the generator must stand where it would have.
        with(&|request| request.num_inference_steps = 4),
        with(&|request| request.scheduler = SchedulerKind::Heun),
        with(&|request| request.prompt_weights = true),
        with(&|request| request.negative_prompt = Some("blurry".into())),
        with(&|request| request.negative_prompt = Some(String::new())),
        with(&|request| request.guidance_scale = 1.0),
        with(&|request| request.prompt = "a blue car".into()),
        with(&|request| request.seed = 8),
        with(&|request| request.rng = RngKind::Philox),
        with(&|request| request.width = 64),
        base.clone(),
    ]
}

async fn compare(name: &str) {
    let mut warm = load(name).await;
    let mut reused = Vec::new();
    for request in requests() {
        let mut fresh = load(name).await;
        let (mut alone, mut shared) = (Note::default(), Note::default());
        let want = fresh.generate(&request, Inputs::default(), &mut alone).await.unwrap();
        let got = warm.generate(&request, Inputs::default(), &mut shared).await.unwrap();
        assert_eq!(shared.embeds, alone.embeds, "{name}: embeddings of {request:?}");
        assert_eq!(shared.latents, alone.latents, "{name}: noise of {request:?}");
        assert_eq!(got.latents, want.latents, "{name}: latents of {request:?}");
        assert_eq!(got.picture.rgba, want.picture.rgba, "{name}: picture of {request:?}");
        assert_eq!(shared.evaluations as u32, request.scheduler.evaluations(request.num_inference_steps));
        assert!(!want.text_reused);
        reused.push(got.text_reused);
    }
    let expected = [false, true, true, false, false, false, false, false, true, true, true, true];
    assert_eq!(reused, expected, "{name}: which runs found their text encoded");
}

#[test]
fn what_is_shared_does_not_show() {
    for name in ["tiny-sd", "tiny-xl"] {
        pollster::block_on(compare(name));
    }
}
