//! `cargo xtask sweeps`: sweeps the embedded model on the CPU and on the GPU, checks what they recommend on prompts and
//! seeds that had no part in it, and writes `SWEEPS.md`: what came out, as it came out.

use crate::{
    bench::{machine, today},
    process::{cargo, run, say},
};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    fmt::Write,
    fs,
    path::Path,
    process::{Command, Stdio},
};

const MODEL: &str = "public/models/emoji";
const STEPS: &str = "2,4,8,16,32";
const SEEDS: &str = "0-3";
const HELD_OUT_SEEDS: &str = "100-101";
/// Held-out prompts.
const CHECKED: usize = 3;

/// What is swept: a title, and the arguments that make it.
const SWEEPS: [(&str, &[&str]); 3] = [
    ("As the model's form starts, CPU", &["--backend", "cpu"]),
    ("Four samplers, CPU", &["--backend", "cpu", "--schedulers", "euler,dpmpp-2m,dpmpp-2m-karras,euler-a"]),
    ("As the model's form starts, software GPU", &["--backend", "gpu"]),
];

/// Sweeps from nothing, so that the times are those of this machine today; some minutes on a software GPU.
pub fn sweeps() -> Result<()> {
    let about = fs::read_to_string(crate::root().join(MODEL).join("stepscope.json"))?;
    let about: Value = serde_json::from_str(&about).context("stepscope.json is no JSON")?;
    let prompts = about.get("example_prompts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut prompts = prompts.iter().filter_map(Value::as_str);
    let Some(prompt) = prompts.next() else { bail!("{MODEL}/stepscope.json has no example prompts: add some") };
    let held_out: Vec<&str> = prompts.take(CHECKED).collect();
    say("building the native engine in release");
    run(&mut cargo(["build", "--release", "--package", "inference"]), "read what the compiler says above")?;

    let mut out = String::new();
    writeln!(out, "# Sweeps\n\nWritten by `cargo xtask sweeps` on {}; edit nothing here by hand.\n", today())?;
    writeln!(
        out,
        "{}\nEach sweep: {STEPS} steps, seeds {SEEDS}, prompt \"{prompt}\". Its recommendation is then checked on the prompts \
         {} with seeds {HELD_OUT_SEEDS}, which had no part in it; what the check says is printed as it is. Times are of a \
         machine that may have been busy with other things.",
        machine(),
        held_out.iter().map(|prompt| format!("\"{prompt}\"")).collect::<Vec<_>>().join(", ")
    )?;
    for (i, (title, more)) in SWEEPS.iter().enumerate() {
        let folder = crate::root().join("target/sweeps").join(i.to_string());
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        say(&format!("sweeping: {title}"));
        let found = sweep(&folder, prompt, &held_out, more);
        writeln!(out, "\n## {title}\n\n`stepscope sweep --model {MODEL} {} …`\n", more.join(" "))?;
        match found {
            Some(found) => writeln!(out, "```text\n{}\n```", found.trim())?,
            // A machine without a GPU driver still has the others to tell.
            None => writeln!(out, "This could not be run here.")?,
        }
    }
    fs::write(crate::root().join("SWEEPS.md"), out).context("cannot write SWEEPS.md")
}

/// What the command prints, without the paths of the files that it wrote; its progress goes to the terminal.
fn sweep(folder: &Path, prompt: &str, held_out: &[&str], more: &[&str]) -> Option<String> {
    let mut command = Command::new(crate::root().join("target/release/stepscope"));
    command.args(["sweep", "--model", MODEL, "--prompt", prompt, "--steps", STEPS, "--seeds", SEEDS]);
    command.arg("--out").arg(folder).args(more).args(["--held-out-seeds", HELD_OUT_SEEDS]);
    command.arg("--held-out-prompts").args(held_out).current_dir(crate::root()).stderr(Stdio::inherit());
    let printed = command.output().ok().filter(|output| output.status.success())?;
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    let about = |line: &&str| !line.starts_with(&*folder.to_string_lossy());
    Some(printed.lines().filter(about).collect::<Vec<_>>().join("\n"))
}
