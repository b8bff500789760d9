//! The engine's one error type. Every variant names the thing that is wrong; [`Error::failure`] adds the remedy and is
//! what crosses the wall to the page.

use protocol::{Failure, FailureKind};

/// Result of anything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong in the engine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of a model folder is not there.
    #[error("{path} is missing{}", detail(.reason))]
    Missing {
        /// Relative to the model folder.
        path: String,
        /// What the source said, if anything.
        reason: String,
    },
    /// A file could not be fetched or read.
    #[error("{path} could not be read: {reason}")]
    Read {
        /// Relative to the model folder.
        path: String,
        /// What the source said.
        reason: String,
    },
    /// A file's content makes no sense.
    #[error("{path} is broken: {reason}")]
    Broken {
        /// Relative to the model folder.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A config asks for something that the engine does not have.
    #[error("{path}: {key} = {value} is not supported{}", detail(.reason))]
    Unsupported {
        /// Which config.
        path: String,
        /// Which key.
        key: String,
        /// What it says.
        value: String,
        /// What would be supported.
        reason: String,
    },
    /// A scheduler refused its config or step count.
    #[error("{0}")]
    Scheduler(String),
    /// The request does not fit the model.
    #[error("{0}")]
    Request(#[from] protocol::FieldError),
    /// There is no usable GPU.
    #[error("{0}")]
    NoGpu(String),
    /// f16 was asked for where it cannot be had: of an adapter that lacks it, or for numbers that do not fit.
    #[error("{0}")]
    Precision(String),
    /// An allocation on the device failed.
    #[error("out of memory: {0}")]
    OutOfMemory(String),
    /// The device went away in the middle of something.
    #[error("the graphics device was lost: {0}")]
    DeviceLost(String),
    /// candle refused an operation.
    #[error("internal: {0}")]
    Candle(#[from] candle_core::Error),
    /// A fault of ours.
    #[error("internal: {0}")]
    Internal(String),
    /// The user asked to stop; not a failure.
    #[error("cancelled")]
    Cancelled,
}

fn detail(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

impl Error {
    /// A broken file.
    pub fn broken(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Broken { path: path.into(), reason: reason.into() }
    }

    /// What can be done about it, in one sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "Check that the folder is complete and in the diffusers layout, then try again.",
            Self::Read { .. } => "Check the connection or the disk, then try again.",
            Self::Broken { .. } => "Get the file again: the download was cut short or the copy is damaged.",
            Self::Unsupported { .. } => "Use a Stable Diffusion checkpoint in the diffusers layout.",
            Self::Scheduler(_) => "Choose another scheduler or step count.",
            Self::Request(_) => "Change the value and try again.",
            Self::NoGpu(_) => "Use the CPU engine, or a browser and device with WebGPU.",
            Self::Precision(_) => "Use f32 precision.",
            Self::OutOfMemory(_) => "Choose a smaller picture or model, or close other tabs that use the GPU.",
            Self::DeviceLost(_) => "Try again; if it happens repeatedly, use the CPU engine.",
            Self::Candle(_) | Self::Internal(_) => "This is a fault in Stepscope; please report it.",
            Self::Cancelled => "",
        }
    }

    /// The error as the page gets it.
    pub fn failure(&self) -> Failure {
        let kind = match self {
            Self::Missing { .. } | Self::Read { .. } => FailureKind::Network,
            Self::Broken { .. } | Self::Unsupported { .. } => FailureKind::BadModel,
            Self::Scheduler(_) | Self::Request(_) | Self::Precision(_) => FailureKind::BadRequest,
            Self::NoGpu(_) => FailureKind::NoGpu,
            Self::OutOfMemory(_) => FailureKind::OutOfMemory,
            Self::DeviceLost(_) => FailureKind::DeviceLost,
            Self::Candle(_) | Self::Internal(_) | Self::Cancelled => FailureKind::Bug,
        };
        Failure { kind, message: self.to_string(), hint: self.hint().to_owned() }
    }
}
