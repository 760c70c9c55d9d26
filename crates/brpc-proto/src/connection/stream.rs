//! The stream of bytes below a connection, and its pace.

use std::time::Instant;

use brpc_core::{DisconnectReason, Limits};
use bytes::BytesMut;

use super::End;
use super::pace::Pace;

/// The stream of bytes below a connection.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Whether the rest of a message keeps arriving.
    incoming: Pace,
    /// Whether the peer keeps reading what was sent.
    outgoing: Pace,
    /// Bytes of an incomplete message.
    leftover: usize,
    /// Whether input is left undecoded because there is no room for its messages: on a wire without
    /// credit, or without a limit of calls, not reading is the only backpressure.
    pub(crate) is_held: bool,
}

impl Stream {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            incoming: Pace::new(limits.stall_window),
            outgoing: Pace::new(limits.stall_window),
            leftover: 0,
            is_held: false,
        }
    }

    /// Notes what is left of the input after all whole messages were consumed.
    pub(crate) fn note_input(&mut self, input: &BytesMut, took_message: bool, now: Instant) {
        if took_message {
            self.incoming.moved(0, false, now);
        }
        let more = input.len().saturating_sub(self.leftover) as u64;
        self.leftover = input.len();
        // Nothing is due from a peer that is held back.
        self.incoming.moved(more, self.leftover > 0 && !self.is_held, now);
    }

    /// Notes how many bytes the transport took.
    pub(crate) fn note_output(&mut self, bytes: usize, more: bool, now: Instant) {
        self.outgoing.moved(bytes as u64, more, now);
    }

    /// The reason that an end of the transport stands for.
    pub(crate) fn reason_of(&self, end: End) -> DisconnectReason {
        match end {
            End::Failed => DisconnectReason::Reset,
            End::Eof if self.leftover > 0 => DisconnectReason::MidFrame,
            End::Eof => DisconnectReason::Unclean,
        }
    }

    /// Whether the peer is too slow, in either direction.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<DisconnectReason> {
        if self.outgoing.is_stalled(now) {
            return Some(DisconnectReason::SlowConsumer);
        }
        self.incoming.is_stalled(now).then_some(DisconnectReason::SlowSender)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [self.outgoing.timeout(), self.incoming.timeout()].into_iter().flatten().min()
    }
}
