//! One connection of a hub and a plugin: both sides, and the bytes between them.

use std::time::Instant;

use brpc_core::Limits;
use brpc_proto::limits::MAX_SUSPENDED;
use brpc_proto::{Connection, End, Wires, WriteBuffer};
use bytes::{Buf, BytesMut};

use crate::rng::Rng;

/// One direction of a link.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Under way.
    bytes: BytesMut,
    /// Arrived, and not taken yet.
    input: BytesMut,
    /// Nothing more gets in.
    is_cut: bool,
}

impl Lane {
    /// What is sent from here on is lost, and some of what is under way.
    fn cut(&mut self, rng: &mut Rng) {
        if !std::mem::replace(&mut self.is_cut, true) {
            let kept = rng.range(0, self.bytes.len());
            self.bytes.truncate(kept);
        }
    }

    /// Whether nothing arrives any more.
    fn is_over(&self) -> bool {
        self.is_cut && self.bytes.is_empty()
    }
}

/// One side of a connection.
#[derive(Debug)]
pub(crate) struct Side<T> {
    pub(crate) connection: Connection<T>,
    has_ended: bool,
    /// Whether it notices a cut by itself.
    notices: bool,
}

impl<T> Side<T> {
    pub(crate) fn new(connection: Connection<T>) -> Self {
        Self { connection, has_ended: false, notices: true }
    }

    /// Writes what is ready.
    fn write(&mut self, lane: &mut Lane, now: Instant) {
        if self.has_ended {
            return;
        }
        let mut out = WriteBuffer::new();
        self.connection.poll_transmit(&mut out, now);
        let count = out.remaining();
        let bytes = out.copy_to_bytes(count);
        if !lane.is_cut {
            lane.bytes.extend_from_slice(&bytes);
        }
        self.connection.handle_written(count, false, now);
    }

    /// Reads some of what is under way; in the end, the end.
    fn read(&mut self, lane: &mut Lane, most: usize, now: Instant) {
        let count = most.min(lane.bytes.len());
        lane.input.extend_from_slice(&lane.bytes.split_to(count));
        self.connection.handle_input(&mut lane.input, now);
        if lane.is_over() && self.notices {
            self.end();
        }
    }

    /// Notices the end of the transport.
    pub(crate) fn end(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.connection.handle_end(End::Failed);
        }
    }
}

/// A connection, from both sides.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what has happened so far")]
pub(crate) struct Line {
    pub(crate) generation: u64,
    pub(crate) hub: Side<usize>,
    pub(crate) plugin: Side<()>,
    to_hub: Lane,
    to_plugin: Lane,
    /// Whether the other instance is at the plugin's end.
    pub(crate) is_of_other: bool,
    /// The id of the last call that was submitted.
    pub(crate) last_id: u64,
    /// The same of those that were suspended, which have lower ones.
    pub(crate) last_ahead: u64,
    /// Whether the plugin was welcomed.
    pub(crate) is_welcomed: bool,
    /// Whether the plugin knows that it is welcomed.
    pub(crate) has_joined: bool,
    /// Whether it was lost, as the plugin said.
    pub(crate) was_lost: bool,
}

impl Line {
    pub(crate) fn new(
        generation: u64,
        hub: Connection<usize>,
        plugin: Connection<()>,
        is_of_other: bool,
    ) -> Self {
        Self {
            generation,
            hub: Side::new(hub),
            plugin: Side::new(plugin),
            to_hub: Lane::default(),
            to_plugin: Lane::default(),
            is_of_other,
            // The plugin's first connection need not keep any free.
            last_id: if generation == 1 { 0 } else { MAX_SUSPENDED },
            last_ahead: 0,
            is_welcomed: false,
            has_joined: false,
            was_lost: false,
        }
    }

    /// The hub's process has ended: nothing is left of its side.
    pub(crate) fn abandon_hub(&mut self, limits: &Limits, now: Instant) {
        self.to_hub.is_cut = true;
        self.to_hub.bytes.clear();
        self.to_hub.input.clear();
        self.to_plugin.is_cut = true;
        let mut connection = Connection::accepted(limits.clone(), Wires::default(), now);
        connection.handle_end(End::Failed);
        self.hub = Side { connection, has_ended: true, notices: true };
        self.is_welcomed = false;
    }

    /// Cuts both directions, each at another byte. A side may not notice.
    pub(crate) fn cut(&mut self, rng: &mut Rng) {
        self.to_hub.cut(rng);
        self.to_plugin.cut(rng);
        self.hub.notices = !rng.one_in(3);
        self.plugin.notices = !rng.one_in(3);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.to_hub.is_cut
    }

    pub(crate) fn step_hub(&mut self, most: usize, now: Instant) {
        self.hub.read(&mut self.to_hub, most, now);
        self.hub.write(&mut self.to_plugin, now);
        if self.hub.connection.is_closed() {
            // The transport is closed behind the last bytes.
            self.to_plugin.is_cut = true;
        }
    }

    pub(crate) fn step_plugin(&mut self, most: usize, now: Instant) {
        self.plugin.read(&mut self.to_plugin, most, now);
        self.plugin.write(&mut self.to_hub, now);
        if self.plugin.connection.is_closed() {
            self.to_hub.is_cut = true;
        }
    }
}
