//! The lab's recommendation on a model whose true answer is known: a mixture of two normal distributions in one
//! dimension, whose denoiser is exact, driven by the real samplers. What the engine would give with infinitely many
//! steps is integrated finely here, so estimated errors can be held against true ones.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]

use inference::rng::Generator;
use inference::schedulers::{Plan, PlanOptions, SchedulerConfig, apply::Sampler, plan};
use lab::recommend::{Criteria, Evidence, Method, Recommendation, Run, Verdict, recommend};
use protocol::{GenerateRequest, RngKind, SchedulerKind, Timesteps};

const SEEDS: u64 = 8;
/// Independent copies of the toy in one run: an error over all of them is as steady as that of a picture.
const COPIES: usize = 256;

/// Two modes at ±1, this wide.
#[derive(Clone, Copy)]
struct Toy {
    width: f64,
}

impl Toy {
    /// Expected clean value of `x = clean + sigma · noise`.
    fn denoise(self, x: f64, sigma: f64) -> f64 {
        let (s2, n2) = (self.width * self.width, sigma * sigma);
        let towards = |mode: f64| (n2 * mode + s2 * x) / (s2 + n2);
        // Share of the mode at +1; a logistic function of x.
        let share = 1.0 / (1.0 + (-2.0 * x / (s2 + n2)).exp());
        share * towards(1.0) + (1.0 - share) * towards(-1.0)
    }

    /// Runs a sampler on it, as the engine runs it on a model.
    fn run(self, plan: &Plan, noise: &[f32]) -> Vec<f32> {
        let scale = plan.init_noise_sigma as f32;
        let mut sampler = Sampler::new(noise.iter().map(|x| x * scale).collect());
        for eval in &plan.evals {
            let [of_x, of_output] = eval.to_denoised;
            let root = (1.0 + eval.sigma * eval.sigma).sqrt();
            let output = sampler.x.iter().zip(sampler.model_input(eval)).map(|(x, input)| {
                // Whatever scale a sampler's latents have, the model's input is of unit variance.
                let clean = self.denoise(f64::from(input) * root, eval.sigma);
                ((clean - of_x * f64::from(*x)) / of_output) as f32
            });
            let output: Vec<f32> = output.collect();
            sampler.step(eval, &output, None);
        }
        sampler.x
    }

    /// Where infinitely many steps lead from there: the probability flow from the first to the smallest noise level,
    /// by a classic Runge-Kutta rule in the logarithm of sigma, and the last step to none.
    fn limit(self, plan: &Plan, smallest: f64, noise: &[f32]) -> Vec<f32> {
        const STEPS: usize = 400;
        let first = &plan.evals[0];
        let scale = plan.init_noise_sigma * first.input_scale * (1.0 + first.sigma * first.sigma).sqrt();
        let (from, to) = (first.sigma.ln(), smallest.ln());
        let h = (to - from) / STEPS as f64;
        let slope = |x: f64, log_sigma: f64| x - self.denoise(x, log_sigma.exp());
        let integrate = |start: f64| {
            let step = |x: f64, i: usize| {
                let t = from + h * i as f64;
                let a = slope(x, t);
                let b = slope(x + h / 2.0 * a, t + h / 2.0);
                let c = slope(x + h / 2.0 * b, t + h / 2.0);
                let d = slope(x + h * c, t + h);
                x + h / 6.0 * (a + 2.0 * b + 2.0 * c + d)
            };
            self.denoise((0..STEPS).fold(start, step), smallest)
        };
        noise.iter().map(|x| integrate(scale * f64::from(*x)) as f32).collect()
    }
}

fn config(karras: bool) -> SchedulerConfig {
    SchedulerConfig {
        beta_start: Some(0.00085),
        beta_end: Some(0.012),
        beta_schedule: Some("scaled_linear".into()),
        timestep_spacing: Some("linspace".into()),
        use_karras_sigmas: Some(karras),
        ..SchedulerConfig::default()
    }
}

