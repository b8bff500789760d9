//! Files as the programs write them.

use super::*;

/// A PNG file of one pixel with these texts; what Latin-1 does not hold goes into a UTF-8 chunk, as Python's Pillow does it.
fn file(texts: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
    for (key, text) in texts {
        let (key, text) = ((*key).to_owned(), (*text).to_owned());
        match text.chars().all(|c| (c as u32) < 256) {
            true => encoder.add_text_chunk(key, text).unwrap(),
            false => encoder.add_itxt_chunk(key, text).unwrap(),
        }
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0]).unwrap();
    writer.finish().unwrap();
    bytes
}

fn get<'a>(info: &'a PngInfo, key: &str) -> Option<&'a str> {
    info.settings.iter().find(|(other, _)| *other == key).map(|(_, value)| value.as_str())
}

fn left(info: &PngInfo) -> Vec<(&str, &str, Why)> {
    info.left_out.iter().map(|left| (left.name.as_str(), left.value.as_str(), left.why)).collect()
}

#[test]
fn our_own_file_is_its_link() {
    let info =
        read(&file(&[(PARAMETERS, "a\nSteps: 2, Sampler: Euler, Seed: 1"), (LINK, "prompt=a&steps=2")])).unwrap();
    assert_eq!((info.program, info.link.as_deref()), (Program::Stepscope, Some("prompt=a&steps=2")));
}

#[test]
fn what_the_log_writes_for_the_web_ui_is_read_back() {
    let record = crate::log::tests_record();
    let info = read(&file(&[(PARAMETERS, &crate::log::parameters(&record.request, &record.model, None))])).unwrap();
    let request = &record.request;
    for (key, value) in [
        ("prompt", request.prompt.clone()),
        ("steps", request.num_inference_steps.to_string()),
        ("scheduler", request.scheduler.name().into()),
        ("seed", request.seed.to_string()),
        ("guidance", request.guidance_scale.to_string()),
        ("width", request.width.to_string()),
        ("height", request.height.to_string()),
        ("rng", "cpu".into()),
    ] {
        assert_eq!(get(&info, key), Some(value.as_str()), "{key}");
    }
    assert_eq!(left(&info), [("Model", "Emoji", Why::Model)]);
}

#[test]
fn a_file_of_the_web_ui() {
    let info = read(&file(&[(
        "parameters",
        "a (red:1.2) apple, <lora:shiny:0.8>\non a café table\nNegative prompt: blurry,\nugly\nSteps: 28, Sampler: DPM++ 2M, \
         Schedule type: Karras, CFG scale: 6.5, Seed: 3218390023, Size: 512x768, Model hash: 6ce0161689, \
         Model: v1-5-pruned-emaonly, Clip skip: 2, Lora hashes: \"shiny: 0123, dull: 4567\", Version: v1.10.1",
    )]))
    .unwrap();
    assert_eq!(info.program, Program::Automatic1111);
    assert_eq!(get(&info, "prompt"), Some("a (red:1.2) apple, \non a café table"));
    assert_eq!(get(&info, "negative"), Some("blurry,\nugly"));
    assert_eq!((get(&info, "scheduler"), get(&info, "guidance")), (Some("dpmpp-2m-karras"), Some("6.5")));
    assert_eq!((get(&info, "width"), get(&info, "height")), (Some("512"), Some("768")));
    assert_eq!((get(&info, "rng"), get(&info, "weights")), (Some("philox"), Some("1")));
    assert_eq!(
        left(&info),
        [
            ("lora", "shiny:0.8", Why::NotHere),
            ("Model", "v1-5-pruned-emaonly", Why::Model),
            ("Clip skip", "2", Why::NotHere)
        ]
    );
}

#[test]
fn what_the_web_ui_makes_of_a_picture_needs_the_picture() {
    let line = "x\nSteps: 20, Sampler: DPM++ 3M SDE Exponential, Seed: 1, Denoising strength: 0.75";
    let info = read(&file(&[("parameters", line)])).unwrap();
    assert_eq!(get(&info, "strength"), Some("0.75"));
    let expected = [
        ("Sampler", "DPM++ 3M SDE Exponential", Why::NoSuchSampler),
        ("Denoising strength", "0.75", Why::NeedsPicture),
    ];
    assert_eq!(left(&info), expected);
    let upscaled = read(&file(&[("parameters", &format!("{line}, Hires upscale: 2"))])).unwrap();
    assert_eq!(get(&upscaled, "strength"), None);
}

#[test]
fn text_without_settings_is_a_prompt() {
    let info = read(&file(&[("parameters", "just: words, of a <b> prompt")])).unwrap();
    assert_eq!(get(&info, "prompt"), Some("just: words, of a <b> prompt"));
    assert_eq!(get(&info, "steps"), None);
}

const GRAPH: &str = r#"{
  "3": {"class_type": "KSampler", "inputs": {"seed": 156680208700286, "steps": 20, "cfg": 8.0, "sampler_name": "dpmpp_2m",
        "scheduler": "karras", "denoise": 1.0, "model": ["10", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
  "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.safetensors"}},
  "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 640, "batch_size": 2}},
  "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a glass bottle, 東京", "clip": ["4", 1]}},
  "7": {"class_type": "CLIPTextEncode", "inputs": {"text": ["11", 0], "clip": ["4", 1]}, "is_changed": [NaN]},
  "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
  "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "shiny.safetensors", "model": ["4", 0]}},
  "11": {"class_type": "PrimitiveString", "inputs": {"value": "text, watermark"}}
}"#;

