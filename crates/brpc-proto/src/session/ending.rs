//! How a session ends.
//!
//! ```text
//!   this side asks the other to leave      Draining ─┐
//!   the other says that it leaves          PeerLeaves├─▶ its calls answered ─▶ its goodbye
//!   this side wants to leave      Leaving ─▶ told   ─┐
//!   the other asks this side to leave          Asked ├─▶ all answered ─▶ this side's goodbye
//!   a breach, the end of the stream, the grace is over ─▶ at once
//! ```

use std::time::{Duration, Instant};

use brpc_core::{CallErrorKind, DisconnectReason, ProtocolError, Side};

use super::{Events, Session};
use crate::buffer::WriteBuffer;
use crate::codec::Codec;
use crate::event::{Event, Tally};
use crate::limits::LEAVE;
use crate::message::{CallId, DrainCause, Farewell, Message, kind};
use crate::role::Role;
use crate::time::earlier;

/// A session that accepts no new calls in one direction.
#[derive(Debug)]
pub(crate) enum Ending {
    /// This side asked the peer to leave.
    Draining {
        /// Why.
        cause: DrainCause,
        /// When the grace period ends.
        until: Option<Instant>,
        /// The trace id of the Drain, until that is sent.
        to_send: Option<String>,
    },
    /// The peer leaves when it has answered its calls.
    PeerLeaves {
        /// When its goodbye is overdue; `None` as long as a caller waits for an answer.
        until: Option<Instant>,
    },
    /// This side leaves when it has answered its calls.
    Leaving {
        /// Calls above this id are not started; `None` until Leave is sent.
        told: Option<CallId>,
    },
    /// The peer asked this side to leave.
    Asked,
}

impl Ending {
    /// The error of a call that this side makes too late.
    pub(crate) fn call_error(&self) -> CallErrorKind {
        match self {
            Self::Draining { cause: DrainCause::Shutdown, .. } => CallErrorKind::ShuttingDown,
            _ => CallErrorKind::Draining,
        }
    }

    /// When the peer's time to leave ends.
    pub(crate) fn until(&self) -> Option<Instant> {
        match self {
            Self::Draining { until, .. } | Self::PeerLeaves { until } => *until,
            _ => None,
        }
    }

    /// Whether a Drain or Leave is still to be sent.
    pub(crate) fn is_unsaid(&self) -> bool {
        matches!(self, Self::Draining { to_send: Some(_), .. } | Self::Leaving { told: None })
    }
}

/// Whether a connection that ends for this reason was lost, and not ended on purpose. The peer that
/// cuts this side off may have found it too slow.
fn is_loss(reason: DisconnectReason) -> bool {
    matches!(
        reason,
        DisconnectReason::Unclean
            | DisconnectReason::Reset
            | DisconnectReason::MidFrame
            | DisconnectReason::SlowConsumer
            | DisconnectReason::SlowSender
            | DisconnectReason::HeartbeatTimeout { .. }
            | DisconnectReason::Rejected
            | DisconnectReason::Replaced
    )
}

impl<T> Session<T> {
    /// Refuses new calls, lets the sent ones finish, and asks the peer to leave.
    pub(crate) fn drain(
        &mut self,
        cause: DrainCause,
        trace: &str,
        until: Option<Instant>,
        events: &mut Events<T>,
    ) {
        if let Some(Ending::Draining { until: before, .. }) = &mut self.ending {
            *before = earlier(*before, until);
            return;
        }
        self.ending = Some(Ending::Draining { cause, until, to_send: Some(trace.to_owned()) });
        // Those that are held back may still get places.
        if !self.calling.calls().is_held() {
            self.refuse_drained(events);
        }
    }

    /// Refuses the calls that wait for a place, if this side drains the other.
    pub(super) fn refuse_drained(&mut self, events: &mut Events<T>) {
        if let Some(ending @ Ending::Draining { .. }) = &self.ending {
            self.calling.refuse_waiting(&ending.call_error(), events);
        }
    }

    /// Notes that the plugin is to return; false if that was said before.
    pub(crate) fn note_return(&mut self) -> bool {
        !std::mem::replace(&mut self.returns, true)
    }

    /// Ignores new calls of the peer, and sends Goodbye when the running ones are answered.
    pub(crate) fn leave(&mut self) {
        if self.ending.is_none() {
            self.ending = Some(Ending::Leaving { told: None });
        }
    }

    /// Whether calls may go on over another connection if this one ends for this reason: it is lost,
    /// and neither side was about to leave.
    pub(crate) fn is_lost(&self, reason: DisconnectReason) -> bool {
        self.resumes() && self.ending.is_none() && is_loss(reason)
    }

    /// Ends the session: settles every pending call with the reason.
    pub(crate) fn close(&mut self, reason: DisconnectReason, events: &mut Events<T>) -> Tally {
        let is_lost = self.is_lost(reason);
        let cut = self.calling.abandon(reason, self.terms.generation, is_lost, events);
        if is_lost && self.role == Role::Plugin {
            events.push_back(Event::Lost(self.serving.last_id()));
        }
        if self.ending.is_some() {
            self.tally.cut += cut;
        }
        self.tally
    }

