//! `stepscope`: the same engine natively, for parity tests, benchmarks and scripts. In a browser build it is empty.

#[cfg(not(target_arch = "wasm32"))]
mod bench;
#[cfg(not(target_arch = "wasm32"))]
mod cli;
#[cfg(not(target_arch = "wasm32"))]
mod generate;
#[cfg(not(target_arch = "wasm32"))]
mod inspect;
#[cfg(not(target_arch = "wasm32"))]
mod sweep;
mod trace;

#[cfg(target_arch = "wasm32")]
fn main() {}

/// Exit codes: 0 success, 2 bad arguments, 1 failure with one line that names the cause and the remedy.
#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    use clap::Parser;
    let result = match cli::Cli::parse().command {
        cli::Command::Generate(args) => generate::run(&args),
        cli::Command::Sweep(args) => sweep::run(&args),
        cli::Command::Inspect(args) => inspect::run(&args),
        cli::Command::Bench(args) => bench::run(&args),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        // Who cancelled knows, and the command has said what is kept.
        Err(inference::Error::Cancelled) => std::process::ExitCode::FAILURE,
        Err(error) => {
            let what = error.to_string();
            eprintln!("stepscope: {}. {}", what.trim_end_matches('.'), error.hint());
            std::process::ExitCode::from(if matches!(error, inference::Error::Request(_)) { 2 } else { 1 })
        }
    }
}
