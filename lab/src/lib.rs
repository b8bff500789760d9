//! The steps lab: how many sampling steps a prompt, a model and a device need, answered with evidence.
//!
//! Pure functions over numbers and settings: no web, no tensors, no clock, no files. The page and `stepscope sweep` call
//! the same code, so their recommendations and their CSV are the same.

mod axis;
mod budget;
pub mod log;
mod metrics;
mod recommend;
