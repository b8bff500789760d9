//! Every sampler against `diffusers`: config × prediction type × step count, with a fixed function for a model.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]

mod support;

use inference::rng::{Brownian, TorchCpu};
use inference::schedulers::apply::Sampler;
use inference::schedulers::{AYS_SDXL, Draw, Plan, PlanOptions, SchedulerConfig, SchedulerError, plan};
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
    if run.scheduler == SchedulerKind::DpmPpSde {
        json.insert("noise_sampler_seed".into(), golden.seed.into());
    }
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
        let noise = draw(plan, eval.noise, &mut generator, SIZE);
        let clean = sampler.step(eval, &answer, noise.as_deref());
        first.get_or_insert(clean);
    }
    (first.unwrap(), sampler.x)
}

fn draw(plan: &Plan, noise: Draw, generator: &mut TorchCpu, len: usize) -> Option<Vec<f32>> {
    match noise {
        Draw::None => None,
        Draw::Normal => Some(generator.randn(len)),
        Draw::Brownian { from, to } => plan
            .brownian
            .map(|path| Brownian::new(path.seed.unwrap_or(3), path.sigma_min, path.sigma_max, len).between(from, to)),
    }
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
        // Times of the Brownian path are rounded to 1e-6, on which the last bit of torch's exponential decides.
        let tolerance = if run.scheduler == SchedulerKind::DpmPpSde { 3e-4 } else { tolerance };
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
            // One file more: the pseudo-random ones.
            assert_eq!(files.count(), CONFIGS.len() + 1);
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
        let trails = config_.timestep_spacing.as_deref() == Some("trailing");
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
                    // Levels from 4096 down lie so close that upstream loses its place among the whole timesteps.
                    Err(SchedulerError::Steps { reason, .. })
                        if matches!(config, "zero-snr" | "cosine") && reason.contains("first two timesteps") =>
                    {
                        assert_eq!(*kind, SchedulerKind::DpmPp2MKarras, "{name}");
                        continue;
                    }
                    Err(error) => panic!("{name}: {error}"),
                };
                let spaced_otherwise = distilled.contains(kind) || *kind == SchedulerKind::DpmPp2MKarras;
                let run = if trails && !spaced_otherwise { trailing_steps(steps) } else { steps };
                assert_eq!(plan.outer_steps, run, "{name}");
                assert_eq!(plan.evals.len(), kind.evaluations(run as u32) as usize, "{name}");
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