fn rmse(a: &[f32], b: &[f32]) -> f64 {
    lab::metrics::latent_rmse(a, b).unwrap()
}

fn planned(kind: SchedulerKind, karras: bool, steps: u32) -> Plan {
    plan(kind, &config(karras), steps as usize, &PlanOptions::default()).unwrap()
}

struct Measured {
    runs: Vec<Run<Vec<f32>>>,
    evidence: Evidence,
    /// First and last noise level of each step count.
    ends: Vec<[f64; 2]>,
    /// By step count, in order: true error of each seed.
    truth: Vec<(u32, Vec<f64>)>,
}

impl Measured {
    fn of(toy: Toy, kind: SchedulerKind, karras: bool, ladder: &[u32]) -> Self {
        let noise: Vec<Vec<f32>> = (0..SEEDS).map(|seed| Generator::new(RngKind::Cpu, seed).randn(COPIES)).collect();
        // The noise table's smallest level: that of timestep 0.
        let smallest = planned(SchedulerKind::Euler, false, 2).evals[1].sigma;
        let limits: Vec<Vec<f32>> =
            noise.iter().map(|noise| toy.limit(&planned(kind, karras, 2), smallest, noise)).collect();
        let (mut runs, mut truth) = (Vec::new(), Vec::new());
        for &steps in ladder {
            let plan = planned(kind, karras, steps);
            let mut errors = Vec::new();
            for ((seed, noise), limit) in (0..).zip(&noise).zip(&limits) {
                let result = toy.run(&plan, noise);
                errors.push(rmse(&result, limit));
                runs.push(Run { prompt: 0, seed, steps, seconds: f64::from(steps), result });
            }
            truth.push((steps, errors));
        }
        let ends = ladder.iter().map(|steps| {
            let evals = planned(kind, karras, *steps).evals;
            [evals[0].sigma, evals[evals.len() - 1].sigma]
        });
        Self::new(runs, truth, ends.collect())
    }

    fn new(runs: Vec<Run<Vec<f32>>>, truth: Vec<(u32, Vec<f64>)>, ends: Vec<[f64; 2]>) -> Self {
        Self { evidence: Evidence::collect(&runs, |a, b| rmse(a, b)), runs, truth, ends }
    }

    fn recommend(&self, kind: SchedulerKind, tolerance: f64) -> Recommendation {
        let request = GenerateRequest { scheduler: kind, ..request() };
        let method = Method::of_ends(&request, &self.ends);
        recommend(&self.evidence, &method, &Criteria { tolerance, ..Criteria::default() })
    }

    /// The same without the runs of more than `most` steps.
    fn up_to(&self, most: u32) -> Self {
        let runs = self.runs.iter().filter(|run| run.steps <= most).cloned().collect();
        let truth = self.truth.iter().filter(|(steps, _)| *steps <= most).cloned().collect();
        Self::new(runs, truth, self.ends.clone())
    }

