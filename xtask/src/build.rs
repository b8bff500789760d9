//! Builds the page: tools, sources, then Trunk with the `web` profile. Trunk calls [`crate::hook`] at the end.

use crate::{
    process::{cargo, run},
    tools,
};
use anyhow::Result;
use std::{path::PathBuf, process::Command};

/// Builds in release; returns the folder that holds the finished page.
pub fn build() -> Result<PathBuf> {
    tools::ensure()?;
    // Trunk builds offline, so that it never downloads tools of its own; the crates must be here before.
    run(&mut cargo(["fetch", "--locked"]), "check the network; if Cargo.lock is out of date run `cargo update -w`")?;
    let mut trunk = Command::new("trunk");
    trunk
        .args(["build", "--release"])
        .current_dir(crate::root())
        .env("PATH", tools::path()?)
        // Exported flags would replace the ones of .cargo/config.toml, and with them SIMD.
        .env_remove("RUSTFLAGS")
        // Trunk refuses the usual value "1".
        .env_remove("NO_COLOR");
    run(&mut trunk, "the message above names the cause")?;
    Ok(crate::dist())
}
