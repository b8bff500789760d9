//! Combinations that run, as upstream runs them, but rarely do what was meant.

use protocol::SchedulerKind;

use super::config::SchedulerConfig;
use super::{Eval, Run};

/// The most steps that LCM and TCD are distilled for, by their authors.
const DISTILLED_STEPS: usize = 8;

/// What a user should know about a run before it starts, one sentence each. `evals` are the executed ones.
pub(super) fn warnings(run: &Run, evals: &[Eval]) -> Vec<String> {
    let Run { kind, config, steps, begin, .. } = *run;
    let mut out = Vec::new();
    out.extend(distillation(kind, config, steps));
    out.extend(no_signal(kind, config));
    if kind == SchedulerKind::Pndm {
        out.extend(pndm(config.skip_prk_steps, evals.len()));
    }
    if kind == SchedulerKind::Ddim && config.clip_sample.is_none() {
        out.push(
            "DDIM clamps the predicted latents to \u{b1}1 here, its own default that this model's config does not switch \
             off: expect pale pictures."
                .into(),
        );
    }
    if kind == SchedulerKind::DpmPpSde && config.noise_sampler_seed.is_none() {
        out.push(
            "DPM++ SDE has a noise seed of its own, which this model's config does not set: here the run's seed serves, \
             and other programs make another picture of it."
                .into(),
        );
    }
    let train = config.num_train_timesteps() as f64;
    match evals {
        // A run that starts from a picture is meant to start in the middle.
        [first, ..] if begin == 0 && first.timestep < train / 2.0 => out.push(format!(
            "This model's timestep spacing starts a run of this length at timestep {:.0} of {train:.0}, where the \
             model expects almost no noise: take more steps or another scheduler.",
            first.timestep
        )),
        _ => {}
    }
    if let Some(last) = evals.last().filter(|last| last.timestep < 0.0) {
        let noisy = matches!(kind, SchedulerKind::Ddim | SchedulerKind::Pndm);
        out.push(format!(
            "Rounding in the reference makes {} steps of {steps}, the last at timestep {:.0}{}: take one step more or less.",
            last.outer_step + 1 + begin,
            last.timestep,
            if noisy { ", which it takes for the noisiest one; the picture breaks" } else { "" },
        ));
    }
    out
}

fn distillation(kind: SchedulerKind, config: &SchedulerConfig, steps: usize) -> Option<String> {
    let made_for = config.class_name.as_deref().unwrap_or_default();
    let distilled = [(SchedulerKind::Lcm, "LCMScheduler"), (SchedulerKind::Tcd, "TCDScheduler")];
    let asked = distilled.iter().find(|(asked, _)| *asked == kind);
    if asked.is_some_and(|(_, class)| made_for != *class) {
        return Some(format!(
            "{} is meant for models distilled for it; with this model's own scheduler config the picture will look \
             washed out.",
            kind.label()
        ));
    }
    if asked.is_some() && steps > DISTILLED_STEPS {
        return Some(format!(
            "{} models are distilled for 1 to {DISTILLED_STEPS} steps; more of them rarely make a better picture.",
            kind.label()
        ));
    }
    let (meant, _) = distilled.iter().find(|(asked, class)| kind != *asked && made_for == *class)?;
    Some(format!("This model was distilled for {}; another scheduler gives poor pictures.", meant.label()))
}

fn no_signal(kind: SchedulerKind, config: &SchedulerConfig) -> Option<String> {
    use SchedulerKind::{Deis, Dpm2, Dpm2A, DpmPpSde, Heun, Lms, Pndm};
    let ignores = matches!(kind, Heun | Lms | Dpm2 | Dpm2A | DpmPpSde | Deis | Pndm);
    if config.rescale_betas_zero_snr != Some(true) {
        return None;
    }
    if ignores {
        return Some(format!(
            "{} does not know rescale_betas_zero_snr, which this model's config asks for: dark and bright pictures come \
             out grey.",
            kind.label()
        ));
    }
    let predicts_noise = config.prediction_type.as_deref().is_none_or(|prediction| prediction == "epsilon");
    predicts_noise.then(|| {
        "This model's config starts without any signal (rescale_betas_zero_snr), where a model that predicts noise says \
         nothing about the picture: expect flat colours or noise."
            .into()
    })
}

fn pndm(skip_prk_steps: Option<bool>, calls: usize) -> Option<String> {
    match skip_prk_steps {
        Some(true) => None,
        Some(false) => Some(format!("This model's config starts PNDM with Runge-Kutta steps: {calls} model calls.")),
        None => Some(
            "PNDM starts without its Runge-Kutta steps, as Stable Diffusion configs ask for; this config does not say."
                .into(),
        ),
    }
}
