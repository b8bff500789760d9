//! The checks that need no browser: format, lints, Rust tests, transfer sizes.

use crate::{
    process::{cargo, run, run_lines},
    sizes, tools,
};
use anyhow::{Result, bail};

/// What `cargo test` counted, all binaries together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u32,
    /// Tests that failed.
    pub failed: u32,
    /// Tests that were not run.
    pub ignored: u32,
}

/// Everything, cheapest first.
pub fn check(build_first: bool) -> Result<()> {
    lint()?;
    let counts = rust_tests(false)?;
    if build_first {
        crate::build::build()?;
    }
    if crate::dist().join("index.html").is_file() {
        sizes::gate(&crate::dist())?;
    } else {
        println!("transfer sizes: not checked, dist/ is empty (`cargo xtask check --build` makes it)");
    }
    println!("check passed: {} Rust tests passed, {} ignored", counts.passed, counts.ignored);
    Ok(())
}

/// Format and clippy, for this machine and for the browser.
pub fn lint() -> Result<()> {
    tools::rustup_has("component", "rustfmt", "checks the format")?;
    tools::rustup_has("component", "clippy", "finds mistakes")?;
    tools::rustup_has("target", tools::WASM, "compiles for the browser")?;
    run(&mut cargo(["fmt", "--all", "--check"]), "run `cargo fmt --all`")?;
    let fix = "clippy names file and line above";
    let deny = ["--", "-D", "warnings"];
    run(cargo(["clippy", "--locked", "--workspace", "--all-targets"]).args(deny), fix)?;
    // Code behind `cfg(target_arch = "wasm32")` is seen only by these two.
    let wasm = |package, targets: &[&str]| {
        let mut command = cargo(["clippy", "--locked", "--target", tools::WASM, "-p", package]);
        command.args(targets).args(deny).env_remove("RUSTFLAGS");
        command
    };
    run(&mut wasm("inference", &["--lib", "--bin", "worker"]), fix)?;
    run(&mut wasm("app", &["--bin", "app"]), fix)
}

/// Every Rust test; `gpu` makes a missing adapter a failure instead of a skip.
pub fn rust_tests(gpu: bool) -> Result<Counts> {
    let mut command = cargo(["test", "--locked", "--workspace", "--no-fail-fast"]);
    if gpu {
        command.env("REQUIRE_GPU", "1");
    }
    let mut counts = Counts::default();
    let passed = run_lines(&mut command, |line| counts.add(line))?;
    if !passed || counts.failed > 0 {
        bail!("{} Rust tests passed, {} failed: the messages above name them", counts.passed, counts.failed);
    }
    if counts.passed == 0 {
        bail!("no Rust test ran: `cargo test` has changed how it reports, see xtask/src/check.rs");
    }
    Ok(counts)
}

impl Counts {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`; other lines add nothing.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = rest.split_whitespace().collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u32>() else { continue };
            match pair[1] {
                "passed;" => self.passed += number,
                "failed;" => self.failed += number,
                "ignored;" => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_add_up_and_other_lines_do_not() {
        let mut counts = Counts::default();
        counts.add("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s");
        counts.add("test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out");
        counts.add("test a::b ... ok, 9 passed;");
        assert_eq!(counts, Counts { passed: 5, failed: 4, ignored: 1 });
    }
}
