//! Samplers as plain arithmetic: from a model's scheduler config and a step count to a list of evaluations.
//!
//! Every sampler here is linear in what it can see (the current latents, one saved copy, the last few model answers,
//! fresh noise), so a sampler is only a table of coefficients. One routine (`apply::Sampler` on the CPU, one kernel on
//! a GPU) runs them all, and a table can be tested without a model.
//!
//! Meaning is that of `diffusers` 0.42: `Class.from_config(the model's config)`, where a key that the config lacks
//! takes the default of the class that is asked for, not of the class that wrote the config.

pub mod apply;
mod config;
mod ddim;
mod deis;
mod dpm2;
mod dpmpp_2m;
mod euler;
mod euler_ancestral;
mod heun;
mod lcm;
mod lms;
mod pndm;
mod schedule;
mod tcd;
mod unipc;

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
    /// Whether a unit normal tensor is drawn here, even where its factor is 0: the generator moves on all the same.
    pub draws_noise: bool,
}

/// Everything there is to know about a run before it starts, the model apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The model calls in order.
    pub evals: Vec<Eval>,
    /// Scale of the first, unit normal latents.
    pub init_noise_sigma: f64,
    /// Number of steps as the user counts them; some samplers call the model more often.
    pub outer_steps: usize,
    /// What a user should know about this combination, one sentence each.
    pub warnings: Vec<String>,
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

/// The evaluations and the scale of the first latents, as each sampler's module computes them.
type Schedule = (Vec<Eval>, f64);

/// Lists the model calls of `num_inference_steps` steps.
///
/// `eta` matters to DDIM (0 is deterministic, 1 draws as much noise as DDPM) and TCD; the others ignore it. Left out it
/// is 0, which is what upstream's pipelines pass.
///
/// # Errors
/// When the config asks for something that is not implemented, or the step count is out of the sampler's range.
pub fn plan(
    kind: SchedulerKind,
    config: &SchedulerConfig,
    num_inference_steps: usize,
    eta: Option<f64>,
) -> Result<Plan, SchedulerError> {
    let n = num_inference_steps;
    if n == 0 {
        return Err(SchedulerError::Steps { scheduler: kind, steps: n, reason: "at least 1 is needed".into() });
    }
    let (evals, init_noise_sigma) = match kind {
        SchedulerKind::Euler => euler::schedule(kind, config, n),
        SchedulerKind::EulerA => euler_ancestral::schedule(kind, config, n),
        SchedulerKind::Heun => heun::schedule(kind, config, n),
        SchedulerKind::Ddim => ddim::schedule(kind, config, n, eta.unwrap_or(0.0)),
        SchedulerKind::DpmPp2M | SchedulerKind::DpmPp2MKarras | SchedulerKind::DpmPp2MSde => {
            dpmpp_2m::schedule(kind, config, n)
        }
        SchedulerKind::Lcm => lcm::schedule(kind, config, n),
        SchedulerKind::Pndm => pndm::schedule(kind, config, n),
        SchedulerKind::Lms => lms::schedule(kind, config, n),
        SchedulerKind::Dpm2 => dpm2::schedule(kind, config, n, false),
        SchedulerKind::Dpm2A => dpm2::schedule(kind, config, n, true),
        SchedulerKind::UniPc => unipc::schedule(kind, config, n),
        SchedulerKind::Deis => deis::schedule(kind, config, n),
        SchedulerKind::Tcd => tcd::schedule(kind, config, n, eta.unwrap_or(0.0)),
    }?;
    let outer_steps = evals.last().map_or(0, |eval| eval.outer_step + 1);
    let warnings = warnings(kind, config, &evals);
    Ok(Plan { evals, init_noise_sigma, outer_steps, warnings })
}

/// Combinations that run, as upstream runs them, but rarely do what was meant.
fn warnings(kind: SchedulerKind, config: &SchedulerConfig, evals: &[Eval]) -> Vec<String> {
    let mut out = Vec::new();
    let made_for = config.class_name.as_deref().unwrap_or_default();
    let distilled = [(SchedulerKind::Lcm, "LCMScheduler"), (SchedulerKind::Tcd, "TCDScheduler")];
    if distilled.iter().any(|(asked, class)| kind == *asked && made_for != *class) {
        out.push(format!(
            "{} is meant for models distilled for it; with this model's own scheduler config the picture will look \
             washed out.",
            kind.label()
        ));
    } else if let Some((meant, _)) = distilled.iter().find(|(asked, class)| kind != *asked && made_for == *class) {
        out.push(format!("This model was distilled for {}; another scheduler gives poor pictures.", meant.label()));
    }
    if kind == SchedulerKind::Pndm && config.skip_prk_steps.is_none() {
        out.push(
            "PNDM starts without its Runge-Kutta steps, as Stable Diffusion configs ask for; this config does not say."
                .into(),
        );
    }
    let train = config.num_train_timesteps() as f64;
    if let Some(first) = evals.first().filter(|first| first.timestep < train / 2.0) {
        out.push(format!(
            "This model's timestep spacing starts a run of this length at timestep {:.0} of {train:.0}, where the \
             model expects almost no noise: take more steps or another scheduler.",
            first.timestep
        ));
    }
    out
}
