//! What all benchmarks share: how much is done, with which messages, and what runs it.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

/// How many calls, events, frames or plugins every benchmark counts the instructions of.
pub(crate) const OPERATIONS: usize = 64;

/// What inputs, outputs and events are.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Message {
    /// A message with so many bytes of data.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { id: 7, name: "message".into(), data: "x".repeat(bytes) }
    }
}

/// How the operations of a benchmark follow each other, and what each carries.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// How many are in flight at the same time.
    pub(crate) in_flight: usize,
    /// Bytes of data in each message.
    pub(crate) bytes: usize,
}

impl Load {
    /// One after the other.
    pub(crate) const fn one(bytes: usize) -> Self {
        Self { in_flight: 1, bytes }
    }

    /// All at once.
    pub(crate) const fn many(bytes: usize) -> Self {
        Self { in_flight: OPERATIONS, bytes }
    }

    /// How many times so many are in flight.
    pub(crate) fn rounds(self) -> usize {
        OPERATIONS / self.in_flight
    }

    /// Does all operations.
    pub(crate) async fn run<F: Future>(self, operation: impl Fn() -> F) {
        for _ in 0..self.rounds() {
            if self.in_flight == 1 {
                operation().await;
            } else {
                let mut all: FuturesUnordered<F> =
                    (0..self.in_flight).map(|_| operation()).collect();
                while all.next().await.is_some() {}
            }
        }
    }
}

/// One thread and a clock that stands still.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}
