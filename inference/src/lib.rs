//! The engine: Stable Diffusion from a prompt to pixels, on the CPU (candle) or a GPU (wgpu), in a browser or natively.

pub mod error;
pub mod exec;
pub mod graph;
pub mod rng;
pub mod schedulers;
pub mod tokenizer;

pub use error::{Error, Result};
