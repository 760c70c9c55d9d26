//! A call whose connection was lost, and that may go on over another one.

use std::time::{Duration, Instant};

use brpc_core::{CallErrorKind, DisconnectReason, Stage};

use crate::message::{Call, Continued, Course, Origin, Resumable};

/// A call whose connection was lost, and that may go on over another one.
#[derive(Clone, Debug)]
pub struct Suspension {
    /// Which call. If nothing of it was sent, its origin is of no use to the plugin.
    pub(crate) origin: Origin,
    /// Whether the plugin may have it.
    pub(crate) is_sent: bool,
    /// What is needed to send it again.
    call: Call,
    /// Its deadline, if it has one.
    pub(crate) deadline: Option<Instant>,
    /// How long it may be suspended.
    pub(crate) window: Duration,
    /// Why the connection was lost.
    reason: DisconnectReason,
}

impl Suspension {
    /// Of a call that had this origin on the lost connection, if it was a new call there.
    pub(crate) fn new(
        call: Call,
        origin: Origin,
        deadline: Option<Instant>,
        stage: Stage,
        reason: DisconnectReason,
    ) -> Self {
        let continued = call.continued();
        Self {
            origin: continued.map_or(origin, |continued| continued.origin),
            is_sent: continued.is_some() || stage == Stage::Sent,
            window: call.resumable.as_ref().map_or(Duration::ZERO, |it| it.window),
            call,
            deadline,
            reason,
        }
    }

    /// Which call it is.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        if self.is_sent { Stage::Sent } else { Stage::Queued }
    }

    /// What the call ends in if it can't go on.
    pub fn lost(&self) -> CallErrorKind {
        let generation = self.origin.generation;
        CallErrorKind::Disconnected { stage: self.stage(), reason: self.reason, generation }
    }

    /// What the call ends in when its deadline passes.
    pub(crate) fn late(&self) -> CallErrorKind {
        CallErrorKind::DeadlineExceeded { stage: self.stage() }
    }

    /// Sends a call again that the plugin never received.
    pub(crate) fn anew(self, now: Instant) -> Call {
        self.into_call(Course::Again, now)
    }

    /// Lets the call go on, which the plugin has.
    pub(crate) fn goes_on(mut self, now: Instant) -> Call {
        self.call.payload = bytes::Bytes::new();
        let continued = Continued { origin: self.origin, reason: self.reason };
        self.into_call(Course::GoesOn(continued), now)
    }

    fn into_call(self, course: Course, now: Instant) -> Call {
        let Self { mut call, deadline, window, .. } = self;
        call.timeout = deadline.map(|deadline| deadline.saturating_duration_since(now));
        // It had its place before.
        call.admission = brpc_core::Admission::Wait;
        call.resumable = Some(Box::new(Resumable { window, course }));
        call
    }
}
