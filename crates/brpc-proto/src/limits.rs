//! Limits on what a peer may make this side hold or wait for, beside the [configurable
//! ones](brpc_core::Limits). Each has a number and its reason.

use std::time::Duration;

/// The deepest nesting of a method's schemas. Types nest a few levels; bombs nest thousands.
pub const MAX_SCHEMA_DEPTH: usize = 32;

/// The most values in all schemas of a plugin: 128 a method, or a hundred methods with records of
/// dozens of fields. A hub that decodes all of them at once builds some MiB.
pub const MAX_SCHEMA_NODES: usize = 131_072;

/// The largest frame of a connection before the hub accepts the plugin's `Hello`, in bytes.
pub const MAX_HELLO: usize = 4 * 1024;

/// The most extensions of a Hello or a Welcome. One is defined.
pub const MAX_EXTENSIONS: usize = 64;

/// The longest token of a plugin, in bytes: more than any token that is signed. Half of a `Hello`, so
/// that the rest fits too.
pub const MAX_TOKEN: usize = MAX_HELLO / 2;

/// How many bytes of input a connection may hold in its handshake without asking its owner: a frame
/// of [`MAX_HELLO`], and what is around it.
pub const FREE_INPUT: usize = MAX_HELLO + 1024;

/// The most earlier connections of which a plugin says which calls have arrived over them: of those
/// since calls last went on. So many are lost one after the other only on a link that is of no use.
pub const MAX_SEEN: usize = 64;

/// The most calls in one `Resume`; together with [`MAX_SEEN`] it fits the smallest frame.
pub const MAX_RECALLED: usize = 512;

/// The most calls that a hub lets a plugin name in all its `Resume`s. A plugin names each call once,
/// and keeps few more than it may have in flight.
pub const MAX_ALL_RECALLED: usize = 1 << 20;

/// The most calls of a plugin that may wait for it to come back. A hub gives them the ids up to this
/// one on the next connection, so that they are sent before new calls, whose ids are higher.
pub const MAX_SUSPENDED: u64 = 1 << 20;

/// How many strikes are tolerated in one session: second answers, frames of an unknown kind that
/// may be skipped. Enough for a peer with a flaw, too few for a hostile peer.
pub const MAX_STRIKES: u32 = 16;

/// The longest text of a goodbye or a refusal, in bytes.
pub const MAX_GOODBYE_TEXT: usize = 256;

/// How many bytes of frames the transport gets at a time.
///
/// A call beyond them is unsent and can still be taken back, so a peer that doesn't read leaves few
/// calls whose fate is unknown. The system's buffers, some MiB, hide more calls than this. With
/// less, each large frame would need its own write and wake-up.
pub const MAX_TRANSMIT: usize = 256 * 1024;

/// The size from which payloads are slices of their own and not copied behind their header.
///
/// Below it, copying costs less than one more slice in a vectored write.
pub const OWN_SLICE: usize = 4 * 1024;

/// The lowest rate of a peer while bytes are due, over more than a
/// [`stall_window`](brpc_core::Limits::stall_window), in bytes a second.
///
/// A fixed time for each frame would cut an honest 64 kbit/s link, on which 1 MiB takes 131 s.
pub const MIN_RATE: u64 = 1024;

/// How many heartbeats a peer may send at once: more than an honest one has unread when it was
/// stopped for hours.
pub const HEARTBEAT_BURST: u32 = 4_096;

/// How many heartbeats a second a peer may send in the long run: one has a use for one a second, and
/// for some that somebody waits for.
pub const HEARTBEAT_RATE: u32 = 10;

/// How long a plugin that leaves by itself may stay when no caller waits for it any more: long
/// enough for its last handlers and events, on most links; and its name is free then.
pub const LEAVE: Duration = Duration::from_mins(1);

/// How many bytes of input a driver may hold of a registered peer that is held back: in most cases
/// enough to notice that it is gone.
pub const HELD_INPUT: usize = 1 << 20;

/// How many calls, answers or events a connection keeps room for while little happens.
pub const IDLE_PLACES: usize = 32;

/// How many bytes of capacity a connection keeps in each of its buffers while little happens.
pub const IDLE_BYTES: usize = 4 * 1024;
