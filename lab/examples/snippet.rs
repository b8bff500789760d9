//! Reads one `GenerateRequest` as JSON from standard input and prints its `diffusers` program, as the log shows it.
//!
//! `tests/fixtures/run_snippets.py` runs such programs.

use lab::log::{RunRecord, VERSION, snippet};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let request: protocol::GenerateRequest = serde_json::from_reader(std::io::stdin())?;
    let record = RunRecord {
        version: VERSION,
        id: RunRecord::key(0, 0),
        created_ms: 0,
        origin: Default::default(),
        outcome: Default::default(),
        model: request.model.clone(),
        revision: String::new(),
        device: String::new(),
        steps: request.num_inference_steps,
        evaluations: 0,
        ms: [0.0; 3],
        last_change: None,
        notes: String::new(),
        starred: false,
        request,
    };
    print!("{}", snippet(&record));
    Ok(())
}
