//! The steps lab: how many sampling steps a prompt, a model and a device need, answered with evidence.
//!
//! Pure functions over numbers and settings: no web, no tensors, no clock, no files. The page and `stepscope sweep` call
//! the same code, so their recommendations and their CSV are the same.
//!
//! The way through: [`axis`] reads what people type, [`grid`] lists the runs, [`metrics`] says how far two results are
//! from each other, [`recommend`] finds the smallest number of steps that is enough, [`budget`] what fits into a number
//! of seconds, [`table`] writes it all down.

pub mod axis;
pub mod budget;
mod error;
pub mod grid;
pub mod log;
pub mod metrics;
pub mod png_info;
pub mod recommend;
pub mod samplers;
mod stats;
pub mod table;

pub use error::LabError;