    /// What the end of the stream means on a wire without goodbyes.
    pub(crate) fn reason_of_silence(&self) -> Option<DisconnectReason> {
        if self.traits.has_goodbye {
            return None;
        }
        match self.ending {
            // The peer was asked to leave and has answered all calls: it has left.
            Some(Ending::Draining { to_send: None, .. }) if self.calls().len() == 0 => {
                Some(self.reason_of(Farewell::Done))
            }
            // The peer asked this side to leave, and waits no longer.
            Some(Ending::Asked) => Some(DisconnectReason::Clean),
            _ => None,
        }
    }

    /// Whether this side leaves and runs no more calls, so that only Goodbye follows the unsent
    /// frames.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.ending, Some(Ending::Leaving { told: Some(_) } | Ending::Asked))
            && self.serving.running() == 0
    }

    /// Whether a Drain, Leave or goodbye is due.
    pub(super) fn wants_to_say(&self, ending: &Ending) -> bool {
        (ending.is_unsaid() && self.recalling.is_none()) || self.is_done()
    }

    /// Whether a goodbye is due.
    pub(super) fn is_done(&self) -> bool {
        self.is_leaving() && self.outbox.is_empty()
    }

    /// The reason, if the peer's time to leave is over.
    pub(super) fn overstayed(&mut self, now: Instant) -> Option<DisconnectReason> {
        let ending = self.ending.as_ref()?;
        if ending.until().is_none_or(|until| until > now) {
            return None;
        }
        self.tally.overstayed = true;
        Some(match ending {
            Ending::Draining { cause: DrainCause::Unplug, .. } => DisconnectReason::Unplugged,
            Ending::Draining { cause: DrainCause::Shutdown, .. } => {
                DisconnectReason::ShutdownForced
            }
            _ => DisconnectReason::SlowSender,
        })
    }

    /// Limits how long a peer that leaves, and owes no caller an answer, may take for the rest.
    /// Called after whatever may settle calls.
    pub(super) fn await_goodbye(&mut self, now: Instant) {
        if let Some(Ending::PeerLeaves { until: until @ None }) = &mut self.ending
            && self.calling.is_awaited_by_nobody()
        {
            *until = Some(now + LEAVE);
        }
    }

    /// Handles a Drain: the peer asks this side to leave.
    pub(super) fn handle_drain(
        &mut self,
        cause: DrainCause,
        trace: String,
        events: &mut Events<T>,
    ) -> Result<(), ProtocolError> {
        if matches!(self.ending, Some(Ending::Asked)) {
            return Err(ProtocolError::UnexpectedFrame { kind: kind::DRAIN });
        }
        self.ending = Some(Ending::Asked);
        events.push_back(Event::Drain(cause, trace));
        Ok(())
    }

    /// Handles a Leave: the peer leaves, and starts no call above this id.
    pub(super) fn handle_leave(
        &mut self,
        last_id: CallId,
        events: &mut Events<T>,
    ) -> Result<(), ProtocolError> {
        if std::mem::replace(&mut self.has_peer_left, true) {
            return Err(ProtocolError::UnexpectedFrame { kind: kind::LEAVE });
        }
        self.calling.refuse_not_started(last_id, events);
        // A peer that was asked to leave keeps its grace period.
        if self.ending.is_none() {
            self.ending = Some(Ending::PeerLeaves { until: None });
        }
        Ok(())
    }

    /// The reason that the peer's Goodbye gives, depending on how the session was ending.
    pub(super) fn reason_of(&self, farewell: Farewell) -> DisconnectReason {
        match (farewell, &self.ending) {
            (Farewell::Protocol | Farewell::TooSlow | Farewell::Unresponsive, _) => {
                DisconnectReason::Rejected
            }
            (Farewell::Silent(silent), _) => {
                DisconnectReason::HeartbeatTimeout { side: Side::This, silent }
            }
            (Farewell::Replaced, _) if self.role == Role::Plugin => DisconnectReason::Replaced,
            (Farewell::Revoked, _) if self.role == Role::Plugin => DisconnectReason::Revoked,
            (_, Some(Ending::Draining { cause: DrainCause::Unplug, .. })) => {
                DisconnectReason::Unplugged
            }
            (_, Some(Ending::Draining { cause: DrainCause::Shutdown, .. })) => {
                DisconnectReason::Shutdown
            }
            (Farewell::Unplugged, _) if self.role == Role::Plugin => DisconnectReason::Unplugged,
            (Farewell::ShuttingDown, _) if self.role == Role::Plugin => {
                DisconnectReason::ShutdownForced
            }
            _ => DisconnectReason::Clean,
        }
    }

    /// Sends Leave, if it is due: not before the hub has named all calls that go on, which are to be
    /// answered.
    pub(super) fn say_leave(&mut self, codec: &mut dyn Codec, out: &mut WriteBuffer) {
        if self.recalling.is_some() {
            return;
        }
        if let Some(Ending::Leaving { told: told @ None }) = &mut self.ending {
            let last_id = self.serving.last_id();
            codec.encode(&Message::Leave { last_id }, out);
            *told = Some(last_id);
        }
    }

    /// Sends Drain, if it is due.
    pub(super) fn say_drain(&mut self, codec: &mut dyn Codec, out: &mut WriteBuffer, now: Instant) {
        if let Some(Ending::Draining { cause, until, to_send }) = &mut self.ending
            && let Some(trace) = to_send.take()
        {
            let grace = until.map_or(Duration::MAX, |until| until.saturating_duration_since(now));
            codec.encode(&Message::Drain { cause: *cause, grace, trace }, out);
        }
    }
}
