//! What every test runs in: a runtime of its own, a guard against hanging, and a look at the tasks
//! that it leaves.

use std::future::Future;
use std::time::Duration;

use peak_alloc::PeakAlloc;
use tokio::runtime::Handle;

/// Counts what is allocated by the whole process.
#[global_allocator]
pub static MEMORY: PeakAlloc = PeakAlloc;

/// How long anything may take before the test is said to hang. Generous: a slow machine is not a
/// fault.
pub const GUARD: Duration = Duration::from_mins(2);

/// Runs a test, and fails if it leaves tasks behind.
pub fn scenario(test: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        within("the test", test).await;
        eventually("all tasks have ended", || Handle::current().metrics().num_alive_tasks() == 0)
            .await;
    });
}

/// What comes of it; fails if it hangs.
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let Ok(output) = tokio::time::timeout(GUARD, future).await else {
        panic!("{what}: took more than {GUARD:?}");
    };
    output
}

/// Returns when it is so; fails if it never is.
pub async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let polling = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(what, polling).await;
}

/// Prints a figure. Begins a line, because the harness has begun one already.
pub fn note(text: &str) {
    println!("\n> {text}");
}

/// How much more memory there was at most, meanwhile, than before.
pub async fn growth(during: impl Future<Output = ()>) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    during.await;
    MEMORY.peak_usage().saturating_sub(before)
}
