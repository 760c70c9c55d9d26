//! What every test runs in: alone, with a guard against hanging, and a look at what it leaves.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use peak_alloc::PeakAlloc;
use tokio::runtime::Handle;

/// Counts what is allocated by the whole process.
#[global_allocator]
pub static MEMORY: PeakAlloc = PeakAlloc;

/// How long anything may take before the test is said to hang. Generous: a slow machine is not a
/// fault.
const GUARD: Duration = Duration::from_mins(2);

/// Held by the test that runs: descriptors, memory and panics belong to the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// Panics since the test began, of whatever thread or task.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Runs a test, and fails if it leaves tasks or descriptors behind, or anything panicked.
pub fn scenario(test: impl Future<Output = ()>) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    count_panics();
    PANICS.store(0, Ordering::SeqCst);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let before = Usage::now();
            let guard = GUARD * u32::try_from(scaled(5)).unwrap();
            tokio::time::timeout(guard, test).await.expect("the test hangs");
            eventually("tasks and descriptors are back at the baseline", || {
                Usage::now().is_within(before)
            })
            .await;
        });
    }));
    // A test that fails may leave handlers that block.
    runtime.shutdown_timeout(Duration::from_secs(5));
    if let Err(failure) = outcome {
        resume_unwind(failure);
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "something panicked");
}

/// What a test may not leave behind.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub tasks: usize,
    pub files: usize,
}

impl Usage {
    /// The tasks of this runtime and the descriptors of this process.
    pub fn now() -> Self {
        Self {
            tasks: Handle::current().metrics().num_alive_tasks(),
            files: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        }
    }

    pub fn is_within(self, baseline: Self) -> bool {
        self.tasks <= baseline.tasks && self.files <= baseline.files
    }
}

/// The result; fails if it hangs.
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let Ok(output) = tokio::time::timeout(GUARD, future).await else {
        panic!("{what}: took more than {GUARD:?}; now {:?}", Usage::now());
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

/// A count, made higher by `BRPC_FAULTS_SCALE`.
pub fn scaled(count: usize) -> usize {
    let scale = std::env::var("BRPC_FAULTS_SCALE").map_or(1, |scale| scale.parse().unwrap());
    count * scale
}

fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            report(panic);
        }));
    });
}
