//! Every sampler against `diffusers`: config × prediction type × step count, with a fixed function for a model.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]

mod support;

use inference::rng::TorchCpu;
use inference::schedulers::apply::Sampler;
use inference::schedulers::{Draw, Plan, PlanOptions, SchedulerConfig, SchedulerError, plan};
use protocol::SchedulerKind;
use serde::Deserialize;
use support::{assert_close, golden};

const CONFIGS: [&str; 10] =
    ["sd15", "sdxl", "sd21", "turbo", "karras", "zero-snr", "sigma-min", "bare", "cosine", "emoji"];

#[derive(Deserialize)]
struct Golden {
    seed: u64,
    config: serde_json::Map<String, serde_json::Value>,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    scheduler: SchedulerKind,
    prediction_type: String,
    steps: usize,
    eta: Option<f64>,
    init_noise_sigma: Option<f32>,
    #[serde(default)]
    timesteps: Vec<f32>,
    sigmas: Option<Vec<f32>>,
    x0: Option<Vec<f32>>,
    #[serde(default, rename = "final")]
    last: Vec<f32>,
    error: Option<String>,
}

fn read(config: &str) -> Golden {
    let text = String::from_utf8(golden(&format!("schedulers/{config}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// `plan` for one run of a golden.
fn planned(golden: &Golden, run: &Run) -> Result<Plan, SchedulerError> {
    let mut json = golden.config.clone();
    json.insert("prediction_type".into(), run.prediction_type.clone().into());
    let config = SchedulerConfig::from_json(&serde_json::to_string(&json).unwrap()).unwrap();
    plan(run.scheduler, &config, run.steps, &PlanOptions { eta: run.eta, ..PlanOptions::default() })
}

/// Runs a plan with the stand-in model; the first clean prediction and the last latents.
fn sample(plan: &Plan, seed: u64) -> (Vec<f32>, Vec<f32>) {
    const SIZE: usize = 8;
    let mut generator = TorchCpu::new(seed);
    let start = generator.randn(SIZE).into_iter().map(|x| x * plan.init_noise_sigma as f32).collect();
    let mut sampler = Sampler::new(start);
    let mut first = None;
    for eval in &plan.evals {
        let t = eval.timestep as f32;
        let answer: Vec<f32> = sampler.model_input(eval).into_iter().map(|x| 0.5 * x * t / (t + 1.0)).collect();
        let noise = (eval.noise != Draw::None).then(|| generator.randn(SIZE));
        let clean = sampler.step(eval, &answer, noise.as_deref());
        first.get_or_insert(clean);
    }
    (first.unwrap(), sampler.x)
}

fn check(config: &str) {
    let golden = read(config);
    // Schedules that end without any signal: upstream's own float32 differences of nearly equal numbers lose a digit.
    let tolerance = if matches!(config, "cosine" | "zero-snr") { 1e-4 } else { 1e-5 };
    let (mut compared, mut refused) = (0, 0);
    for run in &golden.runs {
        let name = format!("{config}, {} {} steps {} eta {:?}", run.scheduler, run.prediction_type, run.steps, run.eta);
        if run.error.is_some() {
            // Upstream fails in the middle of the run. Here either the plan says why, or all its numbers are finite.
            match planned(&golden, run) {
                Err(_) => refused += 1,
                Ok(plan) => assert!(sample(&plan, golden.seed).1.iter().all(|x| x.is_finite()), "{name}"),
            }
            continue;
        }
        compared += 1;
        let plan = planned(&golden, run).unwrap_or_else(|error| panic!("{name}: {error}"));
        let timesteps: Vec<f32> = plan.evals.iter().map(|eval| eval.timestep as f32).collect();
        assert_close(&format!("{name}: timesteps"), &timesteps, &run.timesteps, 2e-6, 100.0);
        assert_eq!(plan.outer_steps, run.steps, "{name}: outer steps");
        let scale = run.init_noise_sigma.unwrap();
        assert_close(&format!("{name}: init_noise_sigma"), &[plan.init_noise_sigma as f32], &[scale], 1e-6, 1e-6);
        if let Some(sigmas) = &run.sigmas {
            let got: Vec<f32> = plan.evals.iter().map(|eval| eval.sigma as f32).collect();
            // Upstream lists the level after the last step too.
            assert_close(&format!("{name}: sigmas"), &got, &sigmas[..got.len()], 1e-6, 1e-6);
        }
        let (clean, last) = sample(&plan, golden.seed);
        // Relative to the tensor, but no finer than what float32 leaves of latents that started this large: with zero
        // terminal SNR the first sigma is 4096, and both sides lose digits when that cancels.
        let size = |values: &[f32]| {
            let left = 4.0 * f32::EPSILON * scale / 1e-5;
            values.iter().fold(left, |max, x| max.max(x.abs()))
        };
        if let Some(x0) = &run.x0 {
            assert_close(&format!("{name}: clean latents"), &clean, x0, tolerance, size(x0));
        }
        assert_close(&format!("{name}: last latents"), &last, &run.last, tolerance, size(&run.last));
    }
    assert!(compared >= 50, "{config}: {compared} runs compared, {refused} refused of {}", golden.runs.len());
}

macro_rules! configs {
    ($($test:ident: $name:literal,)*) => {
        $(#[test] fn $test() { check($name); })*

        #[test]
        fn every_golden_is_compared() {
            assert_eq!([$($name),*], CONFIGS);
            let files = std::fs::read_dir(support::golden_path("schedulers")).unwrap();
            assert_eq!(files.count(), CONFIGS.len());
        }
    };
}

configs! {
    sd15: "sd15",
    sdxl: "sdxl",
    sd21: "sd21",
    turbo: "turbo",
    karras: "karras",
    zero_snr: "zero-snr",
    sigma_min: "sigma-min",
    bare: "bare",
    cosine: "cosine",
    emoji: "emoji",
}

#[test]
fn every_length_makes_a_whole_finite_plan() {
    for config in CONFIGS {
        let golden = read(config);
        let text = serde_json::to_string(&golden.config).unwrap();
        let config_ = SchedulerConfig::from_json(&text).unwrap();
        let distilled = [SchedulerKind::Lcm, SchedulerKind::Tcd];
        for kind in SchedulerKind::ALL {
            for steps in 1..=150 {
                let name = format!("{config}, {kind}, {steps} steps");
                let plan = match plan(*kind, &config_, steps, &PlanOptions::default()) {
                    Ok(plan) => plan,
                    // Distilled samplers know no more steps than they were distilled for, and no start without signal.
                    Err(SchedulerError::Steps { .. }) if distilled.contains(kind) && steps > 50 => continue,
                    Err(SchedulerError::Unsupported { key: "rescale_betas_zero_snr", .. }) if config == "zero-snr" => {
                        continue;
                    }
                    Err(error) => panic!("{name}: {error}"),
                };
                assert_eq!(plan.outer_steps, steps, "{name}");
                assert_eq!(plan.evals.len(), kind.evaluations(steps as u32) as usize, "{name}");
                let counted: Vec<usize> = plan.evals.iter().map(|eval| eval.outer_step).collect();
                assert!(counted.is_sorted_by(|a, b| b - a <= 1) && counted[0] == 0, "{name}: {counted:?}");
                for eval in &plan.evals {
                    let update = eval.update;
                    let mut all =
                        vec![eval.timestep, eval.sigma, eval.input_scale, update.x, update.saved, update.noise];
                    all.extend(eval.to_denoised.iter().chain(&eval.to_history).chain(&update.history));
                    assert!(all.iter().all(|c| c.is_finite()), "{name}: {eval:?}");
                }
            }
        }
    }
}

#[test]
fn a_model_that_knows_the_answer_is_followed_to_it() {
    // With the exact noise of `x = signal · x0 + noise_scale · noise`, every deterministic sampler ends at x0.
    let config = SchedulerConfig::from_json(
        r#"{"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1,
            "timestep_spacing": "trailing", "clip_sample": false, "set_alpha_to_one": true}"#,
    )
    .unwrap();
    let clean = [1.5f32, -0.5, 0.0, 2.0];
    for kind in SchedulerKind::ALL.iter().filter(|kind| **kind != SchedulerKind::Lcm && **kind != SchedulerKind::Tcd) {
        let plan = plan(*kind, &config, 10, &PlanOptions::default()).unwrap();
        let mut generator = TorchCpu::new(3);
        let mut sampler =
            Sampler::new(generator.randn(4).into_iter().map(|x| x * plan.init_noise_sigma as f32).collect());
        for eval in &plan.evals {
            // to_denoised = a·x + b·answer = clean, solved for the answer.
            let [a, b] = eval.to_denoised.map(|c| c as f32);
            let answer: Vec<f32> = sampler.x.iter().zip(clean).map(|(x, clean)| (clean - a * x) / b).collect();
            let noise = (eval.noise != Draw::None).then(|| generator.randn(4));
            let shown = sampler.step(eval, &answer, noise.as_deref());
            assert_close(&format!("{kind}: shown at step {}", eval.outer_step), &shown, &clean, 1e-4, 1.0);
        }
        // DEIS stops at the smallest noise level instead of 0.
        if *kind != SchedulerKind::Deis {
            assert_close(&format!("{kind}: end"), &sampler.x, &clean, 1e-4, 1.0);
        }
    }
}

#[test]
fn refusals_name_the_key_and_the_sampler() {
    let refused = |kind: SchedulerKind, json: &str, steps: usize| {
        plan(kind, &SchedulerConfig::from_json(json).unwrap(), steps, &PlanOptions::default()).unwrap_err().to_string()
    };
    let text = refused(SchedulerKind::Ddim, r#"{"clip_sample": true}"#, 5);
    assert!(text.contains("'clip_sample'") && text.contains("ddim"), "{text}");
    // Clipping is this class's default: a config that does not mention it asks for it.
    assert!(refused(SchedulerKind::Ddim, "{}", 5).contains("'clip_sample'"));
    assert!(refused(SchedulerKind::Euler, r#"{"beta_schedule": "sigmoid"}"#, 5).contains("sigmoid"));
    assert!(refused(SchedulerKind::EulerA, r#"{"prediction_type": "sample"}"#, 5).contains("'prediction_type'"));
    assert!(refused(SchedulerKind::DpmPp2M, r#"{"solver_order": 3}"#, 5).contains("'solver_order'"));
    assert!(refused(SchedulerKind::Lcm, "{}", 51).contains("at most 50"));
    assert!(refused(SchedulerKind::Heun, "{}", 0).contains("0 steps"));
}

#[test]
fn a_run_that_would_start_without_noise_is_announced() {
    let golden = read("sd15");
    let config = SchedulerConfig::from_json(&serde_json::to_string(&golden.config).unwrap()).unwrap();
    let warnings = |kind, steps| plan(kind, &config, steps, &PlanOptions::default()).unwrap().warnings;
    assert!(warnings(SchedulerKind::Euler, 1)[0].contains("timestep 0 of 1000"));
    assert!(warnings(SchedulerKind::Euler, 20).is_empty());
    assert!(warnings(SchedulerKind::Lcm, 4)[0].contains("distilled"));
}
