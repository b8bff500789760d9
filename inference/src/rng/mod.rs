//! Whose random numbers a seed means: torch's CPU generator, or torch's CUDA generator.
//!
//! A seed gives the same picture in another tool only if the noise is the same number by number, so both generators are
//! written out here instead of taken from a crate. [`Generator`] is what a run draws from; [`brownian`] makes the
//! correlated noise of the SDE samplers from either.

pub mod brownian;
mod philox;
mod seed_sequence;
mod torch_cpu;

pub use brownian::Brownian;
pub use philox::Philox;
pub use torch_cpu::TorchCpu;

use protocol::RngKind;

/// A stream of unit normal numbers, started by a seed.
#[derive(Clone, Debug)]
pub enum Generator {
    /// `torch.Generator("cpu")`. Boxed: its state is 2.5 KB, the other's 16 bytes.
    Cpu(Box<TorchCpu>),
    /// `torch.Generator("cuda")`.
    Philox(Philox),
}

impl Generator {
    /// `torch.Generator(device).manual_seed(seed)`. On the CPU the low 32 bits of the seed count, on CUDA all 64.
    pub fn new(kind: RngKind, seed: u64) -> Self {
        match kind {
            RngKind::Cpu => Self::Cpu(Box::new(TorchCpu::new(seed))),
            RngKind::Philox => Self::Philox(Philox::new(seed)),
        }
    }

    /// `torch.randn(n, generator=self)` in float32. What one call returns is not what several shorter ones would.
    pub fn randn(&mut self, n: usize) -> Vec<f32> {
        match self {
            Self::Cpu(generator) => generator.randn(n),
            Self::Philox(generator) => generator.randn(n),
        }
    }
}
