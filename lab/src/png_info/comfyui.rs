//! ComfyUI's `prompt` chunk: the graph that was executed, `{id: {class_type, inputs}}`, where an input is a value or
//! `[id, output]`. The settings are found by walking from the sampler to what feeds it.

use super::{PngInfo, Program, Why, unreadable};
use crate::LabError;
use serde_json::{Map, Value};

/// More nodes than lie between a sampler and what it reads in any sane graph; a loop ends here.
const DEPTH_MAX: usize = 32;

struct Graph(Map<String, Value>);

impl Graph {
    fn node(&self, id: &str) -> Option<(&str, &Map<String, Value>)> {
        let node = self.0.get(id)?;
        Some((node.get("class_type")?.as_str()?, node.get("inputs")?.as_object()?))
    }

    /// The node that feeds an input.
    fn source<'a>(&self, inputs: &'a Map<String, Value>, input: &str) -> Option<&'a str> {
        inputs.get(input)?.as_array()?.first()?.as_str()
    }

    /// A value that is written into a node, or into the node of a single value that feeds it.
    fn value(&self, inputs: &Map<String, Value>, input: &str) -> Option<String> {
        match inputs.get(input)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Array(_) => {
                let (_, inputs) = self.node(self.source(inputs, input)?)?;
                ["value", "seed", "noise_seed", "text", "string", "int", "float"]
                    .iter()
                    .find_map(|name| inputs.get(*name))
                    .and_then(|value| {
                        value.as_str().map(str::to_owned).or_else(|| value.as_number().map(|n| n.to_string()))
                    })
            }
            _ => None,
        }
    }

    /// The first node on the way up from `input` that `wanted` accepts; on the way, `through` names the inputs to follow.
    fn upstream<'a>(
        &'a self,
        inputs: &'a Map<String, Value>,
        input: &str,
        through: &[&str],
        wanted: impl Fn(&str) -> bool,
    ) -> Option<(&'a str, &'a Map<String, Value>)> {
        let mut id = self.source(inputs, input)?;
        for _ in 0..DEPTH_MAX {
            let (class, inputs) = self.node(id)?;
            if wanted(class) {
                return Some((class, inputs));
            }
            id = through.iter().find_map(|name| self.source(inputs, name))?;
        }
        None
    }
}

/// Reads the graph.
pub fn read(text: &str) -> Result<PngInfo, LabError> {
    // Python writes NaN, which is no JSON.
    let parsed = serde_json::from_str(text).or_else(|_| serde_json::from_str(&text.replace("NaN", "null")));
    let graph = Graph(parsed.map_err(|error| unreadable(format!("ComfyUI's graph in it cannot be read: {error}")))?);
    let samplers: Vec<_> = graph
        .0
        .keys()
        .filter_map(|id| graph.node(id))
        .filter(|(class, _)| class.starts_with("KSampler") && *class != "KSamplerSelect")
        .collect();
    let custom = graph.0.keys().filter_map(|id| graph.node(id)).find(|(class, _)| class.starts_with("SamplerCustom"));
    let mut info = PngInfo::new(Program::ComfyUi);
    match (samplers.as_slice(), custom) {
        ([(class, inputs), others @ ..], _) => {
            plain(&graph, class, inputs, &mut info);
            for (class, inputs) in others {
                info.leave(
                    class,
                    graph.value(inputs, "steps").map(|n| format!("{n} steps")).unwrap_or_default(),
                    Why::NotHere,
                );
            }
        }
        ([], Some((class, inputs))) => parts(&graph, class, inputs, &mut info),
        ([], None) => return Err(unreadable("ComfyUI's graph in it has no sampler that is known here")),
    }
    info.set("rng", "cpu");
    Ok(info)
}

/// `KSampler` and `KSamplerAdvanced`: everything in one node.
fn plain(graph: &Graph, class: &str, inputs: &Map<String, Value>, info: &mut PngInfo) {
    let mut copy = |input: &str, key: &'static str| {
        if let Some(value) = graph.value(inputs, input) {
            info.set(key, value);
        }
    };
    copy("steps", "steps");
    copy("cfg", "guidance");
    copy(if inputs.contains_key("seed") { "seed" } else { "noise_seed" }, "seed");
    sampler(graph.value(inputs, "sampler_name"), graph.value(inputs, "scheduler"), info);
    conditions(graph, inputs, "positive", "negative", info);
    latents(graph, inputs, info, graph.value(inputs, "denoise"));
    model(graph, inputs, "model", info);
    for input in ["start_at_step", "end_at_step"] {
        if let Some(value) =
            graph.value(inputs, input).filter(|value| value != "0" && value.parse().is_ok_and(|n: u32| n < 1000))
        {
            info.leave(&format!("{class} {input}"), value, Why::NotHere);
        }
    }
}