/// numpy's `arange(1000, 0, -1000 / n)` has one entry more than n where rounding makes it so, and upstream runs it.
fn trailing_steps(steps: usize) -> usize {
    if [61, 103, 121, 122].contains(&steps) { steps + 1 } else { steps }
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
            let noise = draw(&plan, eval.noise, &mut generator, 4);
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
    let text = refused(SchedulerKind::Ddim, r#"{"thresholding": true}"#, 5);
    assert!(text.contains("'thresholding'") && text.contains("ddim"), "{text}");
    assert!(refused(SchedulerKind::Euler, r#"{"beta_schedule": "sigmoid"}"#, 5).contains("sigmoid"));
    assert!(refused(SchedulerKind::EulerA, r#"{"prediction_type": "sample"}"#, 5).contains("'prediction_type'"));
    assert!(refused(SchedulerKind::UniPc, r#"{"solver_order": 4}"#, 5).contains("'solver_order'"));
    let third = r#"{"algorithm_type": "sde-dpmsolver", "final_sigmas_type": "sigma_min", "solver_order": 3}"#;
    assert!(refused(SchedulerKind::DpmPp2M, third, 20).contains("'solver_order'"));
    assert!(refused(SchedulerKind::DpmPp2M, r#"{"algorithm_type": "dpmsolver"}"#, 5).contains("sigma_min"));
    assert!(refused(SchedulerKind::UniPc, r#"{"solver_type": "bh1"}"#, 5).contains("'final_sigmas_type'"));
    let both = r#"{"use_karras_sigmas": true, "use_beta_sigmas": true}"#;
    assert!(refused(SchedulerKind::Heun, both, 5).contains("only one"));
    assert!(refused(SchedulerKind::Pndm, r#"{"skip_prk_steps": false}"#, 3).contains("skip_prk_steps"));
    let crowded = r#"{"use_beta_sigmas": true, "beta_start": 0.00085, "beta_end": 0.012}"#;
    assert!(refused(SchedulerKind::DpmPp2M, crowded, 150).contains("first two timesteps"));
    assert!(refused(SchedulerKind::Lcm, "{}", 51).contains("at most 50"));
    assert!(refused(SchedulerKind::Heun, "{}", 0).contains("0 steps"));
}

/// What Stable Diffusion 1's config says, and more.
fn sd(more: &str) -> SchedulerConfig {
    SchedulerConfig::from_json(&format!(
        r#"{{"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1,
             "set_alpha_to_one": false, "skip_prk_steps": true, "clip_sample": false{more}}}"#
    ))
    .unwrap()
}

fn timesteps(kind: SchedulerKind, config: &SchedulerConfig, steps: usize) -> Vec<f64> {
    plan(kind, config, steps, &PlanOptions::default()).unwrap().evals.iter().map(|eval| eval.timestep).collect()
}

#[test]
fn leading_spacing_starts_neither_at_the_end_nor_in_order() {
    let leading = sd(r#", "timestep_spacing": "leading""#);
    let first = |kind, steps| timesteps(kind, &leading, steps)[0];
    let steps = [5, 10, 20, 30, 50];
    assert_eq!(steps.map(|n| first(SchedulerKind::Ddim, n)), [801.0, 901.0, 951.0, 958.0, 981.0]);
    assert_eq!(steps.map(|n| first(SchedulerKind::DpmPp2M, n)), [831.0, 901.0, 941.0, 961.0, 951.0]);
}

#[test]
fn a_key_that_the_config_lacks_takes_the_default_of_the_class_that_is_asked_for() {
    // Stable Diffusion 1 does not say how timesteps are spaced: DDIM leads, DPM-Solver and Euler span it all.
    let first = |kind| timesteps(kind, &sd(""), 10)[0];
    assert_eq!(first(SchedulerKind::Ddim), 901.0);
    assert_eq!([first(SchedulerKind::DpmPp2M), first(SchedulerKind::Euler)], [999.0, 999.0]);
}

#[test]
fn the_last_steps_of_dpm_solver_are_of_lower_order_below_15_steps() {
    let memory = |more: &str, steps: usize, back: usize| {
        let evals = plan(SchedulerKind::DpmPp2M, &sd(more), steps, &PlanOptions::default()).unwrap().evals;
        evals[steps - back].update.history.iter().filter(|factor| **factor != 0.0).count()
    };
    let third = r#", "solver_order": 3, "final_sigmas_type": "sigma_min""#;
    assert_eq!([14, 15].map(|steps| memory(third, steps, 1)), [1, 3]);
    assert_eq!([14, 15].map(|steps| memory(third, steps, 2)), [2, 3]);
    // A schedule that ends at 0 has a first order last step whatever its length: no kink at order 2.
    assert_eq!([14, 15].map(|steps| memory("", steps, 1)), [1, 1]);
    assert_eq!([14, 15].map(|steps| memory("", steps, 2)), [2, 2]);
}

#[test]
fn ddim_steps_back_by_a_fixed_stride_even_where_its_list_does_not() {
    let plan = plan(SchedulerKind::Ddim, &sd(r#", "timestep_spacing": "trailing""#), 30, &PlanOptions::default());
    let plan = plan.unwrap();
    assert_eq!([plan.evals[0].timestep, plan.evals[1].timestep, plan.evals[2].timestep], [999.0, 966.0, 932.0]);
    // From 966 to 933, though 932 is next: the signal there is not that of the level that follows.
    let lands = plan.evals[1].update.history[0];
    assert!((lands - plan.evals[1].known[0]).abs() > 1e-5 && (lands - plan.evals[0].known[0]).abs() > 1e-3);
}

#[test]
fn linspace_of_one_step_starts_at_the_clean_end() {
    assert_eq!(timesteps(SchedulerKind::Euler, &sd(""), 1), [0.0]);
    assert_eq!(timesteps(SchedulerKind::DpmPp2M, &sd(""), 1), [999.0]);
}

#[test]
fn distilled_samplers_pick_from_the_timesteps_of_the_distillation() {
    for kind in [SchedulerKind::Lcm, SchedulerKind::Tcd] {
        assert_eq!(timesteps(kind, &sd(""), 4), [999.0, 759.0, 499.0, 259.0], "{kind}");
        assert_eq!(timesteps(kind, &sd(""), 3), [999.0, 679.0, 339.0], "{kind}");
    }
}

#[test]
fn align_your_steps_is_taken_by_the_classes_that_take_timesteps() {
    let options = |n: usize| PlanOptions { timesteps: Some(AYS_SDXL[..n].to_vec()), ..PlanOptions::default() };
    let plan_of = |kind, more: &str, n: usize| plan(kind, &sd(more), 10, &options(n));
    let euler = plan_of(SchedulerKind::Euler, "", 10).unwrap();
    assert_eq!(euler.evals.iter().map(|eval| eval.timestep as u32).collect::<Vec<_>>(), AYS_SDXL);
    // The list ends at 13; after it comes noise level 0, not the smallest one.
    assert_eq!(euler.evals[9].known, [1.0, 0.0]);
    assert_eq!(plan_of(SchedulerKind::Heun, "", 10).unwrap().evals.len(), 19);
    let refused = |kind, more: &str, n| plan_of(kind, more, n).unwrap_err().to_string();
    assert!(refused(SchedulerKind::EulerA, "", 10).contains("the schedulers that take one are euler"));
    assert!(refused(SchedulerKind::Euler, r#", "use_karras_sigmas": true"#, 10).contains("exclude each other"));
    assert!(refused(SchedulerKind::DpmPp2MKarras, "", 10).contains("exclude each other"));
    assert!(refused(SchedulerKind::Euler, "", 9).contains("9 entries"));
}

#[test]
fn strength_leaves_out_the_noisiest_steps() {
    let options = |strength: f64| PlanOptions { strength: Some(strength), ..PlanOptions::default() };
    for kind in SchedulerKind::ALL {
        let whole = plan(*kind, &sd(""), 20, &options(1.0)).unwrap();
        let part = plan(*kind, &sd(""), 20, &options(0.58)).unwrap();
        assert_eq!((whole.skipped_steps, whole.outer_steps), (0, 20), "{kind}");
        // int(20 · 0.58) = 11.
        assert_eq!((part.skipped_steps, part.outer_steps), (9, 11), "{kind}");
        assert!(part.start[1] < whole.start[1] && part.evals.last().unwrap().known == [1.0, 0.0], "{kind}");
        let error = plan(*kind, &sd(""), 20, &options(0.04)).unwrap_err().to_string();
        assert!(error.contains("take at least 0.05"), "{kind}: {error}");
    }
    // PNDM drops calls of its list, and looks twice at what is first then.
    let pndm = plan(SchedulerKind::Pndm, &sd(""), 20, &options(0.5)).unwrap();
    assert_eq!(pndm.evals.iter().take(3).map(|eval| eval.timestep).collect::<Vec<_>>(), [501.0, 451.0, 401.0]);
}

#[test]
fn two_call_samplers_put_the_known_part_back_after_both_calls() {
    for (kind, middles) in [(SchedulerKind::Heun, true), (SchedulerKind::Dpm2, true), (SchedulerKind::Euler, false)] {
        let plan = plan(kind, &sd(""), 5, &PlanOptions::default()).unwrap();
        let levels: Vec<f64> = plan.evals.iter().map(|eval| eval.known[1]).collect();
        assert!(levels.is_sorted_by(|a, b| a >= b) && levels.last() == Some(&0.0), "{kind}: {levels:?}");
        assert_eq!(levels[0] == levels[1], middles, "{kind}: {levels:?}");
    }
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

#[test]
fn combinations_that_rarely_do_what_was_meant_are_announced() {
    let warned = |kind, json: &str, steps| {
        plan(kind, &SchedulerConfig::from_json(json).unwrap(), steps, &PlanOptions::default())
            .unwrap()
            .warnings
            .join(" ")
    };
    let trailing = r#"{"timestep_spacing": "trailing", "rescale_betas_zero_snr": true, "clip_sample": false}"#;
    assert!(warned(SchedulerKind::Euler, trailing, 10).contains("without any signal"));
    assert!(warned(SchedulerKind::Heun, trailing, 10).contains("does not know rescale_betas_zero_snr"));
    let v = r#"{"timestep_spacing": "trailing", "clip_sample": false, "prediction_type": "v_prediction"}"#;
    assert!(warned(SchedulerKind::Euler, v, 61).contains("62 steps of 61"));
    assert!(warned(SchedulerKind::Ddim, v, 61).contains("breaks"));
    assert_eq!(warned(SchedulerKind::Euler, v, 60), "");
    assert!(warned(SchedulerKind::Ddim, "{}", 30).contains("clamps"));
    assert!(warned(SchedulerKind::DpmPpSde, "{}", 30).contains("another picture"));
    assert_eq!(warned(SchedulerKind::DpmPpSde, r#"{"noise_sampler_seed": 1}"#, 30), "");
    assert!(warned(SchedulerKind::Pndm, r#"{"skip_prk_steps": false}"#, 30).contains("39 model calls"));
    assert!(warned(SchedulerKind::Lcm, r#"{"_class_name": "LCMScheduler"}"#, 20).contains("1 to 8"));
    assert_eq!(warned(SchedulerKind::Lcm, r#"{"_class_name": "LCMScheduler"}"#, 4), "");
    assert!(warned(SchedulerKind::Euler, r#"{"_class_name": "TCDScheduler"}"#, 20).contains("distilled for TCD"));
}
