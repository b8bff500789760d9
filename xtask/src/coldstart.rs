//! `cargo xtask coldstart`: a first visit over a simulated 4G link, in figures.

use crate::{build, process::run, sizes, test};
use anyhow::Result;
use std::process::Command;

/// Builds the page, opens it once over the slow link, and prints times and transfer sizes.
pub fn coldstart(no_build: bool) -> Result<()> {
    let dist = if no_build { crate::dist() } else { build::build()? };
    sizes::print(&dist)?;
    let mut node = Command::new("node");
    node.arg("tests/e2e/coldstart.mjs").current_dir(crate::root());
    test::prepare_browser(&mut node, test::Browser::Chromium)?;
    run(&mut node, "the message above names the cause; `cargo xtask e2e` tells more")
}
