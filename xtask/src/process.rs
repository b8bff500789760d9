//! Running other programs: says what is run, and turns a failure into one line with a remedy.

use anyhow::{Context, Result, bail};
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

/// A cargo command in the workspace's root.
pub fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    // cargo tells its children which one it is.
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(crate::root());
    command
}

/// Runs a program to its end; it shares our terminal.
pub fn run(command: &mut Command, remedy: &str) -> Result<()> {
    announce(command);
    let status = command.status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("`{}` failed ({status}): {remedy}", line(command));
    }
    Ok(())
}

/// Runs a program to its end, hands each line of its standard output to `each` and passes the line on.
///
/// Returns whether it succeeded: the caller has something to say before a failure ends everything.
pub fn run_lines(command: &mut Command, mut each: impl FnMut(&str)) -> Result<bool> {
    announce(command);
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| cannot_start(command))?;
    if let Some(stdout) = child.stdout.take() {
        for text in BufReader::new(stdout).lines() {
            let text = text.with_context(|| format!("cannot read what `{}` prints", line(command)))?;
            each(&text);
            writeln!(std::io::stdout(), "{text}")?;
        }
    }
    Ok(child.wait().with_context(|| cannot_start(command))?.success())
}

/// What a program prints, trimmed; `None` if it is missing or fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Says what happens next, and why it takes time.
pub fn say(text: &str) {
    eprintln!("» {text}");
}

fn announce(command: &Command) {
    eprintln!("$ {}", line(command));
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`; is it installed and on the PATH?", command.get_program().to_string_lossy())
}

/// The command as one would type it, without the path of the program.
fn line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
