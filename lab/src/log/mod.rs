//! What was run: records, what changed between two of them, and what they are exported as.

mod changes;
mod export;
mod parameters;
mod record;
mod search;
mod snippet;

pub use changes::{Change, changes};
pub use export::{from_json, to_csv, to_json};
pub use parameters::{SAMPLERS, parameters};
pub use record::{Origin, Outcome, RunRecord, VERSION};
pub use search::Search;
pub use snippet::snippet;

/// A record for tests of other modules.
#[cfg(test)]
pub(crate) use record::tests::record as tests_record;
