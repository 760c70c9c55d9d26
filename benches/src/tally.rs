//! The outcomes of the calls, counted while they run.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::echo::Failure;
use crate::latency::Recorder;

/// Written to by all callers.
#[derive(Debug)]
pub(crate) struct Tally {
    phase: AtomicU8,
    /// Latencies of the calls that count.
    pub(crate) latencies: Recorder,
    /// What counts beside them: events, and calls whose latency is kept elsewhere.
    counted: AtomicU64,
    errors: AtomicU64,
    mismatches: AtomicU64,
    /// The first of the errors, which tells more than their number.
    first_error: Mutex<Option<String>>,
}

const WARMING_UP: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            phase: AtomicU8::new(WARMING_UP),
            latencies: Recorder::new(),
            counted: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            mismatches: AtomicU64::new(0),
            first_error: Mutex::new(None),
        }
    }

    /// Calls count from now on.
    pub(crate) fn start(&self) {
        self.phase.store(MEASURING, Ordering::Relaxed);
    }

    /// Callers are to end.
    pub(crate) fn stop(&self) {
        self.phase.store(OVER, Ordering::Relaxed);
    }

    pub(crate) fn is_measuring(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == MEASURING
    }

    pub(crate) fn is_over(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == OVER
    }

    /// A call got the right answer; it counts if it ended within the measured time.
    pub(crate) fn answered(&self, latency: Duration) {
        if self.is_measuring() {
            self.latencies.record(latency);
        }
    }

    /// The same for operations that have no latency here.
    pub(crate) fn count(&self) {
        if self.is_measuring() {
            self.counted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All that counts so far.
    pub(crate) fn counted(&self) -> u64 {
        self.latencies.len() + self.counted.load(Ordering::Relaxed)
    }

    /// A call failed. Counts at any time: an error in the warm-up is as wrong as any.
    pub(crate) fn failed(&self, failure: Failure) {
        match failure {
            Failure::Mismatch => {
                self.mismatches.fetch_add(1, Ordering::Relaxed);
            }
            Failure::Failed(error) => {
                self.errors.fetch_add(1, Ordering::Relaxed);
                let mut first = self.first_error.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(error);
            }
        }
    }

    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    pub(crate) fn mismatches(&self) -> u64 {
        self.mismatches.load(Ordering::Relaxed)
    }

    pub(crate) fn first_error(&self) -> Option<String> {
        self.first_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
