//! `cargo xtask bench`: measures the engine natively and in a browser, and writes `BENCHMARKS.md`.

use crate::{
    build,
    process::{cargo, output, say},
    sizes, test,
};
use anyhow::{Context, Result};
use serde_json::Value;
use std::{fmt::Write, fs, process::Command};

const MODEL: &str = "public/models/emoji";

/// Measures everything; takes some minutes on a software GPU.
pub fn bench() -> Result<()> {
    say("building the page and the native engine in release");
    let dist = build::build()?;
    let mut native = Vec::new();
    for (label, backend) in [("native, CPU", "cpu"), ("native, GPU", "gpu")] {
        say(&format!("measuring {label}"));
        let args = ["run", "--release", "--quiet", "--package", "inference", "--", "bench", "--json", "--model", MODEL];
        let text = output(cargo(args).args(["--backend", backend]));
        // A machine without a GPU driver still has the other rows to tell.
        native.push((label, text.and_then(|text| serde_json::from_str::<Value>(&text).ok())));
    }
    say("measuring in a browser");
    let mut node = Command::new("node");
    node.arg("tests/e2e/bench.mjs").current_dir(crate::root());
    test::prepare_browser(&mut node, test::Browser::Chromium)?;
    let text = output(&mut node).context("the browser's benchmark failed: `cargo xtask e2e` tells more")?;
    let browser: Value = serde_json::from_str(&text).context("the browser's benchmark printed no JSON")?;
    let report = report(&native, &browser, &sizes::table(&dist)?)?;
    fs::write(crate::root().join("BENCHMARKS.md"), report).context("cannot write BENCHMARKS.md")
}

/// The day, as a report dates itself.
pub fn today() -> String {
    output(Command::new("date").args(["-u", "+%Y-%m-%d"])).unwrap_or_default()
}

/// What the figures of a report were taken on.
pub fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("Machine: {}, {cores} cores; software GPUs only.", cpu.trim_start_matches([' ', '\t', ':']))
}

fn number(value: &Value, key: &str, digits: usize) -> String {
    value.get(key).and_then(Value::as_f64).map_or_else(|| "–".into(), |number| format!("{number:.digits$}"))
}

fn report(native: &[(&str, Option<Value>)], browser: &Value, sizes: &str) -> Result<String> {
    let mut out = String::new();
    writeln!(out, "# Benchmarks\n\nWritten by `cargo xtask bench` on {}; edit nothing here by hand.\n", today())?;
    writeln!(out, "{}", machine())?;
    writeln!(
        out,
        "Absolute times hold for this machine on this day; a software GPU tells one build from another, not what"
    )?;
    writeln!(
        out,
        "a GPU does. A step is one UNet call with guidance, both prompts in one batch, at 128×128 pixels.\n"
    )?;
    writeln!(out, "## Native\n\n`stepscope bench --model {MODEL} --backend cpu|gpu --json`\n")?;
    writeln!(
        out,
        "| | device | step, ms | GFLOP/s | measured peak | share | decode, ms | previews of a step, ms | share of a step |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|")?;
    for (label, row) in native {
        let Some(row) = row else {
            writeln!(out, "| {label} | no adapter here | | | | | | | |")?;
            continue;
        };
        let percent = |value: Option<f64>| value.map_or_else(|| "–".into(), |share| format!("{:.1} %", 100.0 * share));
        let at = |key: &str| row.get(key).and_then(Value::as_f64);
        let preview = at("preview_ms").zip(at("unet_ms")).map(|(preview, step)| preview / step);
        writeln!(
            out,
            "| {label} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.get("device").and_then(Value::as_str).unwrap_or("–"),
            number(row, "unet_ms", 1),
            number(row, "unet_gflops", 1),
            number(row, "peak_gflops", 1),
            percent(at("share_of_peak")),
            number(row, "decode_ms", 1),
            number(row, "preview_ms", 3),
            percent(preview),
        )?;
    }
    let name = browser.get("browser").and_then(Value::as_str).unwrap_or("a browser");
    writeln!(out, "\n## In {name}\n\n`node tests/e2e/bench.mjs`, from what the worker reports\n")?;
    writeln!(
        out,
        "| engine | ready, ms | step, ms | previews of a step, ms | share of a step | decode, ms | wasm heap, MB |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for row in browser.get("results").and_then(Value::as_array).into_iter().flatten() {
        let at = |key: &str| row.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN);
        writeln!(
            out,
            "| {} | {} | {} | {} | {:.1} % | {} | {:.1} |",
            row.get("engine").and_then(Value::as_str).unwrap_or("–"),
            number(row, "load_ms", 0),
            number(row, "step_ms", 1),
            number(row, "preview_ms", 2),
            100.0 * at("preview_ms") / at("step_ms"),
            number(row, "vae_ms", 1),
            at("heap_bytes") / 1e6,
        )?;
    }
    writeln!(
        out,
        "\n## Transfer sizes\n\nBrotli where the server may, and the limits that `cargo xtask check` holds.\n\n```{sizes}```"
    )?;
    Ok(out)
}
