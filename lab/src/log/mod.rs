//! What was run: records, what changed between two of them, and what they are exported as.
