//! Whole conversations, as programs of Go hold them and as they shouldn't.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

mod flaw;
mod foreign;
mod golden;
mod hostile;
mod mutated;
mod original;
mod raw;
mod round_trips;
mod splits;
mod talk;