    fn true_error(&self, steps: u32) -> f64 {
        median(&self.truth.iter().find(|(n, _)| *n == steps).unwrap().1)
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}

fn request() -> GenerateRequest {
    GenerateRequest {
        model: String::new(),
        prompt: String::new(),
        negative_prompt: None,
        num_inference_steps: 1,
        scheduler: SchedulerKind::Euler,
        guidance_scale: 1.0,
        guidance_stop: 1.0,
        seed: 0,
        width: 64,
        height: 64,
        eta: None,
        rng: RngKind::Cpu,
        timesteps: Timesteps::Spaced,
        prompt_weights: false,
        init: None,
    }
}

const LADDER: [u32; 8] = [2, 4, 8, 16, 32, 64, 128, 256];
/// Up to a twentieth of the distance between the modes.
const TOLERANCES: [f64; 6] = [0.1, 0.05, 0.03, 0.02, 0.01, 0.005];
/// Widths of the modes, and the factor by which an estimate may be off. Modes as narrow as 0.1 are a twentieth of their
/// distance: runs of few steps send copies to the wrong one, which runs of the same kind cannot tell.
const WIDTHS: [(f64, f64); 4] = [(0.1, 2.0), (0.2, 1.25), (0.3, 1.25), (0.5, 1.25)];
const KINDS: [SchedulerKind; 3] = [SchedulerKind::Euler, SchedulerKind::DpmPp2M, SchedulerKind::DpmPp2MKarras];

/// Every solver of `KINDS` on the model's own noise levels and on Karras's.
fn measured(width: f64) -> Vec<(SchedulerKind, bool, Measured)> {
    let pairs = KINDS.iter().flat_map(|kind| [(*kind, false), (*kind, true)]);
    pairs.map(|(kind, karras)| (kind, karras, Measured::of(Toy { width }, kind, karras, &LADDER))).collect()
}

#[test]
fn the_estimated_error_of_a_recommendation_is_within_a_quarter_of_the_true_one() {
    let mut checked = 0;
    for (width, off) in WIDTHS {
        for (kind, karras, measured) in measured(width) {
            for tolerance in TOLERANCES {
                let found = measured.recommend(kind, tolerance);
                let Verdict::Enough { steps, error, .. } = found.verdict else { continue };
                let truth = measured.true_error(steps);
                let ratio = error / truth;
                let case =
                    format!("{width} {kind} karras={karras} {tolerance}: {steps} steps, {error:.4} of {truth:.4}");
                println!("{case}: {ratio:.2}");
                assert!((1.0 / off..=off).contains(&ratio), "{case}: {ratio:.2}");
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn nothing_is_recommended_where_nothing_converged() {
    let mut refused = 0;
    for (width, off) in WIDTHS {
        for (kind, karras, whole) in measured(width) {
            for most in [8, 16, 32, 64, 128] {
                let measured = whole.up_to(most);
                let best = measured.truth.iter().map(|(_, errors)| median(errors)).fold(f64::INFINITY, f64::min);
                for tolerance in TOLERANCES.into_iter().filter(|tolerance| best > off * tolerance) {
                    let verdict = measured.recommend(kind, tolerance).verdict;
                    let none = matches!(verdict, Verdict::NotConverged { .. });
                    assert!(none, "{width} {kind} karras={karras} to {most}, {tolerance}: {verdict:?}, truly {best}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn a_longer_sweep_does_not_move_the_recommendation() {
    let mut compared = 0;
    for (width, _) in WIDTHS {
        for (kind, karras, whole) in measured(width) {
            for tolerance in TOLERANCES {
                let found = [8, 16, 32, 64, 128, 256].map(|most| whole.up_to(most).recommend(kind, tolerance).steps());
                for pair in found.windows(2).filter(|pair| pair[0].is_some()) {
                    assert_eq!(pair[0], pair[1], "{width} {kind} karras={karras} {tolerance}: {found:?}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn runs_that_start_elsewhere_each_time_never_converge() {
    let toy = Toy { width: 0.3 };
    let mut runs = Vec::new();
    for seed in 0..SEEDS {
        for steps in LADDER {
            let noise = Generator::new(RngKind::Cpu, seed + 1000 * u64::from(steps)).randn(COPIES);
            let result = toy.run(&planned(SchedulerKind::DpmPp2M, false, steps), &noise);
            runs.push(Run { prompt: 0, seed, steps, seconds: 1.0, result });
        }
    }
    let evidence = Evidence::collect(&runs, |a, b| rmse(a, b));
    for tolerance in TOLERANCES {
        let method = Method::of(&request(), false);
        let found = recommend(&evidence, &method, &Criteria { tolerance, ..Criteria::default() });
        assert!(matches!(found.verdict, Verdict::NotConverged { .. }), "{:?}", found.verdict);
    }
}