/// `SamplerCustom` and `SamplerCustomAdvanced`: noise, guidance, sampler and schedule are nodes of their own.
fn parts(graph: &Graph, class: &str, inputs: &Map<String, Value>, info: &mut PngInfo) {
    let own = |input: &str| graph.source(inputs, input).and_then(|id| graph.node(id)).map(|(_, inputs)| inputs);
    if let Some(seed) = graph.value(inputs, "noise_seed").or_else(|| graph.value(own("noise")?, "noise_seed")) {
        info.set("seed", seed);
    }
    let sigmas = own("sigmas");
    if let Some(steps) = sigmas.and_then(|sigmas| graph.value(sigmas, "steps")) {
        info.set("steps", steps);
    }
    let name = own("sampler").and_then(|sampler| graph.value(sampler, "sampler_name"));
    sampler(name, sigmas.and_then(|sigmas| graph.value(sigmas, "scheduler")), info);
    let guider = own("guider").unwrap_or(inputs);
    if let Some(cfg) = graph.value(guider, "cfg") {
        info.set("guidance", cfg);
    }
    let positive = if guider.contains_key("conditioning") { "conditioning" } else { "positive" };
    conditions(graph, guider, positive, "negative", info);
    latents(graph, inputs, info, sigmas.and_then(|sigmas| graph.value(sigmas, "denoise")));
    model(graph, guider, "model", info);
    if own("sampler").is_some_and(|sampler| !sampler.contains_key("sampler_name")) {
        info.leave(class, "a sampler with settings of its own", Why::NoSuchSampler);
    }
}

fn sampler(name: Option<String>, schedule: Option<String>, info: &mut PngInfo) {
    let Some(name) = name else { return };
    info.set_sampler(["sampler_name", "scheduler"], &name, schedule.as_deref().unwrap_or_default());
}

/// What the two texts say.
fn conditions(graph: &Graph, inputs: &Map<String, Value>, positive: &str, negative: &str, info: &mut PngInfo) {
    const THROUGH: &[&str] = &["conditioning", "conditioning_1", "conditioning_to", "positive"];
    for (input, key) in [(positive, "prompt"), (negative, "negative")] {
        let encoder = graph.upstream(inputs, input, THROUGH, |class| {
            class.starts_with("CLIPTextEncode") || class == "ConditioningZeroOut"
        });
        let Some((class, encoder)) = encoder else { continue };
        let text = ["text", "text_g", "prompt"].iter().find_map(|name| graph.value(encoder, name));
        match text {
            Some(text) => {
                if text.contains('(') {
                    info.set("weights", 1);
                    info.leave(key, "(weights)", Why::PromptSyntax);
                }
                info.set(key, text);
            }
            None if class == "ConditioningZeroOut" => {}
            None => info.leave(key, class, Why::NotHere),
        }
    }
}

/// The size of the picture, or that it was made from another one.
fn latents(graph: &Graph, inputs: &Map<String, Value>, info: &mut PngInfo, denoise: Option<String>) {
    let input = if inputs.contains_key("latent_image") { "latent_image" } else { "samples" };
    let is_start = |class: &str| {
        class.contains("EmptyLatent") || class.contains("EmptySD3Latent") || class.starts_with("VAEEncode")
    };
    let Some((class, start)) = graph.upstream(inputs, input, &["samples", "latent", "latent_image"], is_start) else {
        return;
    };
    if class.starts_with("VAEEncode") {
        if let Some(denoise) = denoise {
            info.set("strength", &denoise);
            info.leave("denoise", denoise, Why::NeedsPicture);
        }
        return;
    }
    for key in ["width", "height"] {
        if let Some(value) = graph.value(start, key) {
            info.set(key, value);
        }
    }
    if let Some(count) = graph.value(start, "batch_size").filter(|count| count != "1") {
        info.leave("batch_size", count, Why::NotHere);
    }
}

/// The checkpoint, and every network that was put over it.
fn model(graph: &Graph, inputs: &Map<String, Value>, input: &str, info: &mut PngInfo) {
    let mut at = graph.source(inputs, input);
    for _ in 0..DEPTH_MAX {
        let Some((class, inputs)) = at.and_then(|id| graph.node(id)) else { return };
        let file = ["ckpt_name", "unet_name", "model_name"].iter().find_map(|name| graph.value(inputs, name));
        match (file, graph.value(inputs, "lora_name")) {
            (Some(file), _) => return info.leave("ckpt_name", file, Why::Model),
            (None, Some(lora)) => info.leave("lora_name", lora, Why::NotHere),
            (None, None) => info.leave(class, "changes the model", Why::NotHere),
        }
        at = graph.source(inputs, "model");
    }
}
