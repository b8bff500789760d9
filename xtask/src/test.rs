//! `cargo xtask test`: installs what tests need beyond a build, then runs everything.

use crate::{
    build, check,
    process::{output, run, run_lines, say},
    sizes,
};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const NODE_MIN: u32 = 20;
/// Where Mesa's packages put the description of the software GPU driver.
const VULKAN_DRIVERS: &str = "/usr/share/vulkan/icd.d";

/// Everything; prints what was counted as its last line.
pub fn test() -> Result<()> {
    Browser::Chromium.path()?;
    debian("mesa-vulkan-drivers", "the GPU kernels run on its software GPU", software_gpu)?;
    node_packages()?;
    check::lint()?;
    let rust = check::rust_tests(true)?;
    sizes::gate(&build::build()?)?;
    let summary = e2e(Browser::Chromium, &[])?;
    println!("Rust: {} passed, {} failed, {} ignored. End to end: {summary}", rust.passed, rust.failed, rust.ignored);
    Ok(())
}

/// Only the end-to-end tests, in one browser; `files` picks some.
pub fn e2e_alone(browser: Browser, files: &[PathBuf]) -> Result<()> {
    e2e(browser, files).map(drop)
}

/// Runs the end-to-end tests on `dist/`; returns what they counted.
fn e2e(browser: Browser, files: &[PathBuf]) -> Result<String> {
    let root = crate::root();
    if !crate::dist().join("index.html").is_file() {
        bail!("there is no page to test in dist/: build it with `cargo xtask build`");
    }
    let folder = root.join("tests/e2e");
    let mut files: Vec<PathBuf> = files.to_vec();
    if files.is_empty() {
        for entry in fs::read_dir(&folder).context("cannot list tests/e2e")? {
            files.push(entry?.path());
        }
        files.retain(|path| path.to_string_lossy().ends_with(".test.mjs"));
        files.sort();
    }
    let mut node = Command::new("node");
    // One browser at a time: two would share the cores and make every measured time a guess.
    node.args(["--test", "--test-concurrency=1", "--test-reporter=./tests/e2e/harness/reporter.mjs"])
        .args(&files)
        .current_dir(&root);
    prepare_browser(&mut node, browser)?;
    say(&format!("the page in {}", browser.name()));
    let mut summary = None;
    let passed = run_lines(&mut node, |line| {
        if let Some(counted) = line.strip_prefix("End to end: ") {
            summary = Some(counted.to_owned());
        }
    })?;
    match summary {
        Some(summary) if passed => Ok(summary),
        Some(_) => bail!("end-to-end tests failed: pictures and logs of the pages are in tests/artifacts"),
        None => bail!("the end-to-end tests ended without a summary: the message above names the cause"),
    }
}

/// Tells a script of `tests/e2e` where the browser and the server are, and sees to its packages.
pub fn prepare_browser(node: &mut Command, browser: Browser) -> Result<()> {
    node_packages()?;
    node.env("STEPSCOPE_XTASK", std::env::current_exe().context("cannot tell where xtask is")?);
    node.env("BROWSER", browser.name()).env(browser.variable(), browser.path()?);
    Ok(())
}

impl std::str::FromStr for Browser {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|browser| browser.name() == name);
        known.ok_or_else(|| format!("there is no browser '{name}' here; choose chromium or firefox"))
    }
}

/// A browser that the tests drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    /// With its own software GPU.
    Chromium,
    /// With Mesa's, and another engine for everything.
    Firefox,
}

impl Browser {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Chromium, Self::Firefox];

    /// As `--browser` and the harness call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }

    /// The environment variable with its path.
    fn variable(self) -> &'static str {
        match self {
            Self::Chromium => "CHROMIUM",
            Self::Firefox => "FIREFOX",
        }
    }

    /// Where it is; it is installed if it is missing.
    fn path(self) -> Result<PathBuf> {
        let variable = self.variable();
        if let Some(chosen) = std::env::var_os(variable) {
            return Ok(chosen.into());
        }
        let (package, places) = match self {
            Self::Chromium => ("chromium", ["/usr/bin/chromium", "/usr/bin/chromium-browser"]),
            Self::Firefox => ("firefox-esr", ["/usr/bin/firefox-esr", "/usr/bin/firefox"]),
        };
        let find = || places.into_iter().map(PathBuf::from).find(|path| path.is_file());
        debian(package, &format!("the end-to-end tests drive it (or set {variable} to the one you have)"), || {
            find().is_some()
        })?;
        find().with_context(|| {
            format!("the package {package} is installed but {} is missing: set {variable} to the browser", places[0])
        })
    }
}

fn software_gpu() -> bool {
    let Ok(drivers) = fs::read_dir(VULKAN_DRIVERS) else { return false };
    drivers.flatten().any(|driver| driver.file_name().to_string_lossy().starts_with("lvp"))
}

/// Makes sure of a Debian package, by what it brings.
fn debian(package: &str, why: &str, is_here: impl Fn() -> bool) -> Result<()> {
    if is_here() {
        return Ok(());
    }
    let by_hand = format!("install the package {package} ({why}): `sudo apt-get install {package}`");
    if output(Command::new("apt-get").arg("--version")).is_none() {
        bail!("{package} is missing and this is not a Debian system: install it your system's way ({why})");
    }
    if output(Command::new("id").arg("-u")).as_deref() != Some("0") {
        bail!("{package} is missing and only root can install it: {by_hand}");
    }
    say(&format!("installing the Debian package {package}: {why}"));
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(&mut apt(&["update", "-qq"]), "check the network")?;
    run(&mut apt(&["install", "-y", "-qq", "--no-install-recommends", package]), &by_hand)?;
    if !is_here() {
        bail!("the package {package} is installed but does not bring what is needed: {by_hand}");
    }
    Ok(())
}

/// Installs the npm packages of `tests/`, if they are not those of the lock file.
fn node_packages() -> Result<()> {
    let version = output(Command::new("node").arg("--version")).unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE_MIN) {
        bail!("the end-to-end tests need Node {NODE_MIN} or newer, found '{version}': install it from your system");
    }
    let folder = crate::root().join("tests");
    let stamp = folder.join("node_modules/.lock-installed");
    let lock = fs::read_to_string(folder.join("package-lock.json")).context("cannot read tests/package-lock.json")?;
    if fs::read_to_string(&stamp).ok().as_deref() == Some(&lock) {
        return Ok(());
    }
    say("installing the npm packages of tests/: playwright-core drives the browser");
    let cache: &Path = &crate::root().join("target/npm");
    run(
        Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--cache"]).arg(cache).current_dir(&folder),
        "check the network, and that npm is installed",
    )?;
    fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}
