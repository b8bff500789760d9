//! The line of text that AUTOMATIC1111's web UI writes into its pictures and reads back, for a run of ours.
//! Names and order follow its "infotext"; what it has no name for carries ours.

use protocol::{GenerateRequest, RngKind, SchedulerKind, Timesteps};

/// Our sampler as (Sampler, Schedule type) of the web UI, which keeps the two apart.
pub const SAMPLERS: &[(SchedulerKind, &str, &str)] = &[
    (SchedulerKind::Euler, "Euler", "Uniform"),
    (SchedulerKind::EulerA, "Euler a", "Uniform"),
    (SchedulerKind::Ddim, "DDIM", ""),
    (SchedulerKind::DpmPp2M, "DPM++ 2M", "Uniform"),
    (SchedulerKind::DpmPp2MKarras, "DPM++ 2M", "Karras"),
    (SchedulerKind::Heun, "Heun", "Uniform"),
    (SchedulerKind::Pndm, "PLMS", ""),
    (SchedulerKind::Lms, "LMS", "Uniform"),
    (SchedulerKind::Dpm2, "DPM2", "Uniform"),
    (SchedulerKind::Dpm2A, "DPM2 a", "Uniform"),
    (SchedulerKind::DpmPp2MSde, "DPM++ 2M SDE", "Uniform"),
    (SchedulerKind::DpmPpSde, "DPM++ SDE", "Uniform"),
    (SchedulerKind::UniPc, "UniPC", ""),
    (SchedulerKind::Deis, "DEIS", ""),
    (SchedulerKind::Lcm, "LCM", ""),
    (SchedulerKind::Tcd, "TCD", ""),
];

/// The whole text: prompt, negative prompt, and the line of settings. `model` is its display name; `step` says which step
/// of the run a picture shows, if it is not the finished one.
pub fn parameters(request: &GenerateRequest, model: &str, step: Option<u32>) -> String {
    let (sampler, schedule) = SAMPLERS
        .iter()
        .find(|(kind, ..)| *kind == request.scheduler)
        .map_or((request.scheduler.label(), ""), |(_, sampler, schedule)| (*sampler, *schedule));
    let schedule = if request.timesteps == Timesteps::Ays { "Align Your Steps" } else { schedule };
    let strength = request.init.map(|init| init.strength.to_string());
    let eta = request.eta.map(|eta| eta.to_string());
    let settings = [
        ("Steps", Some(request.num_inference_steps.to_string())),
        ("Sampler", Some(sampler.to_owned())),
        ("Schedule type", (!schedule.is_empty()).then(|| schedule.to_owned())),
        ("CFG scale", Some(request.guidance_scale.to_string())),
        // As SD.Next writes it.
        ("CFG end", (request.guidance_stop < 1.0).then(|| request.guidance_stop.to_string())),
        ("Seed", Some(request.seed.to_string())),
        ("Size", Some(format!("{}x{}", request.width, request.height))),
        ("Model", Some(model.to_owned())),
        ("Denoising strength", strength),
        ("Eta DDIM", eta),
        ("RNG", Some(if request.rng == RngKind::Cpu { "CPU" } else { "NV" }.to_owned())),
        ("Stepscope step", step.map(|step| format!("{step} of {}", request.num_inference_steps))),
        ("Version", Some(format!("Stepscope {}", env!("CARGO_PKG_VERSION")))),
    ];
    let settings: Vec<String> =
        settings.into_iter().filter_map(|(key, value)| Some(format!("{key}: {}", quoted(&value?)))).collect();
    let negative = request.negative_prompt.as_deref().filter(|text| !text.trim().is_empty());
    let mut lines = vec![request.prompt.clone()];
    lines.extend(negative.map(|text| format!("Negative prompt: {text}")));
    lines.push(settings.join(", "));
    lines.join("\n")
}

/// The web UI reads a value up to the next comma, unless it is a JSON string.
fn quoted(value: &str) -> String {
    if value.contains([',', '\n', ':']) {
        return serde_json::to_string(value).unwrap_or_default();
    }
    value.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;
    use protocol::InitImage;

    #[test]
    fn a_plain_run_reads_as_the_web_ui_writes_it() {
        let text = parameters(&record().request, "Emoji", None);
        let expected = format!(
            "red heart\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 4, Seed: 18446744073709551615, \
             Size: 128x96, Model: Emoji, RNG: CPU, Version: Stepscope {}",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_unusual_is_named_and_odd_names_are_quoted() {
        let mut record = record();
        record.request.negative_prompt = Some("blurry".into());
        record.request.init = Some(InitImage { strength: 0.75, mask: false });
        record.request.timesteps = Timesteps::Ays;
        record.request.rng = RngKind::Philox;
        let text = parameters(&record.request, "Emoji, fast: 4 steps", Some(3));
        for part in [
            "\nNegative prompt: blurry\n",
            "Schedule type: Align Your Steps",
            "Model: \"Emoji, fast: 4 steps\"",
            "Denoising strength: 0.75",
            "RNG: NV",
            "Stepscope step: 3 of 20",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn every_sampler_has_its_names() {
        for kind in SchedulerKind::ALL {
            assert_eq!(SAMPLERS.iter().filter(|(other, ..)| other == kind).count(), 1, "{kind}");
        }
    }
}
