//! Latencies, recorded by many tasks at once.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Records latencies. Each thread has a histogram of its own, so that recording neither waits for
/// another thread nor takes 100 KiB for each of 1,000 callers.
#[derive(Debug)]
pub(crate) struct Recorder {
    shards: Vec<Shard>,
}

/// One thread's. Alone in its cache lines.
#[derive(Debug)]
#[repr(align(128))]
struct Shard(Mutex<Histogram<u64>>);

/// Microseconds below which a share of the calls stayed.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        // The threads of the runtime, and some beside them.
        let threads = std::thread::available_parallelism().map_or(1, usize::from) + 2;
        Self { shards: (0..threads).map(|_| Shard(Mutex::new(histogram()))).collect() }
    }

    pub(crate) fn record(&self, latency: Duration) {
        self.with_own(|histogram| histogram.saturating_record(nanoseconds(latency)));
    }

    /// How many were recorded.
    pub(crate) fn len(&self) -> u64 {
        let shards = self.shards.iter();
        shards.map(|shard| shard.0.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Takes all that was recorded.
    pub(crate) fn take(&self) -> Histogram<u64> {
        let mut all = histogram();
        for shard in &self.shards {
            let mut own = shard.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.add(&*own).expect("all histograms have the same bounds");
            own.reset();
        }
        all
    }

    fn with_own(&self, change: impl FnOnce(&mut Histogram<u64>)) {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local!(static OWN: usize = THREADS.fetch_add(1, Ordering::Relaxed));
        let own = OWN.with(|own| own % self.shards.len());
        change(&mut self.shards[own].0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Latency {
    pub(crate) fn new(histogram: &Histogram<u64>) -> Self {
        let below = |share| microseconds(histogram.value_at_quantile(share));
        Self {
            p50: below(0.5),
            p90: below(0.9),
            p99: below(0.99),
            p999: below(0.999),
            max: microseconds(histogram.max()),
        }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p90, p99, p999, max } = self;
        write!(f, "{p50:.1} µs, 90 % {p90:.1}, 99 % {p99:.1}, 99.9 % {p999:.1}, most {max:.1}")
    }
}

/// An empty one, for 16 ns to 100 s at a thousandth.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(16, 100_000_000_000, 3).expect("the bounds are sound")
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^53 ns")]
fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_record_together() {
        let recorder = Recorder::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| recorder.record(Duration::from_micros(10)));
            }
        });
        recorder.record(Duration::from_secs(1_000));
        assert_eq!(recorder.len(), 9);

        let taken = recorder.take();
        assert_eq!((taken.len(), recorder.len()), (9, 0));
        let latency = Latency::new(&taken);
        assert!((latency.p50 - 10.0).abs() < 0.1 && latency.max > 90e6, "{latency:?}");
    }
}
