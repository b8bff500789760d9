//! The cheap count of model evaluations, by which the page and the lab predict time, against what the samplers do.

use inference::schedulers::{PlanOptions, SchedulerConfig, plan};
use lab::grid::evaluations;
use protocol::{GenerateRequest, InitImage, RngKind, SchedulerKind, Timesteps};

fn request(scheduler: SchedulerKind, steps: u32, strength: Option<f64>) -> GenerateRequest {
    GenerateRequest {
        model: String::new(),
        prompt: String::new(),
        negative_prompt: None,
        num_inference_steps: steps,
        scheduler,
        guidance_scale: 1.0,
        guidance_stop: 1.0,
        seed: 0,
        width: 64,
        height: 64,
        eta: None,
        rng: RngKind::Cpu,
        timesteps: Timesteps::Spaced,
        prompt_weights: false,
        init: strength.map(|strength| InitImage { strength, mask: false }),
    }
}

#[test]
fn predicted_evaluations_are_those_of_the_plan() {
    // Stable Diffusion 1.5's config; `skip_prk_steps` leaves out PNDM's Runge-Kutta start.
    let config = SchedulerConfig {
        beta_start: Some(0.00085),
        beta_end: Some(0.012),
        beta_schedule: Some("scaled_linear".into()),
        steps_offset: Some(1),
        skip_prk_steps: Some(true),
        ..SchedulerConfig::default()
    };
    let mut compared = 0;
    for kind in SchedulerKind::ALL {
        for steps in 1..=50 {
            for strength in [None, Some(0.25), Some(0.58), Some(0.75), Some(1.0)] {
                let options = PlanOptions { strength, ..PlanOptions::default() };
                let Ok(plan) = plan(*kind, &config, steps as usize, &options) else { continue };
                let predicted = evaluations(&request(*kind, steps, strength));
                assert_eq!(predicted as usize, plan.evals.len(), "{kind} {steps} {strength:?}");
                compared += 1;
            }
        }
    }
    // Few are refused: strengths that leave no step, and one-step counts that a sampler does not define.
    assert!(compared > 3800, "{compared}");
}
