//! The stream of bytes below a connection, and its pace.

use std::time::{Duration, Instant};

use brpc_core::{DisconnectReason, Limits, ProtocolError};
use bytes::BytesMut;

use super::End;
use super::heartbeat::{Found, Heartbeat};
use super::pace::Pace;
use crate::message::{Beat, Message};
use crate::role::Role;
use crate::time::earlier;

/// The stream of bytes below a connection.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Whether the rest of a message keeps arriving.
    incoming: Pace,
    /// Whether the peer keeps reading what was sent.
    outgoing: Pace,
    /// Bytes of an incomplete message.
    leftover: usize,
    /// The shortest window of the outgoing pace.
    stall_window: Duration,
    /// Whether input is left undecoded because there is no room for its messages: on a wire without
    /// credit, or without a limit of calls, not reading is the only backpressure.
    pub(crate) is_held: bool,
    /// Bytes of the peer's stream that were taken.
    received: u64,
    /// Bytes of this side's stream that the transport took.
    written: u64,
    /// How many of these the peer says it has taken.
    taken: u64,
    /// The heartbeats, if both sides have them; boxed, since connections in their handshake should
    /// cost little.
    pub(crate) heartbeat: Option<Box<Heartbeat>>,
}

impl Stream {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            incoming: Pace::in_steps(limits.stall_window),
            outgoing: Pace::in_steps(limits.stall_window),
            leftover: 0,
            stall_window: limits.stall_window,
            is_held: false,
            received: 0,
            written: 0,
            taken: 0,
            heartbeat: None,
        }
    }

    /// Begins to send heartbeats, and to expect them. In them the peer says what it takes, so its
    /// system can't hide that for longer than the time from one to the next.
    pub(crate) fn begin_heartbeats(&mut self, role: Role, interval: Duration, now: Instant) {
        self.outgoing.make_steady(self.stall_window.max(2 * interval));
        self.heartbeat = Some(Heartbeat::new(role, interval, now).into());
    }

    /// Notes how much input there is before messages are consumed.
    pub(crate) fn note_arrived(&mut self, input: &BytesMut) {
        self.received += input.len().saturating_sub(self.leftover) as u64;
    }

    /// Notes what is left of the input after all whole messages were consumed. True if the owner
    /// waits for a sign of life, and this is one.
    #[inline]
    pub(crate) fn note_input(
        &mut self,
        input: &BytesMut,
        took_message: bool,
        now: Instant,
    ) -> bool {
        if took_message {
            self.incoming.moved(0, false, now);
        }
        let more = input.len().saturating_sub(self.leftover) as u64;
        self.leftover = input.len();
        // Nothing is due from a peer that is held back.
        self.incoming.moved(more, self.leftover > 0 && !self.is_held, now);
        let heartbeat = self.heartbeat.as_mut();
        heartbeat.is_some_and(|heartbeat| heartbeat.note_input(more, took_message, now))
    }

    /// Notes how many bytes the transport took.
    pub(crate) fn note_output(&mut self, bytes: usize, more: bool, now: Instant) {
        self.written += bytes as u64;
        self.outgoing.moved(bytes as u64, more, now);
    }

    /// Whether a message is one of the heartbeats that were agreed on.
    #[inline]
    pub(crate) fn is_beat(&self, message: &Message) -> bool {
        matches!(message, Message::Ping(_) | Message::Pong(_)) && self.heartbeat.is_some()
    }

    /// Handles a heartbeat. True if the peer is stuck now and was not before, or the other way.
    pub(crate) fn handle(
        &mut self,
        message: &Message,
        now: Instant,
    ) -> Result<bool, ProtocolError> {
        let (Some(heartbeat), Message::Ping(beat) | Message::Pong(beat)) =
            (&mut self.heartbeat, message)
        else {
            return Ok(false);
        };
        match message {
            Message::Ping(_) => heartbeat.handle_ping(beat, now)?,
            _ => heartbeat.handle_pong(beat, now)?,
        }
        let has_changed = heartbeat.note_peer_stuck(beat);
        self.note_taken(beat, now);
        Ok(has_changed)
    }

    /// For how long the peer passes nothing on, as it said last; `None` if it does.
    pub(crate) fn peer_stuck(&self) -> Option<Duration> {
        let stuck = self.heartbeat.as_ref()?.peer_stuck();
        (!stuck.is_zero()).then_some(stuck)
    }

    /// Notes what the peer has taken. It can't have taken more than was sent.
    fn note_taken(&mut self, beat: &Beat, now: Instant) {
        let taken = beat.received.min(self.written);
        self.outgoing.earn(taken.saturating_sub(self.taken), now);
        self.taken = self.taken.max(taken);
    }

    /// Notes that something is sent.
    pub(crate) fn note_sent(&mut self, now: Instant) {
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.note_sent(now);
        }
    }

    /// Whether a heartbeat is to be sent.
    pub(crate) fn wants_transmit(&self) -> bool {
        self.heartbeat.as_ref().is_some_and(|heartbeat| heartbeat.is_due())
    }

    /// The heartbeats that are to be sent now.
    pub(crate) fn transmit(&mut self, now: Instant) -> [Option<Message>; 2] {
        let received = self.received;
        self.heartbeat
            .as_mut()
            .map(|heartbeat| heartbeat.transmit(received, now))
            .unwrap_or_default()
    }

    /// The reason that an end of the transport stands for.
    pub(crate) fn reason_of(&self, end: End) -> DisconnectReason {
        match end {
            End::Failed => DisconnectReason::Reset,
            End::Eof if self.leftover > 0 => DisconnectReason::MidFrame,
            End::Eof => DisconnectReason::Unclean,
        }
    }

    /// Whether the peer is silent, or too slow in either direction.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<DisconnectReason> {
        let received = self.received;
        let heartbeat = self.heartbeat.as_mut();
        match heartbeat.map_or(Found::Nothing, |it| it.handle_timeout(received, now)) {
            Found::Nothing => {}
            Found::OwnStall => {
                self.outgoing.forgive(now);
                self.incoming.forgive(now);
            }
            Found::Silence(reason) => return Some(reason),
        }
        if self.outgoing.is_stalled(now) {
            return Some(DisconnectReason::SlowConsumer);
        }
        self.incoming.is_stalled(now).then_some(DisconnectReason::SlowSender)
    }

    #[inline]
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let look = self.heartbeat.as_ref().map(|heartbeat| heartbeat.poll_timeout());
        earlier(earlier(self.outgoing.timeout(), self.incoming.timeout()), look)
    }
}
