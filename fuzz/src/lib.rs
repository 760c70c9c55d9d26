//! What the targets share: how a fuzzer's bytes become a run of one connection, and what must hold
//! in it.
//!
//! A run has one side of a connection, its owner and a clock that stands still unless it is moved.
//! The other side is the fuzzer: it sends any bytes, in any pieces, and in between what a peer that
//! knows the wire would send, so that it gets far.

pub mod credentials;
pub mod hello;
pub mod hub;
pub mod memory;
pub mod plugin;
pub mod tape;
pub mod wire;

mod clock;
