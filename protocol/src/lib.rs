//! The wall between the page and the engine's worker: plain serde types, no behaviour beyond parsing.
//!
//! The page owns the user; the worker owns the model. They share nothing but these messages, so either side can be
//! replaced, restarted or tested alone. Every message travels as `{ message, pixels? }`: the message through
//! serde-wasm-bindgen, the pixels as one transferred `ArrayBuffer` (never copied, never serialised).

mod catalog;
mod message;
mod model_info;
mod options;
mod request;
mod terms;

pub use catalog::{SchedulerKind, UnknownScheduler};
pub use message::{
    Cut, Deliver, EngineChoice, EngineKind, EngineReport, Failure, FailureKind, FromWorker, Plan, StepReport, ToWorker,
    View,
};
pub use model_info::{
    Defaults, FileEntry, MODEL_CACHE, ModelInfo, PreviewFactors, ResolvedDefaults, SizeRule, StepscopeJson,
    model_cache_key,
};
pub use options::{InitImage, RngKind, Timesteps, parse_eta, parse_guidance_stop, parse_strength};
pub use request::{
    FieldError, GUIDANCE_MAX, GUIDANCE_MIN, GenerateRequest, STEPS_MAX, STEPS_MIN, parse_guidance, parse_seed,
    parse_size, parse_steps,
};
pub use terms::{EvalTerms, UpdateTerms};

/// Raised whenever a message changes shape. The page refuses a worker of another version (a cached file of an older
/// build) with a clear notice instead of misreading it.
pub const PROTOCOL_VERSION: u32 = 4;
