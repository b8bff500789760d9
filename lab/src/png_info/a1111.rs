//! AUTOMATIC1111's "infotext": the prompt, `Negative prompt: …`, and a last line of `Key: value` pairs.

use super::{PngInfo, Program, Why};
use crate::LabError;

const NEGATIVE: &str = "Negative prompt:";
/// A last line with fewer pairs belongs to the prompt.
const PAIRS_MIN: usize = 3;
/// Keys that say nothing about the picture, or that say again what another key says.
const SILENT: &[&str] = &[
    "Version",
    "Model hash",
    "Lora hashes",
    "TI hashes",
    "VAE hash",
    "Hashes",
    "User",
    "Template",
    "Negative Template",
];

/// Reads the whole text.
pub fn read(text: &str) -> Result<PngInfo, LabError> {
    let mut lines: Vec<&str> = text.trim().lines().collect();
    let mut pairs = lines.last().map(|line| pairs(line)).unwrap_or_default();
    match pairs.len() < PAIRS_MIN {
        true => pairs.clear(),
        false => drop(lines.pop()),
    }
    let mut info = PngInfo::new(Program::Automatic1111);
    let negative_at = lines.iter().position(|line| line.trim_start().starts_with(NEGATIVE)).unwrap_or(lines.len());
    let (prompt, negative) = lines.split_at(negative_at);
    let prompt = without_networks(&prompt.join("\n"), &mut info);
    let negative = negative.join("\n");
    let negative = negative.trim_start().strip_prefix(NEGATIVE).unwrap_or_default().trim();
    info.set("prompt", prompt.trim());
    info.set("negative", negative);
    // The web UI reads weights and goes on after 75 tokens, always.
    info.set("weights", 1);
    // Its seeds are the graphics card's unless it says otherwise; "NV" computes the same on the processor.
    info.set("rng", "philox");
    let value = |key: &str| pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let schedule = value("Schedule type").unwrap_or_default();
    let upscaled = pairs.iter().any(|(name, _)| name.starts_with("Hires"));
    for (key, value) in &pairs {
        match key.as_str() {
            "Steps" => info.set("steps", value),
            "Sampler" if schedule == "Align Your Steps" => {
                info.set_sampler(["Sampler", "Schedule type"], value, "");
                info.set("timesteps", "ays");
            }
            "Sampler" => info.set_sampler(["Sampler", "Schedule type"], value, schedule),
            "CFG scale" => info.set("guidance", value),
            "Seed" => info.set("seed", value),
            "Size" => {
                if let Some((width, height)) = value.split_once('x') {
                    info.set("width", width);
                    info.set("height", height);
                }
            }
            "RNG" if value == "CPU" => info.set("rng", "cpu"),
            "RNG" if value == "NV" => {}
            "RNG" => info.leave(key, value, Why::NoSuchNoise),
            "CFG end" => info.set("guidance-stop", value),
            "Eta DDIM" | "Eta" => info.set("eta", value),
            "Denoising strength" if upscaled => info.leave(key, value, Why::NotHere),
            "Denoising strength" => {
                info.set("strength", value);
                info.leave(key, value, Why::NeedsPicture);
            }
            "Model" => info.leave(key, value, Why::Model),
            "Schedule type" => {}
            // 1 is the encoder's own last layer.
            "Clip skip" if value == "1" => {}
            silent if SILENT.contains(&silent) => {}
            _ => info.leave(key, value, Why::NotHere),
        }
    }
    Ok(info)
}

/// `Key: value, Key: "quoted, value"`. Keys are words; quoted values are JSON strings.
fn pairs(line: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = line.trim();
    while let Some((key, after)) = rest.split_once(':') {
        let (key, after) = (key.trim(), after.trim_start());
        let is_key = key.chars().all(|c| c.is_alphanumeric() || " _-/+".contains(c)) && !key.is_empty();
        if !is_key {
            return Vec::new();
        }
        let mut quoted = serde_json::Deserializer::from_str(after).into_iter::<String>();
        let (value, used) = match after.starts_with('"').then(|| quoted.next()).flatten() {
            Some(Ok(value)) => (value, quoted.byte_offset()),
            _ => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim().to_owned(), end)
            }
        };
        pairs.push((key.to_owned(), value));
        rest = after[used..].trim_start().trim_start_matches(',').trim_start();
    }
    pairs
}

/// Takes `<lora:name:1>` and its kin out of a prompt.
fn without_networks(prompt: &str, info: &mut PngInfo) -> String {
    let mut left = String::new();
    let mut rest = prompt;
    while let Some(start) = rest.find('<') {
        let tag = rest[start..].find('>').map(|end| &rest[start + 1..start + end]);
        match tag.and_then(|tag| tag.split_once(':')).filter(|(kind, _)| ["lora", "lyco", "hypernet"].contains(kind)) {
            Some((kind, name)) => {
                info.leave(kind, name, Why::NotHere);
                left += &rest[..start];
                rest = &rest[start + kind.len() + name.len() + 3..];
            }
            None => {
                left += &rest[..=start];
                rest = &rest[start + 1..];
            }
        }
    }
    left + rest
}
