//! The samplers that can be asked for: their command-line names and the labels that users of other tools know.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

macro_rules! schedulers {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $label:literal;)*) => {
        /// A sampler by the name that links and the command line use. The meaning of each is that of the
        /// `diffusers` class built by `from_config` from the model's own scheduler config.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum SchedulerKind {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl SchedulerKind {
            /// Every sampler, in the order in which a list shows them.
            pub const ALL: &[SchedulerKind] = &[$(SchedulerKind::$variant,)*];

            /// The stable name: `dpmpp-2m-karras`.
            pub const fn name(self) -> &'static str {
                match self { $(SchedulerKind::$variant => $name,)* }
            }

            /// The name that people know: `DPM++ 2M Karras`.
            pub const fn label(self) -> &'static str {
                match self { $(SchedulerKind::$variant => $label,)* }
            }
        }
    };
}

schedulers! {
    /// `EulerDiscreteScheduler`.
    Euler = "euler", "Euler";
    /// `EulerAncestralDiscreteScheduler`; draws noise at every step.
    EulerA = "euler-a", "Euler a";
    /// `DDIMScheduler`.
    Ddim = "ddim", "DDIM";
    /// `DPMSolverMultistepScheduler`, order 2, midpoint.
    DpmPp2M = "dpmpp-2m", "DPM++ 2M";
    /// The same with `use_karras_sigmas`.
    DpmPp2MKarras = "dpmpp-2m-karras", "DPM++ 2M Karras";
    /// `HeunDiscreteScheduler`; two model calls a step.
    Heun = "heun", "Heun";
    /// `PNDMScheduler`; one model call more than steps (9 more where a config asks for the Runge-Kutta start).
    Pndm = "pndm", "PNDM (PLMS)";
    /// `LMSDiscreteScheduler`, order 4.
    Lms = "lms", "LMS";
    /// `KDPM2DiscreteScheduler`; two model calls a step.
    Dpm2 = "dpm2", "DPM2";
    /// `KDPM2AncestralDiscreteScheduler`; two model calls a step, draws noise.
    Dpm2A = "dpm2-a", "DPM2 a";
    /// `DPMSolverMultistepScheduler` with `sde-dpmsolver++`; draws noise at every step.
    DpmPp2MSde = "dpmpp-2m-sde", "DPM++ 2M SDE";
    /// `DPMSolverSDEScheduler`; two model calls a step, noise from a Brownian path with a seed of its own.
    DpmPpSde = "dpmpp-sde", "DPM++ SDE";
    /// `UniPCMultistepScheduler`, order 2.
    UniPc = "unipc", "UniPC";
    /// `DEISMultistepScheduler`, order 2.
    Deis = "deis", "DEIS";
    /// `LCMScheduler`, for distilled models.
    Lcm = "lcm", "LCM";
    /// `TCDScheduler`, for distilled models.
    Tcd = "tcd", "TCD";
}

impl SchedulerKind {
    /// Model evaluations that `num_inference_steps` steps from pure noise take, whatever the guidance: two a step for
    /// the samplers that look ahead, but one in the last; PNDM looks twice at its second timestep.
    ///
    /// A run that starts from a picture takes fewer, and PNDM takes more where a model's config asks for its Runge-Kutta
    /// start: the plan of the run has the number.
    pub const fn evaluations(self, num_inference_steps: u32) -> u32 {
        let n = num_inference_steps;
        match self {
            Self::Heun | Self::Dpm2 | Self::Dpm2A | Self::DpmPpSde => (2 * n).saturating_sub(1),
            Self::Pndm if n > 1 => n + 1,
            _ => n,
        }
    }
}

impl fmt::Display for SchedulerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no sampler has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scheduler '{0}'; choose one of: {list}", list = SchedulerKind::ALL.iter().map(|k| k.name()).collect::<Vec<_>>().join(", "))]
pub struct UnknownScheduler(pub String);

impl FromStr for SchedulerKind {
    type Err = UnknownScheduler;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = text.trim().to_ascii_lowercase();
        Self::ALL.iter().copied().find(|kind| kind.name() == wanted).ok_or_else(|| UnknownScheduler(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_are_distinct() {
        for (i, kind) in SchedulerKind::ALL.iter().enumerate() {
            assert_eq!(kind.name().parse(), Ok(*kind));
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.name()));
            assert!(SchedulerKind::ALL[..i].iter().all(|other| other.label() != kind.label()));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = "eular".parse::<SchedulerKind>().unwrap_err().to_string();
        assert!(message.contains("'eular'") && message.contains("euler-a"), "{message}");
    }
}
