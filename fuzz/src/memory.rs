//! The memory that a connection or a decoder uses.

use std::sync::atomic::{AtomicUsize, Ordering};

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most by which memory has grown in one step, of all so far.
static MOST_GROWN: AtomicUsize = AtomicUsize::new(0);

/// What a step may need beside a frame: room for its messages, and for a connection's tables.
const BESIDE: usize = 64 << 10;

/// Takes a step, such as handling what has arrived, of a side that accepts frames of so many bytes.
/// All that it allocates together is bounded, so each allocation is.
///
/// # Panics
/// If memory grows by more than such a frame and 64 KiB at any moment of the step.
pub fn bounded<T>(max_frame: usize, step: impl FnOnce() -> T) -> T {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = step();
    let grown = MEMORY.peak_usage().saturating_sub(before);
    let most = max_frame + BESIDE;
    assert!(grown <= most, "memory grows by {grown} bytes, and by {most} at most it should");
    // A line for each would be too many.
    if grown > MOST_GROWN.load(Ordering::Relaxed) + 1024 {
        MOST_GROWN.store(grown, Ordering::Relaxed);
        eprintln!("memory grew by {grown} bytes in one step");
    }
    result
}
