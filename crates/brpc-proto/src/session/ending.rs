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

use brpc_core::{CallError, DisconnectReason, ProtocolError};

use super::{Events, Session};
use crate::buffer::WriteBuffer;
use crate::codec::Codec;
use crate::event::{Event, Tally};
use crate::message::{CallId, DrainCause, Farewell, Message, kind};
use crate::role::Role;

/// A session that takes no new calls of this side, or none of the other.
#[derive(Debug)]
pub(crate) enum Ending {
    /// This side wants the other to leave.
    Draining {
        /// Why.
        cause: DrainCause,
        /// When it is cut off.
        until: Option<Instant>,
        /// The trace id of the request, until it is sent.
        to_send: Option<String>,
    },
    /// The other side leaves when what it runs has ended.
    PeerLeaves,
    /// This side leaves when what it runs has ended.
    Leaving {
        /// Calls above this id are not started; `None` while the other is still to be told.
        told: Option<CallId>,
    },
    /// The other side wants this one to leave.
    Asked,
}

impl Ending {
    /// What a call of this side is told that comes too late.
    pub(crate) fn refusal(&self) -> CallError {
        match self {
            Self::Draining { cause: DrainCause::Shutdown, .. } => CallError::ShuttingDown,
            _ => CallError::Draining,
        }
    }

    /// When the other side is cut off.
    pub(crate) fn until(&self) -> Option<Instant> {
        match self {
            Self::Draining { until, .. } => *until,
            _ => None,
        }
    }

    /// Whether the other side is still to be told.
    pub(crate) fn is_unsaid(&self) -> bool {
        matches!(self, Self::Draining { to_send: Some(_), .. } | Self::Leaving { told: None })
    }
}

impl<T> Session<T> {
    /// Takes no more calls, lets those that are sent finish, and asks the peer to leave.
    pub(crate) fn drain(
        &mut self,
        cause: DrainCause,
        trace: &str,
        until: Option<Instant>,
        events: &mut Events<T>,
    ) {
        if let Some(Ending::Draining { until: earlier, .. }) = &mut self.ending {
            *earlier = [*earlier, until].into_iter().flatten().min();
            return;
        }
        let ending = Ending::Draining { cause, until, to_send: Some(trace.to_owned()) };
        self.calling.refuse_waiting(&ending.refusal(), events);
        self.ending = Some(ending);
    }

    /// Takes no more calls of the peer, and says goodbye when those that run have ended.
    pub(crate) fn leave(&mut self) {
        if self.ending.is_none() {
            self.ending = Some(Ending::Leaving { told: None });
        }
    }

    /// Ends the session: every caller that still waits is told the reason.
    pub(crate) fn close(&mut self, reason: DisconnectReason, events: &mut Events<T>) -> Tally {
        let cut = self.calling.abandon(reason, self.terms.generation, events);
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
            // Of one that was asked to leave and has answered all calls, that it has left.
            Some(Ending::Draining { to_send: None, .. }) if self.calls().len() == 0 => {
                Some(self.reason_of(Farewell::Done))
            }
            // Of one that wanted this side to leave, that it waits no longer.
            Some(Ending::Asked) => Some(DisconnectReason::Clean),
            _ => None,
        }
    }

    /// Whether nothing runs here any more, and only the goodbye is to follow what is to be sent.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.ending, Some(Ending::Leaving { told: Some(_) } | Ending::Asked))
            && self.serving.running() == 0
    }

    /// Whether a goodbye is due.
    pub(super) fn is_done(&self) -> bool {
        self.is_leaving() && self.outbox.is_empty()
    }

    /// The reason, if the peer's grace is over.
    pub(super) fn overstayed(&mut self, now: Instant) -> Option<DisconnectReason> {
        let Some(Ending::Draining { cause, until: Some(until), .. }) = self.ending else {
            return None;
        };
        (until <= now).then(|| {
            self.tally.overstayed = true;
            match cause {
                DrainCause::Unplug => DisconnectReason::Unplugged,
                DrainCause::Shutdown => DisconnectReason::ShutdownForced,
            }
        })
    }

    /// Takes in that the peer wants this side to leave.
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

    /// Takes in that the peer leaves, and starts no call above this id.
    pub(super) fn handle_leave(
        &mut self,
        last_id: CallId,
        events: &mut Events<T>,
    ) -> Result<(), ProtocolError> {
        if std::mem::replace(&mut self.has_peer_left, true) {
            return Err(ProtocolError::UnexpectedFrame { kind: kind::LEAVE });
        }
        self.calling.refuse_not_started(last_id, events);
        // One that was asked to leave is still waited for as long as it was given.
        if self.ending.is_none() {
            self.ending = Some(Ending::PeerLeaves);
        }
        Ok(())
    }

    /// What the peer's goodbye means, considering what it was asked.
    pub(super) fn reason_of(&self, farewell: Farewell) -> DisconnectReason {
        match (farewell, &self.ending) {
            (Farewell::Protocol | Farewell::TooSlow, _) => DisconnectReason::Rejected,
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

    /// Says that this side leaves, if that is still to be said.
    pub(super) fn say_leave(&mut self, codec: &mut dyn Codec, out: &mut WriteBuffer) {
        if let Some(Ending::Leaving { told: told @ None }) = &mut self.ending {
            let last_id = self.serving.last_id();
            codec.encode(&Message::Leave { last_id }, out);
            *told = Some(last_id);
        }
    }

    /// Asks the peer to leave, if that is still to be said.
    pub(super) fn say_drain(&mut self, codec: &mut dyn Codec, out: &mut WriteBuffer, now: Instant) {
        if let Some(Ending::Draining { cause, until, to_send }) = &mut self.ending
            && let Some(trace) = to_send.take()
        {
            let grace = until.map_or(Duration::MAX, |until| until.saturating_duration_since(now));
            codec.encode(&Message::Drain { cause: *cause, grace, trace }, out);
        }
    }
}
