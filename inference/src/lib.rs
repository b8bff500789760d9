//! The engine: Stable Diffusion from a prompt to pixels, on the CPU (candle) or a GPU (wgpu), in a browser or natively.
//!
//! One request walks through the modules in this order: [`tokenizer`] and [`prompt_weights`] (prompt to ids), [`models`] and [`graph`] (configs
//! to graphs), [`exec`] (graphs on a device), [`weights`] (files to that device), [`rng`] (seed to noise),
//! [`schedulers`] (steps to arithmetic), [`pipeline`] (the step loop), [`image`] (numbers to pixels).

pub mod error;
pub mod exec;
pub mod graph;
pub mod image;
pub mod model;
pub mod models;
pub mod pipeline;
pub mod prompt_weights;
pub mod rng;
pub mod schedulers;
pub mod tokenizer;
pub mod weights;

pub use error::{Error, Result};

pub mod selftest;

#[cfg(target_arch = "wasm32")]
mod worker;

#[cfg(target_arch = "wasm32")]
pub use worker::start as start_worker;
