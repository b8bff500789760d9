//! Samplers as plain arithmetic: from a model's scheduler config and a step count to a list of evaluations.
//!
//! Every sampler here is linear in what it can see (the current latents, one saved copy, the last few model answers,
//! fresh noise), but for a clamp of the predicted clean latents in three of them, so a sampler is only a table of
//! coefficients. One routine (`apply::Sampler` on the CPU, one kernel on
//! a GPU) runs them all, and a table can be tested without a model.
//!
//! Meaning is that of `diffusers` 0.42: `Class.from_config(the model's config)`, where a key that the config lacks
//! takes the default of the class that is asked for, not of the class that wrote the config.
//!
//! What upstream does by accident is done here too, where it shows in a picture: each sampler's module names its
//! oddities, `spacing` and `respacing` those of the schedules. Where upstream fails, a plan is refused with the reason.

pub mod apply;
mod config;
mod ddim;
mod deis;
mod dpm2;
mod dpm_solver;
mod dpmpp_sde;
mod euler;
mod euler_ancestral;
mod heun;
mod lcm;
mod lms;
mod noise;
mod pndm;
mod respacing;
mod schedule;
mod spacing;
mod tcd;
mod terms;
mod unipc;
mod warnings;

pub use config::{Prediction, SchedulerConfig, Spacing};
use protocol::SchedulerKind;

/// How many model answers a sampler may remember, that of the current evaluation included.
pub const HISTORY: usize = 4;

/// A linear combination of everything that a sampler can see.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Combination {
    /// Factor of the current latents.
    pub x: f64,
    /// Factor of the saved latents.
    pub saved: f64,
    /// Factors of the remembered values; `history[0]` is that of this evaluation.
    pub history: [f64; HISTORY],
    /// Factor of the noise drawn at this evaluation.
    pub noise: f64,
    /// Factor of the model's output itself, for samplers that need it beside a clamped prediction.
    pub output: f64,
}

impl Combination {
    /// The current latents times a factor.
    fn of_x(factor: f64) -> Self {
        Self { x: factor, ..Self::default() }
    }
}

/// Clean latents without noise, as factors of both.
const CLEAN: [f64; 2] = [1.0, 0.0];

/// The noise that an evaluation asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Draw {
    /// None: the generator stays where it is.
    #[default]
    None,
    /// A unit normal tensor from the run's generator, even where its factor is 0: the generator moves on all the same.
    Normal,
    /// The increment of one Brownian path over the noise level, from one sigma to another, divided by the root of the
    /// distance: `rng::Brownian::between`.
    Brownian {
        /// Sigma that the increment starts at.
        from: f64,
        /// Sigma that it ends at, smaller.
        to: f64,
    },
}

/// One model call and what is done with its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Eval {
    /// Step that this call belongs to, from 0, as the user counts steps.
    pub outer_step: usize,
    /// What the UNet is told.
    pub timestep: f64,
    /// Noise level `sqrt((1 - alpha_bar) / alpha_bar)` of the latents that the model sees, whatever scale they have.
    pub sigma: f64,
    /// Model input = latents × this.
    pub input_scale: f64,
    /// Predicted clean latents = `[0]` × latents + `[1]` × model output, in the scale that the VAE decodes.
    pub to_denoised: [f64; 2],
    /// Remembered value = `[0]` × latents + `[1]` × model output.
    pub to_history: [f64; 2],
    /// Whether the remembered value stays for later evaluations (and older ones move down), or serves this one only.
    pub remember: bool,
    /// The next latents.
    pub update: Combination,
    /// The next saved latents, from the values before `update`; `None` leaves them as they are.
    pub save: Option<Combination>,
    /// The noise that is drawn here.
    pub noise: Draw,
    /// What the unmasked part of an inpainted picture is after this evaluation: `[0]` × clean latents + `[1]` × the
    /// noise of the start. Upstream puts it back after every scheduler call, the inner calls of two-call samplers
    /// included; after the last it is the clean latents.
    pub known: [f64; 2],
    /// The predicted clean latents are clamped to ± this, and the second factor of `to_history` is that of the clamped
    /// prediction instead of the model output.
    pub clip: Option<f64>,
}

