//! What the lab has to know about each sampler: how fast its error falls with the number of steps, and whether it falls
//! at all. The one place for both.

use protocol::{GenerateRequest, SchedulerKind};

/// How a sampler answers to more steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traits {
    /// Order of convergence `p` on a schedule whose ends stay where they are: the error falls like `N^-p` once N is
    /// large enough.
    pub order: f64,
    /// The same where the last noise level above 0 becomes smaller with every step more: the jump from there to 0 is of
    /// first order, and some solvers have nothing better for it.
    pub order_of_moving_end: f64,
    /// Whether fresh noise makes the picture change with N by design.
    pub noise: Noise,
}

/// Where a sampler's noise comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// It draws none: a seed's pictures converge.
    Never,
    /// It draws some only where eta is above 0.
    WithEta,
    /// It draws at every step, one number after the other: another N is another picture.
    Always,
    /// It follows one Brownian path a seed. The path's ends move with the schedule, so this counts as by design too.
    Path,
}

/// The table. Multistep samplers of nominal order 4 start with lower orders, and that start keeps their order over the
/// whole run near 2: the smaller number makes the larger, more careful error estimate.
pub const fn traits(kind: SchedulerKind) -> Traits {
    use SchedulerKind::*;
    let (order, order_of_moving_end, noise) = match kind {
        Euler => (1.0, 1.0, Noise::Never),
        Ddim | Tcd => (1.0, 1.0, Noise::WithEta),
        DpmPp2M | DpmPp2MKarras | UniPc => (2.0, 1.0, Noise::Never),
        Heun | Dpm2 | Deis | Lms | Pndm => (2.0, 2.0, Noise::Never),
        EulerA | Dpm2A | DpmPp2MSde | Lcm => (1.0, 1.0, Noise::Always),
        DpmPpSde => (1.0, 1.0, Noise::Path),
    };
    Traits { order, order_of_moving_end, noise }
}

/// Whether a picture of this run changes with the number of steps by design, however many there are.
pub fn is_stochastic(request: &GenerateRequest) -> bool {
    match traits(request.scheduler).noise {
        Noise::Never => false,
        Noise::WithEta => request.eta.is_some_and(|eta| eta > 0.0),
        Noise::Always | Noise::Path => true,
    }
}
