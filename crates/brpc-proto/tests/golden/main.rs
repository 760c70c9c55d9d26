//! Holds the code, `docs/protocol.md` and the vectors in `tests/golden/` to each other.
#![allow(clippy::unwrap_used)] // Fixtures outside of test functions.

mod borders;
mod breaches;
mod conversation;
mod credentials;
mod frames;
mod holding;
mod leaving;
mod numbers;
mod page;
mod pair;
mod resuming;
mod rows;
mod vectors;
mod withdrawing;
