//! Coefficients as the page shows them: the same numbers that the executors run, in the protocol's own types.

use super::{Combination, Eval};
use protocol::{EvalTerms, UpdateTerms};

impl Eval {
    /// This call's numbers for people to read.
    pub fn terms(&self) -> EvalTerms {
        EvalTerms {
            step: self.outer_step as u32 + 1,
            timestep: self.timestep,
            sigma: self.sigma,
            alpha_bar: 1.0 / (1.0 + self.sigma * self.sigma),
            input_scale: self.input_scale,
            to_denoised: self.to_denoised,
            clip: self.clip,
            to_history: self.to_history,
            remember: self.remember,
            update: self.update.terms(),
            save: self.save.as_ref().map(Combination::terms),
        }
    }
}

impl Combination {
    fn terms(&self) -> UpdateTerms {
        let used = self.history.iter().rposition(|factor| *factor != 0.0).map_or(0, |last| last + 1);
        UpdateTerms {
            x: self.x,
            saved: self.saved,
            history: self.history[..used].to_vec(),
            output: self.output,
            noise: self.noise,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::schedulers::{PlanOptions, SchedulerConfig, plan};
    use protocol::SchedulerKind;

    /// Runs a plan on one number with a model that always predicts the clean value 0.5 (within every clamp), by the terms alone.
    fn run_by_terms(kind: SchedulerKind, steps: usize) -> (f64, f64) {
        let plan = plan(kind, &SchedulerConfig::default(), steps, &PlanOptions::default()).unwrap();
        let (mut x, mut saved, mut history) = (3.0 * plan.init_noise_sigma, 0.0, Vec::<f64>::new());
        let mut denoised = 0.0;
        for terms in plan.evals.iter().map(|eval| eval.terms()) {
            let [a, b] = terms.to_denoised;
            let out = (0.5 - a * x) / b;
            denoised = a * x + b * out;
            let now = terms.to_history[0] * x + terms.to_history[1] * terms.clip.map_or(out, |_| denoised);
            let seen: Vec<f64> = [now].into_iter().chain(history.iter().copied()).collect();
            let combine = |update: &protocol::UpdateTerms| {
                let past: f64 = update.history.iter().zip(&seen).map(|(factor, value)| factor * value).sum();
                update.x * x + update.saved * saved + update.output * out + past
            };
            let next = (combine(&terms.update), terms.save.as_ref().map(combine));
            (x, saved) = (next.0, next.1.unwrap_or(saved));
            if terms.remember {
                history = seen;
            }
        }
        (x, denoised)
    }

    #[test]
    fn the_terms_alone_lead_a_perfect_model_to_its_answer() {
        for kind in [SchedulerKind::Euler, SchedulerKind::Heun, SchedulerKind::DpmPp2M, SchedulerKind::Ddim] {
            let (x, denoised) = run_by_terms(kind, 8);
            assert!((denoised - 0.5).abs() < 1e-9, "{kind}: {denoised}");
            // What noise the schedule leaves at its end stays in x.
            assert!((x - 0.5).abs() < 0.2, "{kind}: {x}");
        }
    }
}