#[test]
fn a_file_of_comfyui() {
    let info = read(&file(&[("prompt", GRAPH), ("workflow", "{}")])).unwrap();
    assert_eq!(info.program, Program::ComfyUi);
    for (key, value) in [
        ("prompt", "a glass bottle, 東京"),
        ("negative", "text, watermark"),
        ("steps", "20"),
        ("guidance", "8.0"),
        ("seed", "156680208700286"),
        ("scheduler", "dpmpp-2m-karras"),
        ("width", "512"),
        ("height", "640"),
        ("rng", "cpu"),
    ] {
        assert_eq!(get(&info, key), Some(value), "{key}");
    }
    assert_eq!(
        left(&info),
        [
            ("batch_size", "2", Why::NotHere),
            ("lora_name", "shiny.safetensors", Why::NotHere),
            ("ckpt_name", "v1-5.safetensors", Why::Model)
        ]
    );
}

#[test]
fn a_comfyui_graph_of_parts() {
    let graph = r#"{
      "1": {"class_type": "SamplerCustomAdvanced", "inputs": {"noise": ["2", 0], "guider": ["3", 0], "sampler": ["4", 0], "sigmas": ["5", 0], "latent_image": ["6", 0]}},
      "2": {"class_type": "RandomNoise", "inputs": {"noise_seed": 42}},
      "3": {"class_type": "CFGGuider", "inputs": {"cfg": 5, "model": ["7", 0], "positive": ["8", 0], "negative": ["9", 0]}},
      "4": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
      "5": {"class_type": "BasicScheduler", "inputs": {"scheduler": "beta", "steps": 12, "denoise": 0.6}},
      "6": {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0]}},
      "7": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "x.ckpt"}},
      "8": {"class_type": "CLIPTextEncode", "inputs": {"text": "a (big:1.2) cat"}},
      "9": {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["8", 0]}}
    }"#;
    let info = read(&file(&[("prompt", graph)])).unwrap();
    for (key, value) in [
        ("seed", "42"),
        ("steps", "12"),
        ("guidance", "5"),
        ("scheduler", "euler"),
        ("strength", "0.6"),
        ("weights", "1"),
    ] {
        assert_eq!(get(&info, key), Some(value), "{key}");
    }
    let reasons: Vec<_> = info.left_out.iter().map(|left| left.why).collect();
    assert_eq!(reasons, [Why::NoSuchSchedule, Why::PromptSyntax, Why::NeedsPicture, Why::Model]);
}

#[test]
fn a_loop_in_a_graph_ends() {
    let graph = r#"{"1": {"class_type": "KSampler", "inputs": {"steps": 3, "positive": ["2", 0], "model": ["2", 0], "latent_image": ["2", 0]}},
                    "2": {"class_type": "Odd", "inputs": {"conditioning": ["2", 0], "model": ["2", 0], "samples": ["2", 0]}}}"#;
    assert_eq!(get(&read(&file(&[("prompt", graph)])).unwrap(), "steps"), Some("3"));
}

#[test]
fn a_file_of_invokeai() {
    let metadata = r#"{"app_version": "5.4.0", "generation_mode": "txt2img", "positive_prompt": "a (red)1.3 cat", "negative_prompt": "",
        "width": 768, "height": 512, "seed": 4042, "rand_device": "cpu", "cfg_scale": 7.5, "steps": 30, "scheduler": "euler_a",
        "clip_skip": 0, "model": {"key": "x", "name": "dreamshaper-8"}, "loras": [], "seamless_x": false}"#;
    let info = read(&file(&[("invokeai_metadata", metadata)])).unwrap();
    assert_eq!(info.program, Program::InvokeAi);
    for (key, value) in [
        ("prompt", "a (red)1.3 cat"),
        ("steps", "30"),
        ("scheduler", "euler-a"),
        ("seed", "4042"),
        ("rng", "cpu"),
        ("width", "768"),
    ] {
        assert_eq!(get(&info, key), Some(value), "{key}");
    }
    assert_eq!(get(&info, "strength"), None);
    assert_eq!(
        left(&info),
        [("model", "dreamshaper-8", Why::Model), ("positive_prompt", "(weights)", Why::PromptSyntax)]
    );
}

#[test]
fn a_file_without_settings_says_so() {
    assert!(read(&file(&[("Software", "paint")])).unwrap_err().to_string().contains("carries no settings"));
    assert!(read(b"GIF89a").is_err());
    assert!(read(&[]).is_err());
}

#[test]
fn a_file_that_breaks_off_behind_its_settings_still_tells_them() {
    let whole = file(&[("parameters", "x\nSteps: 20, Sampler: Euler, Seed: 1")]);
    let at = whole.windows(4).position(|bytes| bytes == b"IDAT").unwrap();
    assert_eq!(get(&read(&whole[..at + 6]).unwrap(), "steps"), Some("20"));
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_odd(text in ".{0,200}", lines in "(.{0,40}\n){0,3}Steps: [0-9]*, Sampler: .{0,20}, [A-Z]: \"?.{0,20}") {
        for text in [text, lines] {
            for key in ["parameters", "prompt", "invokeai_metadata"] {
                if !text.contains('\0') {
                    let _ = read(&file(&[(key, &text)]));
                }
            }
        }
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), at in 8usize..80) {
        let mut whole = file(&[("parameters", "x\nSteps: 20, Sampler: Euler, Seed: 1")]);
        let end = whole.len().min(at + bytes.len());
        whole.splice(at..end, bytes.iter().copied());
        let _ = read(&whole);
        let _ = read(&bytes);
    }
}
