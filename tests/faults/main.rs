//! Faults and load, with real processes and sockets.
//!
//! Each test leaves tasks, file descriptors and threads' panics as it found them; see `scenario`.
//! `BRPC_FAULTS_SCALE=10` makes the counts ten times as high, `BRPC_FAULTS_SEED=7` changes what is
//! random.

#![allow(unreachable_pub)] // Methods of plugins are `pub` to be exposed.
#![allow(clippy::unwrap_used)] // All of this is tests.

mod call_and_drop;
mod churn;
mod crash;
mod files;
mod ghosts;
mod good;
mod hostile_handshake;
mod hostile_hub;
mod hostile_payload;
mod hostile_session;
mod hostile_silence;
mod load;
mod memory;
mod overload;
mod process;
mod python;
mod random;
mod raw;
mod scenario;
mod silent;
mod slow;
mod stall;
mod storm;
mod worker;
