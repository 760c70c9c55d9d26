//! One connection from its first byte to its last: framing, handshake, session and goodbye in one
//! state machine a side.
//!
//! Bytes, commands and the time go in; bytes, events and the next timer come out. The owner
//! - puts what it read into [`handle_input`](Connection::handle_input), which takes off whole
//!   frames and leaves the rest; and does so again with the rest after it answered an event that
//!   the handshake waits for, since more may have come with it;
//! - asks for events until there are none, after every call of a `handle_*` method or a command;
//! - asks for bytes with [`poll_transmit`](Connection::poll_transmit) whenever all earlier ones are
//!   written, and reports what the transport took;
//! - calls [`handle_timeout`](Connection::handle_timeout) at the time that
//!   [`poll_timeout`](Connection::poll_timeout) names;
//! - closes the transport when [`is_closed`](Connection::is_closed) and the last bytes are written.

mod hub;
mod plugin;
mod stream;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::BytesMut;

pub use hub::HubConnection;
pub use plugin::PluginConnection;

use crate::DisconnectReason;
use crate::session::{Farewell, Handed};
use crate::wire::WriteBuffer;

/// What drives a connection, whichever side it is of.
pub trait Connection {
    /// What it tells its owner.
    type Event;

    /// What is handed to it while it may be at work.
    type Intake: Default;

    /// Says how much may be handed in.
    fn offer(&self, intake: &mut Self::Intake);

    /// How much was handed in and is still there.
    fn handed(intake: &Self::Intake) -> Handed;

    /// Takes what was handed in away, for [`handle_handed`](Self::handle_handed), which is to come
    /// before anything else. This one is quick, because others wait for the intake meanwhile.
    fn take_over(&mut self, intake: &mut Self::Intake);

    /// Deals with what was taken over. It is sent at once as far as there is room in `out`: as by
    /// [`poll_transmit`](Self::poll_transmit), which is to come before, and with the same `out`.
    fn handle_handed(&mut self, out: Option<&mut WriteBuffer>, now: Instant);

    /// Gives back room that a connection on which little happens doesn't need. Only while there is
    /// nothing in the intake.
    fn free_room(&mut self, intake: &mut Self::Intake);

    /// Takes whole frames off the input.
    fn handle_input(&mut self, input: &mut BytesMut, now: Instant);

    /// Whether input is taken in. If not, little more is to be read until it is again, so that the
    /// peer is held back by the transport; input that is there is still to be offered.
    fn takes_input(&self) -> bool;

    /// The transport is about to end, and input was not taken in: takes in what of it can't be
    /// missed.
    fn handle_rest(&mut self, input: &mut BytesMut, now: Instant);

    /// The transport has ended.
    fn handle_end(&mut self, end: End, now: Instant);

    /// Does what is due. What the transport has is to be read before it is called again: a peer that
    /// seems too slow is given a second look, since it may be this side that was.
    fn handle_timeout(&mut self, now: Instant);

    /// The transport took `bytes`, and `more` are still to be written.
    fn handle_written(&mut self, bytes: usize, more: bool, now: Instant);

    /// Appends bytes to be written, if any are ready. They count as sent, and the transport is to
    /// take them soon.
    fn poll_transmit(&mut self, out: &mut WriteBuffer, now: Instant);

    /// Whether [`poll_transmit`](Self::poll_transmit) would give something.
    fn wants_transmit(&self) -> bool;

    /// About how many bytes [`poll_transmit`](Self::poll_transmit) could give.
    fn transmit_size(&self) -> usize;

    /// Whether at most one call is in progress, and no event is to be sent.
    fn is_quiet(&self) -> bool;

    /// Whether the owner is to be told something.
    fn has_events(&self) -> bool;

    /// Whether what the owner is told makes it likely that it gives something to be sent: an answer,
    /// whose caller may make the next call, or a call, which is to be answered.
    fn invites(_event: &Self::Event) -> bool {
        true
    }

    /// Everything that the owner is to be told, in exchange for an empty queue.
    fn swap_events(&mut self, events: &mut VecDeque<Self::Event>);

    /// When to call [`handle_timeout`](Self::handle_timeout) next, if nothing else happens.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Whether the connection is over. What [`poll_transmit`](Self::poll_transmit) still gives is a
    /// goodbye.
    fn is_closed(&self) -> bool;
}

/// How a transport ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum End {
    /// The peer sends no more.
    Eof,
    /// It failed.
    Failed,
}

/// What the peer is told of a breach or a stall of its own; nothing if it is gone already.
fn farewell(reason: DisconnectReason) -> Option<Farewell> {
    match reason {
        DisconnectReason::Protocol(_) => Some(Farewell::Protocol),
        DisconnectReason::SlowConsumer | DisconnectReason::SlowSender => Some(Farewell::TooSlow),
        _ => None,
    }
}

/// Gives back the room of a queue of things to tell, if it is empty and has held many.
fn free_queue<T>(events: &mut VecDeque<T>) {
    /// How many places any connection keeps.
    const KEPT: usize = 32;
    if events.is_empty() && events.capacity() > KEPT {
        *events = VecDeque::new();
    }
}
