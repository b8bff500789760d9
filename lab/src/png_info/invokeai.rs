//! InvokeAI's `invokeai_metadata` chunk: one flat JSON object.

use super::{PngInfo, Program, Why, unreadable};
use crate::LabError;
use serde_json::{Map, Value};

/// Keys that say nothing about the picture.
const SILENT: &[&str] = &[
    "app_version",
    "generation_mode",
    "rand_device",
    "positive_style_prompt",
    "negative_style_prompt",
    "scheduler",
    "strength",
    "cfg_rescale_multiplier",
    "seamless_x",
    "seamless_y",
    "canvas_v2_metadata",
];

/// Reads the object.
pub fn read(text: &str) -> Result<PngInfo, LabError> {
    let metadata: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| unreadable(format!("InvokeAI's settings in it cannot be read: {error}")))?;
    let mut info = PngInfo::new(Program::InvokeAi);
    info.set("rng", if metadata.get("rand_device").and_then(Value::as_str) == Some("cuda") { "philox" } else { "cpu" });
    for (key, value) in &metadata {
        let Some(text) = plain(value) else { continue };
        match key.as_str() {
            "positive_prompt" | "negative_prompt" => {
                if weighs(&text) {
                    info.leave(key, "(weights)", Why::PromptSyntax);
                }
                info.set(if key == "positive_prompt" { "prompt" } else { "negative" }, text);
            }
            "steps" => info.set("steps", text),
            "cfg_scale" => info.set("guidance", text),
            "seed" => info.set("seed", text),
            "width" => info.set("width", text),
            "height" => info.set("height", text),
            "model" => info.leave(key, text, Why::Model),
            // 0 is the encoder's own last layer.
            "clip_skip" if text == "0" => {}
            "cfg_rescale_multiplier" if text != "0" && text != "0.0" => info.leave(key, text, Why::NotHere),
            "seamless_x" | "seamless_y" if text == "true" => info.leave(key, text, Why::NotHere),
            silent if SILENT.contains(&silent) => {}
            _ => info.leave(key, text, Why::NotHere),
        }
    }
    let text = |key: &str| metadata.get(key).and_then(plain);
    if let Some(name) = text("scheduler") {
        info.set_sampler(["scheduler", "scheduler"], &name, "");
    }
    if let Some(strength) =
        text("strength").filter(|_| text("generation_mode").is_some_and(|mode| !mode.contains("txt2img")))
    {
        info.set("strength", &strength);
        info.leave("strength", strength, Why::NeedsPicture);
    }
    Ok(info)
}

/// A value in short; `None` for what is empty.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(items.iter().filter_map(plain).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            ["name", "model_name", "model"].iter().find_map(|key| plain(fields.get(*key)?)).or(Some("…".into()))
        }
        other => Some(other.to_string()),
    }
}

/// Whether a prompt has weights as InvokeAI writes them: `word++`, `(some words)1.2`, `(some words)-`.
fn weighs(prompt: &str) -> bool {
    let after_bracket =
        |(i, _): (usize, &str)| prompt[i + 1..].starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-');
    prompt.contains("++") || prompt.contains("--") || prompt.match_indices(')').any(after_bracket)
}