/// What a run asks for beyond sampler, config and number of steps. The default asks for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanOptions {
    /// Share of DDPM's noise that DDIM and TCD add: 0 is deterministic. Left out it is 0, which is what upstream's
    /// pipelines pass. The other samplers ignore it.
    pub eta: Option<f64>,
    /// For runs that start from a picture, 0..=1: only the last `int(num_inference_steps · strength)` steps are done.
    /// Left out, or 1, all of them are.
    pub strength: Option<f64>,
    /// Training timesteps to visit instead of those that the sampler would space, noisiest first; as many as there are
    /// steps.
    pub timesteps: Option<Vec<u32>>,
    /// For LCM and TCD: the strength shortens the list of the distillation's timesteps, and all the steps are picked from
    /// what is left of it, as `LatentConsistencyModelImg2ImgPipeline` does; the other pipelines leave steps out.
    pub strength_shortens_distillation: bool,
}

/// The ten timesteps of "Align Your Steps" for Stable Diffusion 1 and 2: `AysSchedules["StableDiffusionTimesteps"]`.
pub const AYS_SD: [u32; 10] = [999, 850, 736, 645, 545, 455, 343, 233, 124, 24];
/// The same for Stable Diffusion XL: `AysSchedules["StableDiffusionXLTimesteps"]`.
pub const AYS_SDXL: [u32; 10] = [999, 845, 730, 587, 443, 310, 193, 116, 53, 13];

/// Everything there is to know about a run before it starts, the model apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The model calls in order.
    pub evals: Vec<Eval>,
    /// Scale of the first, unit normal latents.
    pub init_noise_sigma: f64,
    /// Number of steps that are executed, as the user counts them; some samplers call the model more often.
    pub outer_steps: usize,
    /// Steps at the noisy end that are left out because the run starts from a picture.
    pub skipped_steps: usize,
    /// The first latents of a run that starts from a picture: `[0]` × clean latents + `[1]` × unit normal noise
    /// (`add_noise` at the first timestep). Upstream's inpainting starts from pure noise × `init_noise_sigma` instead
    /// where the strength is 1; its img2img does not.
    pub start: [f64; 2],
    /// The Brownian path that `Draw::Brownian` refers to.
    pub brownian: Option<BrownianPath>,
    /// What a user should know about this combination, one sentence each.
    pub warnings: Vec<String>,
}

/// Parameters of a run's Brownian path: `rng::Brownian::new`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrownianPath {
    /// The smallest sigma above 0 of the whole schedule.
    pub sigma_min: f64,
    /// Its largest sigma.
    pub sigma_max: f64,
    /// `noise_sampler_seed` of the model's config; where it has none, the run's own seed serves.
    pub seed: Option<u64>,
}

/// Why a config and a step count make no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchedulerError {
    /// The text is no JSON object.
    #[error("the scheduler config is not valid JSON: {0}")]
    Json(String),
    /// A key has a value of another type than the field has.
    #[error("scheduler config: '{key}' has a value of the wrong type ({detail})")]
    WrongType {
        /// The config's key.
        key: &'static str,
        /// What the reader expected.
        detail: String,
    },
    /// A key has a value that no sampler here implements.
    #[error("scheduler config: '{key}' = {value} is not supported by {scheduler}; {remedy}")]
    Unsupported {
        /// The config's key.
        key: &'static str,
        /// Its value.
        value: String,
        /// The sampler that was asked for.
        scheduler: SchedulerKind,
        /// What would work.
        remedy: String,
    },
    /// The step count is outside what the sampler defines.
    #[error("{scheduler} cannot run {steps} steps: {reason}")]
    Steps {
        /// The sampler that was asked for.
        scheduler: SchedulerKind,
        /// The count that was asked for.
        steps: usize,
        /// The limit and where it comes from.
        reason: String,
    },
}

