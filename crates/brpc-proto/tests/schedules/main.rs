//! The property test of a hub and a plugin over a faulty link, with a virtual clock.
//!
//! A seed decides a schedule: limits, 8 calls or more, cancels, deadlines, ways to answer, events,
//! drains, cuts at any byte, delays, halts and mischief. The model follows what is seen on the wire
//! and said to the owners, and panics over what must not be. At the end the table of coverage is
//! printed; a row that was never visited is a failure too.
//!
//! ```text
//! cargo test -p brpc-proto --test schedules                       what every run of the tests does
//! BRPC_SCHEDULES=100000  cargo test --release -p brpc-proto --test schedules -- --nocapture    CI
//! BRPC_SCHEDULES=1000000 cargo test --release -p brpc-proto --test schedules -- --nocapture    long
//! BRPC_FIRST_SEED=123456 …                                       other seeds than those from 0
//! BRPC_SEED=0x2a cargo test -p brpc-proto --test schedules -- --nocapture    one seed, in words
//! ```
//!
//! `tests/mutants.sh` shows that the test catches what it is there for.

mod acts;
mod calls;
mod coverage;
mod endpoint;
mod frames;
mod hub_side;
mod link;
mod model;
mod pair;
mod plugin_side;
mod resuming;
mod rng;
mod rogue;
mod script;
mod trace;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use coverage::Coverage;
use pair::{Pair, Props};
use trace::Trace;

/// Enough to visit every place several times, few enough for a build without optimization.
const SCHEDULES: u64 = 10_000;

/// Lines of the trace that a failure prints.
const TRACE: usize = 60;

#[test]
fn schedules() {
    if let Some(seed) = number("BRPC_SEED") {
        let outcome = run(seed, &Props::new(), true);
        println!("{}", Trace::take().join("\n"));
        return assert!(outcome.is_some(), "seed {seed:#x} fails");
    }
    let count = number("BRPC_SCHEDULES").unwrap_or(SCHEDULES);
    let first = number("BRPC_FIRST_SEED").unwrap_or(0);
    let started = Instant::now();
    let coverage = run_all(first, count);
    println!("{count} schedules in {:.1?}", started.elapsed());
    let unvisited = coverage.print();
    assert!(unvisited.is_empty(), "never visited: {unvisited:?}");
}

/// Runs seeds on all cores. Ends at the first that fails.
fn run_all(first: u64, count: u64) -> Coverage {
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let (coverage, props) = (Mutex::new(Coverage::new()), Props::new());
    std::thread::scope(|scope| {
        let work = || {
            let mut own = Coverage::new();
            while failed.load(Ordering::Relaxed) == u64::MAX {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= count {
                    break;
                }
                match run(first + seed, &props, false) {
                    Some(visited) => own.add(&visited),
                    None => _ = failed.fetch_min(first + seed, Ordering::Relaxed),
                }
            }
            coverage.lock().expect("nobody panics over it").add(&own);
        };
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner();
    if failed != u64::MAX {
        let _ = run(failed, &props, true);
        let lines = Trace::take();
        println!("{}", lines[lines.len().saturating_sub(TRACE)..].join("\n"));
        panic!(
            "seed {failed:#x} fails; in full: \
             BRPC_SEED={failed:#x} cargo test -p brpc-proto --test schedules -- --nocapture"
        );
    }
    coverage.into_inner().expect("nobody panics over it")
}

/// Runs one seed; nothing if something is not as it must be.
fn run(seed: u64, props: &Props, is_traced: bool) -> Option<Coverage> {
    catch_unwind(AssertUnwindSafe(|| Pair::new(seed, props, is_traced).run())).ok()
}

/// A number in the environment.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    Some(parsed.unwrap_or_else(|_| panic!("{variable} is a number, not `{text}`")))
}
