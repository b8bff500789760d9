//! A run as a Python program for `diffusers` that makes the same picture.

use super::RunRecord;
use crate::grid::executed_steps;
use protocol::{GenerateRequest, RngKind, SchedulerKind, Timesteps};

/// Class and keyword arguments of `from_config` for a sampler.
fn scheduler(kind: SchedulerKind) -> (&'static str, &'static str) {
    match kind {
        SchedulerKind::Euler => ("EulerDiscreteScheduler", ""),
        SchedulerKind::EulerA => ("EulerAncestralDiscreteScheduler", ""),
        SchedulerKind::Ddim => ("DDIMScheduler", ""),
        SchedulerKind::DpmPp2M => ("DPMSolverMultistepScheduler", ""),
        SchedulerKind::DpmPp2MKarras => ("DPMSolverMultistepScheduler", ", use_karras_sigmas=True"),
        SchedulerKind::Heun => ("HeunDiscreteScheduler", ""),
        SchedulerKind::Pndm => ("PNDMScheduler", ", skip_prk_steps=True"),
        SchedulerKind::Lms => ("LMSDiscreteScheduler", ""),
        SchedulerKind::Dpm2 => ("KDPM2DiscreteScheduler", ""),
        SchedulerKind::Dpm2A => ("KDPM2AncestralDiscreteScheduler", ""),
        SchedulerKind::DpmPp2MSde => ("DPMSolverMultistepScheduler", ", algorithm_type=\"sde-dpmsolver++\""),
        SchedulerKind::DpmPpSde => ("DPMSolverSDEScheduler", ""),
        SchedulerKind::UniPc => ("UniPCMultistepScheduler", ""),
        SchedulerKind::Deis => ("DEISMultistepScheduler", ""),
        SchedulerKind::Lcm => ("LCMScheduler", ""),
        SchedulerKind::Tcd => ("TCDScheduler", ""),
    }
}

/// The program. Its model is a folder of the same name; pictures to start from are files that the reader provides.
pub fn snippet(record: &RunRecord) -> String {
    let request = &record.request;
    let (class, arguments) = scheduler(request.scheduler);
    let is_ays = request.timesteps == Timesteps::Ays;
    let (task, pictures): (&str, &[&str]) = match request.init {
        None => ("Text2Image", &[]),
        Some(init) if init.mask => ("Inpainting", &["image", "mask_image"]),
        Some(_) => ("Image2Image", &["image"]),
    };
    let mut call = vec![python(&request.prompt)];
    call.extend(request.negative_prompt.as_deref().map(|text| format!("negative_prompt={}", python(text))));
    call.extend(pictures.iter().map(|name| format!("{name}=load_image(\"{name}.png\")")));
    call.extend(request.init.map(|init| format!("strength={}", float(init.strength))));
    call.push(if is_ays {
        "timesteps=AysSchedules[\"StableDiffusionTimesteps\"]".to_owned()
    } else {
        format!("num_inference_steps={}", request.num_inference_steps)
    });
    let stop = stop_after(request);
    // A run that guides no step at all is one without guidance.
    let guidance = if stop == Some(0) { 1.0 } else { request.guidance_scale };
    call.push(format!("guidance_scale={}", float(guidance)));
    call.extend(request.eta.map(|eta| format!("eta={}", float(eta))));
    // Image to image takes its size from the picture.
    if request.init.is_none_or(|init| init.mask) {
        call.push(format!("width={}", request.width));
        call.push(format!("height={}", request.height));
    }
    let device = if request.rng == RngKind::Cpu { "cpu" } else { "cuda" };
    // Seeds of 64 bits become negative numbers to torch; it takes both.
    call.push(format!("generator=torch.Generator(\"{device}\").manual_seed({})", request.seed));
    let mut lines = vec!["import torch".to_owned(), format!("from diffusers import AutoPipelineFor{task}, {class}")];
    lines.extend(is_ays.then(|| "from diffusers.schedulers import AysSchedules".to_owned()));
    lines.extend((!pictures.is_empty()).then(|| "from diffusers.utils import load_image".to_owned()));
    lines.push(String::new());
    lines.extend(request.prompt_weights.then(|| {
        "# The prompt uses weights as AUTOMATIC1111 does; diffusers reads it as plain text (see the library sd_embed).".to_owned()
    }));
    lines.push(format!(
        "pipe = AutoPipelineFor{task}.from_pretrained({}, torch_dtype=torch.float32)",
        python(&request.model)
    ));
    lines.push(format!("pipe.scheduler = {class}.from_config(pipe.scheduler.config{arguments})"));
    if let Some(calls) = stop.filter(|calls| *calls > 0) {
        lines.push(String::new());
        lines.push(format!(
            "def stop_guidance(pipe, i, t, kwargs):\n    if i + 1 == {calls}:\n        pipe._guidance_scale = 1.0\n        \
             kwargs[\"prompt_embeds\"] = kwargs[\"prompt_embeds\"].chunk(2)[-1]\n    return kwargs\n"
        ));
        call.push("callback_on_step_end=stop_guidance".to_owned());
        call.push("callback_on_step_end_tensor_inputs=[\"prompt_embeds\"]".to_owned());
    }
    lines.push("image = pipe(".to_owned());
    lines.extend(call.into_iter().map(|argument| format!("    {argument},")));
    lines.push(").images[0]".to_owned());
    lines.push("image.save(\"picture.png\")\n".to_owned());
    lines.join("\n")
}

