//! What a peer may make this side hold or wait for, beside the [limits](brpc_core::Limits) that can be
//! chosen. Each has a number and its reason.

/// The deepest nesting of a method's schemas. Types nest a few levels; bombs nest thousands.
pub const MAX_SCHEMA_DEPTH: usize = 32;

/// The most values in all schemas of a plugin: 16 a method.
pub const MAX_SCHEMA_NODES: usize = 16_384;

/// The largest frame of a connection before the plugin's `Hello` was accepted, in bytes.
pub const MAX_HELLO: usize = 4 * 1024;

/// Odd frames that are tolerated in one session: answers given twice, frames of a kind to come.
/// Enough for a peer with a flaw, too few for a peer with a plan.
pub const MAX_STRIKES: u32 = 16;

/// The longest text of a goodbye or a refusal, in bytes.
pub const MAX_GOODBYE_TEXT: usize = 256;

/// How many bytes of frames are handed to the transport at a time.
///
/// A call beyond them is not yet sent and can still be taken back, so a peer that doesn't read
/// leaves few calls whose fate is unknown. Buffers of the system, some MiB, hide more than this; and
/// with less, each large frame takes a write and a wake-up of its own.
pub const MAX_TRANSMIT: usize = 256 * 1024;

/// Payloads from this size on are not copied behind their header but go by as slices of their own.
///
/// Below it, copying costs less than one more slice in a vectored write.
pub const OWN_SLICE: usize = 4 * 1024;

/// How slow a peer may be while bytes are due: averaged over [`stall_window`](brpc_core::Limits::stall_window).
///
/// A fixed time for each frame would cut an honest 64 kbit/s link, on which 1 MiB takes 131 s.
pub const MIN_RATE: u64 = 1024;

/// What a connection on which little happens keeps: room for so many calls, answers or events.
pub const IDLE_PLACES: usize = 32;

/// What a connection on which little happens keeps: so many bytes in each of its buffers.
pub const IDLE_BYTES: usize = 4 * 1024;
