//! `stepscope sweep` from outside: what it writes, what it reuses, what it keeps when it is interrupted, how it refuses.
#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod support;

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use support::golden_path;

/// An empty folder of this test's own.
fn empty(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    folder
}

fn sweep(out: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepscope"));
    command.args(["sweep", "--model"]).arg(golden_path("tiny-sd")).arg("--out").arg(out);
    command.args(["--width", "32", "--height", "32"]).args(more);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ok(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    output
}

fn json(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out.join("recommendation.json")).unwrap()).unwrap()
}

fn csv(out: &Path) -> String {
    std::fs::read_to_string(out.join("sweep.csv")).unwrap()
}

#[test]
fn a_sweep_writes_pictures_a_table_and_an_answer_and_does_nothing_twice() {
    let out = empty("sweep-twice");
    let more = ["--prompt", "a red apple", "--scheduler", "euler", "--steps", "1,2,4", "--seeds", "0-3"];
    let check = ["--tolerance", "1000", "--held-out-prompts", "a dog", "a cat", "--held-out-seeds", "8"];
    let first = ok(&mut sweep(&out, &[&more[..], &check[..]].concat()));
    assert!(text(&first.stdout).contains("Recommendation: 1 steps"), "{}", text(&first.stdout));
    assert!(text(&first.stderr).contains("12 runs of 28 model evaluations: about"), "{}", text(&first.stderr));
    let (table, found) = (csv(&out), json(&out));
    // Twelve runs, two held-out prompts at the recommended number and its double, a header.
    assert_eq!(table.lines().count(), 1 + 12 + 4, "{table}");
    assert!(table.lines().nth(1).unwrap().contains(",a red apple,,euler,1,1,1,"), "{table}");
    assert_eq!(table.matches(",true,").count(), 4, "held-out runs are marked: {table}");
    let group = &found["groups"][0];
    assert_eq!((&group["verdict"], &group["steps"]), (&Value::from("enough"), &Value::from(1)));
    assert_eq!((&group["recheck"]["hits"], &group["recheck"]["tested"]), (&Value::from(2), &Value::from(2)));
    assert_eq!(found["times"]["runs"], 16);
    for name in ["steps001-seed0.png", "steps004-seed3.png", "held-out-prompt02-steps002-seed8.png"] {
        assert!(out.join(name).exists(), "{name}");
    }

    // Three columns and four rows of 32 pixels, 4 between them.
    assert_eq!(image::image_dimensions(out.join("sheet.png")).unwrap(), (3 * 36 + 4, 4 * 36 + 4));

    // Again: the same answer without a run.
    let again = ok(&mut sweep(&out, &[&more[..], &check[..]].concat()));
    assert!(text(&again.stdout).contains("all 16 runs were there already"), "{}", text(&again.stdout));
    assert_eq!(csv(&out), table);
    assert_eq!(json(&out)["groups"], found["groups"]);

    // A longer sweep does only what is new; a damaged run is done again; other settings are other runs.
    std::fs::write(out.join("latents/steps002-seed1.safetensors"), b"cut short").unwrap();
    let longer = ["--prompt", "a red apple", "--scheduler", "euler", "--steps", "1,2,4,8", "--seeds", "0-3"];
    ok(&mut sweep(&out, &longer));
    assert_eq!((&json(&out)["times"]["runs"], &json(&out)["times"]["reused"]), (&Value::from(5), &Value::from(11)));
    let other = ["--prompt", "a red apple", "--scheduler", "euler", "--steps", "1", "--guidance", "3"];
    ok(&mut sweep(&out, &other));
    assert_eq!(json(&out)["times"]["reused"], 0);
}

#[test]
fn each_sampler_has_its_own_answer_and_noise_is_told() {
    let out = empty("sweep-samplers");
    let more = ["--prompt", "x", "--schedulers", "dpmpp-2m,euler-a", "--steps", "1,2,4", "--guidance", "1"];
    let output = ok(&mut sweep(&out, &[&more[..], &["--held-out-seeds", "9"]].concat()));
    let found = json(&out);
    assert_eq!(found["groups"][0]["label"], "DPM++ 2M");
    assert_eq!(found["groups"][1]["verdict"], "stochastic");
    assert_eq!(found["groups"][1]["recheck"], Value::Null);
    assert!(text(&output.stdout).contains("by design"), "{}", text(&output.stdout));
    assert!(out.join("dpmpp-2m-steps004-seed0.png").exists());
}

#[test]
fn prompts_are_judged_together_and_alone() {
    let out = empty("sweep-prompts");
    ok(&mut sweep(&out, &["--prompts", "a dog", "a cat", "--steps", "1,2", "--seeds", "0", "--metric", "dssim"]));
    let found = json(&out);
    let labels: Vec<_> = found["groups"].as_array().unwrap().iter().map(|group| &group["label"]).collect();
    assert_eq!(labels, ["all prompts", "a dog", "a cat"]);
    assert!(found["groups"].as_array().unwrap().iter().all(|group| group["verdict"] == "too_few_seeds"));
    assert_eq!(found["groups"][0]["criteria"]["metric"], "dssim");
}

#[test]
fn bad_arguments_are_refused_with_the_remedy() {
    let out = empty("sweep-refused");
    for (more, needle) in [
        (&["--prompt", "x", "--steps", "2,x"][..], "'x' cannot be read in Steps"),
        (&["--prompt", "x", "--steps", "1-100", "--seeds", "0-99"], "10000 would be too many"),
        (&["--prompt", "x", "--tolerance", "0"], "above 0"),
        (&["--prompt", "x", "--schedulers", "eular"], "choose one of"),
        (&["--prompt", "x", "--schedulers", "euler", "--guidances", "1,2"], "cannot be used with"),
        (&["--steps", "2"], "--prompt"),
    ] {
        let output = sweep(&out, more).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{more:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(needle), "{more:?}: {}", text(&output.stderr));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_keeps_what_is_done_and_goes_on() {
    let out = empty("sweep-interrupted");
    let more = ["--prompt", "x", "--steps", "1,150", "--seeds", "0-7", "--guidance", "1", "--scheduler", "euler"];
    let mut child = sweep(&out, &more).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.starts_with("[5/")).unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest:?}");
    let last = rest.last().unwrap();
    assert!(last.contains("interrupted; ") && last.contains("Run the same command again"), "{rest:?}");
    let kept = csv(&out).lines().count() - 1;
    assert!((5..16).contains(&kept), "{kept}");
    assert_eq!(json(&out)["interrupted"], true);
    // The next one finds them.
    let short = ["--prompt", "x", "--steps", "1", "--seeds", "0-7", "--guidance", "1", "--scheduler", "euler"];
    ok(&mut sweep(&out, &short));
    assert!(json(&out)["times"]["reused"].as_u64().unwrap() >= 5);
}
