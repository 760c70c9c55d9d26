//! Whole hubs and plugins, as users build them, in virtual time: links are cut at any byte, delayed,
//! or silent in one direction; hubs end and others take their place; a second plugin wants a name; and
//! the process itself stands still. Then all is well again, and all must be as before.
//!
//! `BRPC_STORMS=1000` sets how many storms there are; each is some minutes of virtual time. A failure
//! prints its seed; `BRPC_STORM=7` repeats what happens in that one. The plugins' back-off is random
//! all the same, so it may take a few attempts.

#![allow(unreachable_pub)] // Methods of plugins are `pub` to be exposed.
#![allow(clippy::unwrap_used)] // All of this is tests.

mod random;
mod storm;
mod wire;

#[test]
fn each_call_ends_once_and_in_truth_whatever_happens_and_then_all_are_back() {
    let number = |name: &str| std::env::var(name).ok().map(|it| it.parse::<u64>().unwrap());
    let seeds = match number("BRPC_STORM") {
        Some(seed) => seed..seed + 1,
        None => 0..number("BRPC_STORMS").unwrap_or(40),
    };
    for seed in seeds {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        let storm = || runtime.block_on(storm::run(seed));
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(storm)) {
            eprintln!("seed {seed}: BRPC_STORM={seed} cargo test --test simulation");
            std::panic::resume_unwind(panic);
        }
    }
}
