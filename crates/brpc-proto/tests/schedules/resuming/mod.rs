//! Schedules over several connections: calls that outlive a link.
//!
//! A hub and a plugin are connected again and again. A link is cut at any byte, in each direction at
//! another one; a side may notice late, and the hub may still hold an old connection when the plugin
//! is back. Meanwhile calls are made, cancelled, answered, and run out of time.
//!
//! The journal holds: each call is started at most once and ends exactly once; it ends well only with
//! its own answer; and one that ends as never run isn't started. Where nothing is lost on purpose,
//! every resumable call ends well. In the end nothing is kept on either side.

mod calls;
mod coverage;
mod hazards;
mod hub;
mod line;
mod plugin;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use self::coverage::Coverage;
use self::world::World;
use crate::number;
use crate::trace::Trace;

/// Enough to visit every place several times.
const SCHEDULES: u64 = 5_000;

#[test]
fn calls_outlive_links() {
    let start = Instant::now();
    if let Some(seed) = number("BRPC_RESUMING_SEED") {
        let outcome = run(seed, start, true);
        println!("{}", Trace::take().join("\n"));
        return assert!(outcome.is_some(), "seed {seed:#x} fails");
    }
    let count = number("BRPC_SCHEDULES").unwrap_or(SCHEDULES);
    let first = number("BRPC_FIRST_SEED").unwrap_or(0);
    let mut coverage = Coverage::default();
    for seed in first..first + count {
        let Some(visited) = run(seed, start, false) else {
            let _ = run(seed, start, true);
            let lines = Trace::take();
            println!("{}", lines[lines.len().saturating_sub(crate::TRACE)..].join("\n"));
            println!("seed {seed:#x}");
            panic!(
                "seed {seed:#x} fails; in full: BRPC_RESUMING_SEED={seed:#x} \
                 cargo test -p brpc-proto --test schedules resuming -- --nocapture"
            );
        };
        coverage.add(&visited);
    }
    println!("{count} schedules of calls that outlive links in {:.1?}", start.elapsed());
    let unvisited = coverage.print();
    assert!(unvisited.is_empty(), "never visited: {unvisited:?}");
}

/// Runs one seed; nothing if something is not as it must be.
fn run(seed: u64, start: Instant, is_traced: bool) -> Option<Coverage> {
    catch_unwind(AssertUnwindSafe(|| World::new(seed, start, is_traced).run())).ok()
}