/// What a sampler's module is given.
struct Run<'a> {
    kind: SchedulerKind,
    config: &'a SchedulerConfig,
    /// `num_inference_steps`.
    steps: usize,
    /// The first step that is executed. Multistep samplers start there with no memory.
    begin: usize,
    /// Share of the distillation's timesteps, from the cleanest, that LCM and TCD pick from.
    distilled: f64,
    eta: f64,
    timesteps: Option<&'a [u32]>,
}

/// What a sampler's module computes; steps before `Run::begin` may be in it or not.
struct Schedule {
    evals: Vec<Eval>,
    /// `add_noise` at each evaluation: factors of clean latents and noise.
    levels: Vec<[f64; 2]>,
    init_noise_sigma: f64,
}

impl Run<'_> {
    fn refused(&self, reason: String) -> SchedulerError {
        SchedulerError::Steps { scheduler: self.kind, steps: self.steps, reason }
    }

    /// Refuses more steps than the model has timesteps, where upstream does.
    fn at_most_trained(&self) -> Result<(), SchedulerError> {
        let train = self.config.num_train_timesteps();
        if self.steps > train {
            return Err(self.refused(format!("the model was trained on {train} timesteps")));
        }
        Ok(())
    }

    /// Refuses a list that starts with the same timestep twice: upstream finds its place in the list by the first
    /// timestep, takes the second of two, and runs out of noise levels at the end. Runs that start from a picture are
    /// told their place, and two of the classes need none.
    fn distinct_start(&self, evals: &[Eval]) -> Result<(), SchedulerError> {
        let searches = !matches!(self.kind, SchedulerKind::Ddim | SchedulerKind::Pndm);
        match evals {
            [first, second, ..] if searches && first.timestep == second.timestep => Err(self.refused(format!(
                "its first two timesteps are both {}: take fewer steps or other spacing",
                first.timestep
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses timesteps that the training table does not have, where upstream looks them up there.
    fn known_to(&self, noise: &noise::Noise, timesteps: &[f64]) -> Result<(), SchedulerError> {
        match timesteps.iter().find(|t| noise.alpha_at(**t as i64).is_none()) {
            Some(beyond) => {
                let last = noise.alphas_cumprod.len() - 1;
                Err(self.refused(format!("a timestep would be {beyond}, and the model knows 0 to {last}")))
            }
            None => Ok(()),
        }
    }
}

/// Lists the model calls of `num_inference_steps` steps, or of the last of them where `options` has a strength.
///
/// # Errors
/// When the config asks for something that is not implemented, or the step count is out of the sampler's range.
pub fn plan(
    kind: SchedulerKind,
    config: &SchedulerConfig,
    num_inference_steps: usize,
    options: &PlanOptions,
) -> Result<Plan, SchedulerError> {
    let n = num_inference_steps;
    let steps_error = |reason| Err(SchedulerError::Steps { scheduler: kind, steps: n, reason });
    if n == 0 {
        return steps_error("at least 1 is needed".to_owned());
    }
    if let Some(timesteps) = &options.timesteps {
        custom_timesteps(kind, config)?;
        if timesteps.len() != n {
            return steps_error(format!("the list of timesteps has {} entries; ask for as many", timesteps.len()));
        }
    }
    let strength = options.strength.unwrap_or(1.0);
    // Cut off as Python's int() does: 0.58 · 50 is 28.999….
    let shortens = options.strength_shortens_distillation && matches!(kind, SchedulerKind::Lcm | SchedulerKind::Tcd);
    let executed = if shortens { n } else { ((n as f64 * strength).max(0.0) as usize).min(n) };
    if executed == 0 {
        let least = (1..=100).find(|percent| n * percent >= 100).unwrap_or(100);
        let reason = format!("a strength of {strength} leaves none of them; take at least {}", least as f64 / 100.0);
        return steps_error(reason);
    }
    let begin = n - executed;
    let distilled = if shortens { strength } else { 1.0 };
    let (eta, timesteps) = (options.eta.unwrap_or(0.0), options.timesteps.as_deref());
    let run = Run { kind, config, steps: n, begin, distilled, eta, timesteps };
    let mut brownian = None;
    let Schedule { mut evals, mut levels, init_noise_sigma } = match kind {
        SchedulerKind::Euler => euler::schedule(&run),
        SchedulerKind::EulerA => euler_ancestral::schedule(&run),
        SchedulerKind::Heun => heun::schedule(&run),
        SchedulerKind::Ddim => ddim::schedule(&run),
        SchedulerKind::DpmPp2M | SchedulerKind::DpmPp2MKarras | SchedulerKind::DpmPp2MSde => dpm_solver::schedule(&run),
        SchedulerKind::Lcm => lcm::schedule(&run),
        SchedulerKind::Pndm => pndm::schedule(&run),
        SchedulerKind::Lms => lms::schedule(&run),
        SchedulerKind::Dpm2 => dpm2::schedule(&run, false),
        SchedulerKind::Dpm2A => dpm2::schedule(&run, true),
        SchedulerKind::UniPc => unipc::schedule(&run),
        SchedulerKind::Deis => deis::schedule(&run),
        SchedulerKind::Tcd => tcd::schedule(&run),
        SchedulerKind::DpmPpSde => dpmpp_sde::schedule(&run).map(|(schedule, path)| {
            brownian = Some(path);
            schedule
        }),
    }?;
    if options.strength.is_none() {
        run.distinct_start(&evals)?;
    }
    let skipped = evals.iter().take_while(|eval| eval.outer_step < begin).count();
    evals.drain(..skipped);
    levels.drain(..skipped);
    let start = levels.first().copied().unwrap_or(CLEAN);
    for (eval, next) in evals.iter_mut().zip(levels.into_iter().skip(1).chain([CLEAN])) {
        eval.outer_step -= begin;
        eval.known = next;
    }
    let outer_steps = evals.last().map_or(0, |eval| eval.outer_step + 1);
    let warnings = warnings::warnings(&run, &evals);
    Ok(Plan { evals, init_noise_sigma, outer_steps, skipped_steps: begin, start, brownian, warnings })
}

/// Which samplers take timesteps from outside: those whose `set_timesteps` has that parameter, without keys that space
/// the noise levels anew.
fn custom_timesteps(kind: SchedulerKind, config: &SchedulerConfig) -> Result<(), SchedulerError> {
    use SchedulerKind::{DpmPp2M, DpmPp2MKarras, DpmPp2MSde, Euler, Heun, Lcm, Tcd};
    let refused = |key, value: &str, remedy: &str| {
        Err(SchedulerError::Unsupported { key, value: value.to_owned(), scheduler: kind, remedy: remedy.into() })
    };
    let takes = [Euler, Heun, DpmPp2M, DpmPp2MKarras, DpmPp2MSde, Lcm, Tcd];
    if !takes.contains(&kind) {
        let list = "euler, heun, dpmpp-2m, dpmpp-2m-sde, lcm or tcd";
        return refused("timesteps", "a list of its own", &format!("the schedulers that take one are {list}"));
    }
    if matches!(kind, Lcm | Tcd) {
        return Ok(());
    }
    let is_dpm = !matches!(kind, Euler | Heun);
    let spaced = [
        ("use_karras_sigmas", config.use_karras_sigmas == Some(true) || kind == DpmPp2MKarras),
        ("use_lu_lambdas", config.use_lu_lambdas == Some(true) && is_dpm),
        ("use_exponential_sigmas", config.use_exponential_sigmas == Some(true)),
        ("use_beta_sigmas", config.use_beta_sigmas == Some(true)),
    ];
    if let Some((key, _)) = spaced.into_iter().find(|(_, on)| *on) {
        return refused(key, "true", "timesteps of your own and spaced noise levels exclude each other");
    }
    let is_v = config.prediction_type.as_deref() == Some("v_prediction");
    if kind == Euler && is_v && config.timestep_type.as_deref() == Some("continuous") {
        return refused("timestep_type", "\"continuous\"", "a list of timesteps needs discrete ones");
    }
    Ok(())
}
