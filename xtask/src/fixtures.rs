//! Makes the goldens under `tests/fixtures` again, with the real `diffusers` in an environment of its own.

use crate::process::{run, say};
use anyhow::{Context, Result};
use std::{fs, process::Command};

/// Runs `tests/fixtures/make.py`.
pub fn fixtures() -> Result<()> {
    let folder = crate::root().join("tests/fixtures");
    let wanted = folder.join("requirements.txt");
    let wanted = fs::read_to_string(&wanted).with_context(|| format!("cannot read {}", wanted.display()))?;
    let environment = crate::root().join("target/fixtures-venv");
    let python = environment.join("bin/python");
    let stamp = environment.join("installed.txt");
    if !python.is_file() {
        say("making a Python environment in target/fixtures-venv: the goldens come from the real diffusers");
        run(
            Command::new("python3").args(["-m", "venv"]).arg(&environment),
            "install Python with venv (Debian: apt-get install python3-venv)",
        )?;
    }
    if fs::read_to_string(&stamp).ok().as_deref() != Some(&wanted) {
        say("installing the pinned Python packages (once, some hundred megabytes)");
        run(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "-r", "requirements.txt"])
                .current_dir(&folder),
            "check the network",
        )?;
        fs::write(&stamp, &wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    }
    run(Command::new(&python).arg("make.py").current_dir(&folder), "the message above names the cause")
}