/// After how many calls of the scheduler guidance stops, where it does: pipelines count calls, not steps.
fn stop_after(request: &GenerateRequest) -> Option<u32> {
    let steps = executed_steps(request);
    let guided = Some(request.guided_steps(steps)).filter(|guided| *guided < steps && request.guidance_scale > 1.0)?;
    Some(match request.scheduler {
        SchedulerKind::Heun | SchedulerKind::Dpm2 | SchedulerKind::Dpm2A | SchedulerKind::DpmPpSde => 2 * guided,
        // PLMS looks twice at its second timestep.
        SchedulerKind::Pndm if guided > 1 => guided + 1,
        _ => guided,
    })
}

/// A Python string. JSON's escapes are Python's too.
fn python(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// A Python float, which a whole number must not lose.
fn float(x: f64) -> String {
    format!("{x:?}")
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;
    use protocol::InitImage;

    #[test]
    fn a_plain_run_is_a_whole_program() {
        let mut record = record();
        record.request.seed = 7;
        record.request.prompt = "a \"red\" heart\n\\o/".into();
        let expected = r#"import torch
from diffusers import AutoPipelineForText2Image, DPMSolverMultistepScheduler

pipe = AutoPipelineForText2Image.from_pretrained("emoji", torch_dtype=torch.float32)
pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config, use_karras_sigmas=True)
image = pipe(
    "a \"red\" heart\n\\o/",
    num_inference_steps=20,
    guidance_scale=4.0,
    width=128,
    height=96,
    generator=torch.Generator("cpu").manual_seed(7),
).images[0]
image.save("picture.png")
"#;
        assert_eq!(snippet(&record), expected);
    }

    #[test]
    fn guidance_that_stops_is_a_callback() {
        let mut record = record();
        record.request.guidance_stop = 0.5;
        let program = snippet(&record);
        assert!(
            program.contains("if i + 1 == 10:") && program.contains("callback_on_step_end=stop_guidance,"),
            "{program}"
        );
        record.request.scheduler = SchedulerKind::Heun;
        assert!(snippet(&record).contains("if i + 1 == 20:"));
        record.request.guidance_stop = 0.01;
        let program = snippet(&record);
        assert!(program.contains("guidance_scale=1.0,") && !program.contains("callback"), "{program}");
    }

    #[test]
    fn pictures_masks_and_options_have_their_arguments() {
        let mut record = record();
        record.request.init = Some(InitImage { strength: 1.0, mask: true });
        record.request.scheduler = SchedulerKind::Ddim;
        record.request.eta = Some(0.5);
        record.request.negative_prompt = Some(String::new());
        record.request.rng = RngKind::Philox;
        record.request.timesteps = Timesteps::Ays;
        let program = snippet(&record);
        for part in [
            "AutoPipelineForInpainting, DDIMScheduler",
            "mask_image=load_image(\"mask_image.png\"),",
            "strength=1.0,",
            "eta=0.5,",
            "negative_prompt=\"\",",
            "torch.Generator(\"cuda\")",
            "timesteps=AysSchedules[\"StableDiffusionTimesteps\"],",
        ] {
            assert!(program.contains(part), "{part} in\n{program}");
        }
        assert!(!program.contains("num_inference_steps"));
    }
}
