//! `cargo xtask parity`: how far every family, sampler and executor is from the real libraries, into PARITY.md. The tests
//! that compare with goldens note their worst differences where `PARITY` names a file; this makes a page of the notes.

use crate::process::{cargo, run, say};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Write, fs};

/// One line of a test's notes: the worst difference of one kind of tensor.
#[derive(Deserialize)]
struct Note {
    executor: String,
    subject: String,
    kind: String,
    error: f64,
    place: String,
    compared: u64,
}

const HEAD: &str = "\
# Parity

How far Stepscope is from `diffusers` 0.42.1, `torch` 2.15 and `transformers` 5.23, written by `cargo xtask parity` from
the tests that compare with `tests/goldens`. A difference is the largest one of any element, as a share of the largest
magnitude in its tensor; the worst over all runs, steps and sizes is shown. The GPU of these figures is Mesa's software
Vulkan driver.

Allowed: embeddings 2e-4 on the CPU; predictions, latents at every step and pictures 2e-3 on the CPU, 5e-3 on the GPU in
f32, 3e-2 on the GPU in f16; samplers alone (a formula in place of the model, pseudo-random configs) 1e-5, DPM++ SDE 3e-4.
";

/// What the golden pipelines stand for.
const FAMILIES: &[(&str, &str)] = &[
    ("tiny-sd", "Stable Diffusion 1.x"),
    ("tiny-sd-v", "Stable Diffusion 2.x (v-prediction), AutoencoderTiny"),
    ("tiny-image", "Stable Diffusion 2.x, image to image through AutoencoderTiny"),
    ("tiny-inpaint", "inpainting UNet, 9 channels"),
    ("tiny-lcm", "latent consistency model"),
    ("tiny-small", "distilled layouts; image to image; inpainting by blending"),
    ("tiny-xl", "SDXL"),
    ("tiny-xl-small", "SDXL Turbo schedule in SSD-1B's layout; image to image; inpainting"),
];

/// Runs the tests and writes PARITY.md.
pub fn parity() -> Result<()> {
    let notes = crate::root().join("target/parity.jsonl");
    if notes.exists() {
        fs::remove_file(&notes).with_context(|| format!("cannot remove {}", notes.display()))?;
    }
    let tests = ["--test", "scheduler_cases", "--test", "stages", "--test", "traces"];
    let mut tests = cargo(["test", "-p", "inference"].into_iter().chain(tests));
    run(tests.env("PARITY", &notes).env("REQUIRE_GPU", "1"), "the message above names the first wrong number")?;
    let text = fs::read_to_string(&notes).with_context(|| format!("the tests left no {}", notes.display()))?;
    let notes: Result<Vec<Note>, _> = text.lines().map(serde_json::from_str).collect();
    let page = crate::root().join("PARITY.md");
    fs::write(&page, report(&notes.context("a note of the tests cannot be read")?))
        .with_context(|| format!("cannot write {}", page.display()))?;
    say("wrote PARITY.md");
    Ok(())
}

fn report(notes: &[Note]) -> String {
    let mut out = HEAD.to_owned();
    let executors: BTreeMap<&str, ()> = notes.iter().map(|note| (note.executor.as_str(), ())).collect();
    for executor in executors.keys() {
        let of: Vec<&Note> = notes.iter().filter(|note| note.executor == *executor).collect();
        // One column for each kind that was compared, in the order in which a run makes them.
        let order = ["stages", "prompt_embeds", "pooled_prompt_embeds", "noise_pred", "latents", "image", "plan"];
        let kinds: Vec<&str> = order.into_iter().filter(|kind| of.iter().any(|note| note.kind == *kind)).collect();
        let _ = writeln!(out, "\n## {executor}\n\n| | {} |", kinds.join(" | "));
        let _ = writeln!(out, "|---{}|", "|---:".repeat(kinds.len()));
        let subjects: BTreeMap<&str, ()> = of.iter().map(|note| (note.subject.as_str(), ())).collect();
        for subject in subjects.keys() {
            let about = FAMILIES.iter().find(|(name, _)| name == subject);
            let about = about.map_or(String::new(), |(_, about)| format!(": {about}"));
            let worst = |kind: &&str| {
                let of_kind = of.iter().filter(|note| note.subject == *subject && note.kind == **kind);
                of_kind.map(|note| note.error).max_by(f64::total_cmp).map_or("–".into(), |e| format!("{e:.1e}"))
            };
            let cells: Vec<String> = kinds.iter().map(worst).collect();
            let _ = writeln!(out, "| `{subject}`{about} | {} |", cells.join(" | "));
        }
        if let Some(worst) = of.iter().max_by(|a, b| a.error.total_cmp(&b.error)) {
            let compared: u64 = subjects
                .keys()
                .map(|subject| {
                    let of_subject = of.iter().filter(|note| note.subject == *subject);
                    of_subject.map(|note| note.compared).max().unwrap_or(0)
                })
                .sum();
            let _ = writeln!(out, "\n{compared} tensors compared; worst {:.1e} at `{}`.", worst.error, worst.place);
        }
    }
    out
}
