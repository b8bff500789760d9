//! What a build needs beyond Rust itself: the wasm target and two pinned tools, installed into `target/tools`, so that
//! the project neither depends on nor disturbs what the machine has.

use crate::process::{cargo, output, run, say};
use anyhow::{Context, Result, bail};
use std::{ffi::OsString, fs, path::PathBuf, process::Command};

/// The target that browsers run.
pub const WASM: &str = "wasm32-unknown-unknown";

const TRUNK_VERSION: &str = "0.21.14";

struct Tool {
    package: &'static str,
    binary: &'static str,
    version: String,
    /// Whether the lock file that the package ships with is used.
    locked: bool,
    why: &'static str,
}

/// Makes sure of everything that a build of the page needs.
pub fn ensure() -> Result<()> {
    rustup_has("target", WASM, "compiles for the browser")?;
    for tool in [
        Tool {
            package: "wasm-bindgen-cli",
            binary: "wasm-bindgen",
            version: locked_version("wasm-bindgen")?,
            // The lock file that it ships with does not resolve.
            locked: false,
            why: "writes the JavaScript side of the wasm modules; must match the wasm-bindgen crate",
        },
        Tool {
            package: "trunk",
            binary: "trunk",
            version: TRUNK_VERSION.to_owned(),
            locked: true,
            why: "puts page, app and worker together in dist/",
        },
    ] {
        install(&tool)?;
    }
    Ok(())
}

/// Makes sure of a rustup component (`clippy`) or target.
pub fn rustup_has(kind: &str, name: &str, why: &str) -> Result<()> {
    let listed = output(Command::new("rustup").args([kind, "list", "--installed"]).current_dir(crate::root()));
    let Some(listed) = listed else {
        // A distribution's Rust: what it lacks shows itself in the next command.
        say(&format!("rustup is not here; taking for granted that this Rust has the {kind} {name}"));
        return Ok(());
    };
    if listed.lines().any(|line| line.starts_with(name)) {
        return Ok(());
    }
    say(&format!("installing the Rust {kind} {name}: {why}"));
    run(
        Command::new("rustup").args([kind, "add", name]).current_dir(crate::root()),
        &format!("check the network, then run `rustup {kind} add {name}` by hand"),
    )
}

/// `PATH` with the project's own tools in front.
pub fn path() -> Result<OsString> {
    let old = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(folder().join("bin")).chain(std::env::split_paths(&old));
    std::env::join_paths(all).context("cannot put target/tools/bin on the PATH: the project's path holds a ':' or '\"'")
}

fn folder() -> PathBuf {
    crate::root().join("target/tools")
}

fn install(tool: &Tool) -> Result<()> {
    let has_it = |mut command: Command| {
        output(command.arg("--version")).is_some_and(|text| text.split_whitespace().any(|word| word == tool.version))
    };
    if has_it(Command::new(folder().join("bin").join(tool.binary))) || has_it(Command::new(tool.binary)) {
        return Ok(());
    }
    say(&format!("installing {} {} into target/tools (once, some minutes): {}", tool.package, tool.version, tool.why));
    // Tools that run for seconds are not worth minutes of optimising: with these settings wasm-bindgen-cli takes 156 s
    // of CPU time instead of 239 s.
    let mut command = cargo(["install", tool.package, "--version", &tool.version, "--force"]);
    let build = folder().join("build");
    command
        .arg("--root")
        .arg(folder())
        // An interrupted build goes on where it was.
        .arg("--target-dir")
        .arg(&build)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env_remove("RUSTFLAGS");
    if tool.locked {
        command.arg("--locked");
    }
    run(&mut command, "check the network and the C compiler, then run the command again")?;
    // Hundreds of megabytes that nothing reads again; losing the clean-up harms nobody.
    fs::remove_dir_all(&build).ok();
    Ok(())
}

/// The version of a package in `Cargo.lock`.
fn locked_version(package: &str) -> Result<String> {
    let lock = fs::read_to_string(crate::root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{package}\"")).skip(1);
    match lines.next().and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"')) {
        Some(version) => Ok(version.to_owned()),
        None => bail!("Cargo.lock does not list {package}; restore it with `git checkout Cargo.lock`"),
    }
}
