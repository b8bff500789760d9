//! Samplers against `diffusers` over pseudo-random configs and ways to run: see `tests/fixtures/scheduler_cases.py`.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]

mod support;

use std::collections::BTreeMap;

use inference::rng::{Brownian, TorchCpu};
use inference::schedulers::apply::Sampler;
use inference::schedulers::{AYS_SD, AYS_SDXL, Draw, Plan, PlanOptions, SchedulerConfig, SchedulerError, plan};
use protocol::SchedulerKind;
use serde::Deserialize;
use support::golden;
use support::parity::Parity;

const SEED: u64 = 11;
const SIZE: usize = 8;
/// Half of the latents is behind the mask.
const MASKED: usize = 4;

#[derive(Deserialize)]
struct Case {
    scheduler: SchedulerKind,
    steps: usize,
    config: serde_json::Map<String, serde_json::Value>,
    strength: Option<f64>,
    #[serde(default)]
    masked: bool,
    #[serde(default)]
    shortens: bool,
    timesteps: Option<String>,
    eta: Option<f64>,
    #[serde(default)]
    calls: usize,
    #[serde(default)]
    checksum: f64,
    #[serde(default, rename = "final")]
    last: Vec<f32>,
    #[serde(default)]
    slack: f32,
    error: Option<String>,
}

impl Case {
    fn plan(&self) -> Result<Plan, SchedulerError> {
        let config = SchedulerConfig::from_json(&serde_json::to_string(&self.config).unwrap())?;
        let timesteps = self.timesteps.as_deref().map(|name| match name {
            "StableDiffusionTimesteps" => AYS_SD.to_vec(),
            "StableDiffusionXLTimesteps" => AYS_SDXL.to_vec(),
            other => panic!("{other}"),
        });
        let options = PlanOptions {
            eta: self.eta,
            strength: self.strength,
            timesteps,
            strength_shortens_distillation: self.shortens,
        };
        plan(self.scheduler, &config, self.steps, &options)
    }

    /// The last latents, as the pipelines come to them.
    fn sample(&self, plan: &Plan) -> Vec<f32> {
        let mut generator = TorchCpu::new(SEED);
        let noise = generator.randn(SIZE);
        let clean: Vec<f32> = (0..SIZE).map(|i| -1.5 + 2.7 * i as f32 / 7.0).collect();
        let mix = |[signal, scale]: [f64; 2], i: usize| signal as f32 * clean[i] + scale as f32 * noise[i];
        let start = match self.strength {
            Some(_) => (0..SIZE).map(|i| mix(plan.start, i)).collect(),
            None => noise.iter().map(|x| x * plan.init_noise_sigma as f32).collect(),
        };
        let path = plan.brownian.map(|path| Brownian::new(path.seed.unwrap(), path.sigma_min, path.sigma_max, SIZE));
        let mut sampler = Sampler::new(start);
        for eval in &plan.evals {
            let share = (0.2 + 0.5 * eval.timestep / 1000.0) as f32;
            let answer: Vec<f32> = sampler.model_input(eval).into_iter().map(|x| x * share).collect();
            let noise = match eval.noise {
                Draw::None => None,
                Draw::Normal => Some(generator.randn(SIZE)),
                Draw::Brownian { from, to } => Some(path.as_ref().unwrap().between(from, to)),
            };
            sampler.step(eval, &answer, noise.as_deref());
            if self.masked {
                for i in MASKED..SIZE {
                    sampler.x[i] = mix(eval.known, i);
                }
            }
        }
        sampler.x
    }

    /// Relative error of the last latents, or what differs before them.
    fn error(&self, plan: &Plan) -> Result<f32, String> {
        if plan.evals.len() != self.calls {
            return Err(format!("{} calls, not {}", plan.evals.len(), self.calls));
        }
        let checksum: f64 = plan.evals.iter().zip(1..).map(|(eval, i)| eval.timestep * f64::from(i)).sum();
        if (checksum - self.checksum).abs() > 1e-6 * checksum.abs() + 0.02 {
            return Err(format!("timesteps add up to {checksum}, not {}", self.checksum));
        }
        let got = self.sample(plan);
        // No finer than what float32 leaves of predictions that start from this much noise.
        let left = 4.0 * f32::EPSILON * plan.evals[0].sigma as f32 / 1e-5;
        let size = self.last.iter().fold(left, |max, x| max.max(x.abs()));
        Ok(got.iter().zip(&self.last).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / size)
    }
}

#[test]
fn any_config_does_what_diffusers_does() {
    let cases: Vec<Case> = serde_json::from_slice(&golden("schedulers/cases.json")).unwrap();
    let mut parities: BTreeMap<SchedulerKind, Parity> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut compared = 0;
    for (line, case) in cases.iter().enumerate() {
        let name = || format!("line {}: {} {}", line + 2, case.scheduler, serde_json::to_string(&case.config).unwrap());
        match (case.plan(), &case.error) {
            (Err(error), None) => failures.push(format!("{}: refused: {error}", name())),
            (Err(_), Some(_)) => {}
            // Numbers that upstream loses to its arithmetic may come out here.
            (Ok(plan), Some(error)) if error == "not finite" && case.sample(&plan).iter().all(|x| x.is_finite()) => {}
            (Ok(_), Some(error)) => failures.push(format!("{}: upstream refuses: {error}", name())),
            (Ok(plan), None) => match case.error(&plan) {
                Ok(error) => {
                    compared += 1;
                    // Times of the Brownian path are rounded to 1e-6, on which the last bit of torch's exponential of a
                    // logarithm decides.
                    let least = if case.scheduler == SchedulerKind::DpmPpSde { 3e-4 } else { 1e-5 };
                    if error.is_nan() || error > f32::max(least, 4.0 * case.slack) {
                        failures.push(format!("{}: off by {error:.1e}, slack {:.1e}", name(), case.slack));
                    } else if case.slack == 0.0 {
                        let parity = parities.entry(case.scheduler);
                        let parity = parity.or_insert_with(|| Parity::new("samplers alone", case.scheduler.name()));
                        parity.note("plan", error, &format!("line {}", line + 2));
                    }
                }
                Err(difference) => failures.push(format!("{}: {difference}", name())),
            },
        }
    }
    parities.values().for_each(Parity::report);
    assert!(failures.is_empty(), "{} of {compared}:\n{}", failures.len(), failures.join("\n"));
    assert!(compared >= 600, "{compared}");
}
