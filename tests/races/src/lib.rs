//! Races of a hub's tasks. Shuttle runs each test many times, and decides at each lock of the project
//! which task goes on; so a test may fail only in one of thousands of schedules.
//!
//! `BRPC_RACES=1000000` sets how many. A failure prints its schedule; `BRPC_RACE='..'` with it replays
//! that schedule alone, with the name of the test.

#![cfg(test)]

mod calls;
mod explore;
mod peer;
mod registration;
mod revoking;
mod takeover;
