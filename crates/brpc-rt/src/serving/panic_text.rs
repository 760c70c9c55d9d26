//! What a hub gets to know of a panic.

use brpc_core::{Answer, Failure, Status};

use crate::random::random_bits;

/// What the hub, and with it the caller, gets to know of a panic. The call fails as
/// [`Panicked`](Status::Panicked) in any case.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PanicText {
    /// Its text.
    #[default]
    Sent,
    /// The random number of an incident, as in `incident 1f0c5a9be2747d36`. The plugin logs an error with
    /// this number and the text.
    Kept,
}

impl PanicText {
    /// The answer as it is sent.
    #[inline]
    pub(super) fn of(self, answer: Answer) -> Answer {
        match answer {
            Err(failure) if self == Self::Kept && failure.status == Status::Panicked => {
                Err(kept(&failure))
            }
            answer => answer,
        }
    }
}

#[cold]
fn kept(failure: &Failure) -> Failure {
    let incident = format!("{:016x}", random_bits());
    let panic = &failure.message;
    // The target is that of the crate which users know.
    tracing::error!(target: "brpc_plugin", incident, ?panic, "a method panicked");
    Failure::new(Status::Panicked, format!("incident {incident}"))
}
