//! `cargo xtask <command>`: everything one does with this project, in one place and without tools of one's own.
//!
//! To add a command, give it a file, a line in `HELP` and an arm in `dispatch`.

mod bench;
mod build;
mod check;
mod coldstart;
mod fixtures;
mod hook;
mod parity;
mod process;
mod serve;
mod sizes;
mod sweeps;
mod test;
mod tools;

use anyhow::{Result, bail};
use std::{env, path::PathBuf, process::ExitCode};

const HELP: &str = "\
cargo xtask <command>

  serve [--port N] [--no-build]   build the page in release and serve it at http://127.0.0.1:8080 (port 0: any free one)
        [--of FOLDER]             serve this built page instead
  build                           build the page into dist/
  check [--build]                 format, clippy (native and wasm), Rust tests, transfer sizes (--build: of a fresh build)
  test                            check with the software GPU required, then the page end to end in Chromium
  e2e [--browser NAME] [FILE …]   only the end-to-end tests, on what lies in dist/, in chromium or firefox
  bench                           measure natively and in a browser, and write BENCHMARKS.md
  coldstart [--no-build]          a first visit over a simulated 4G link: times and transfer sizes
  sweeps                          sweep the embedded model on the CPU and the GPU, and write SWEEPS.md
  fixtures                        make the test goldens again with the real diffusers (Python)
  parity                          compare with the goldens and write the worst differences to PARITY.md
  hook                            what Trunk runs after a build; not for hands
";

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<()> {
    let mut args = lexopt::Parser::from_env();
    let mut command = None;
    let mut files = Vec::new();
    let (mut port, mut no_build, mut build_first) = (8080, false, false);
    let mut folder = None;
    let mut browser = test::Browser::Chromium;
    while let Some(arg) = args.next()? {
        use lexopt::prelude::*;
        match (arg, command.as_deref()) {
            (Long("help") | Short('h'), _) => {
                print!("{HELP}");
                return Ok(());
            }
            (Value(name), None) => command = Some(name.string()?),
            (Value(file), Some("e2e")) => files.push(PathBuf::from(file)),
            (Long("browser"), Some("e2e")) => browser = args.value()?.parse()?,
            (Long("port"), Some("serve")) => port = args.value()?.parse()?,
            (Long("no-build"), Some("serve" | "coldstart")) => no_build = true,
            (Long("of"), Some("serve")) => folder = Some(PathBuf::from(args.value()?)),
            (Long("build"), Some("check")) => build_first = true,
            (other, _) => bail!("{} (`cargo xtask --help` lists the commands)", other.unexpected()),
        }
    }
    match command.as_deref() {
        Some("serve") => serve::serve(port, no_build, folder),
        Some("build") => build::build().map(drop),
        Some("check") => check::check(build_first),
        Some("test") => test::test(),
        Some("e2e") => test::e2e_alone(browser, &files),
        Some("bench") => bench::bench(),
        Some("coldstart") => coldstart::coldstart(no_build),
        Some("sweeps") => sweeps::sweeps(),
        Some("fixtures") => fixtures::fixtures(),
        Some("parity") => parity::parity(),
        Some("hook") => hook::hook(),
        Some(other) => bail!("there is no command '{other}'; `cargo xtask --help` lists them"),
        None => {
            print!("{HELP}");
            Ok(())
        }
    }
}

/// The workspace's root folder.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// The built page.
fn dist() -> PathBuf {
    root().join("dist")
}
