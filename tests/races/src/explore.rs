//! Runs a scenario under many schedules.

use std::sync::Arc;
use std::time::Duration;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, MaxSteps, Runner};
use tokio::runtime::Runtime;

/// A test of so many tasks is rarely about more than so many decisions.
const DECISIONS: usize = 5;

/// Runs a scenario as often as `BRPC_RACES` says, half of them with any decisions, and half with few.
///
/// No time passes unless the scenario says so. So if a wake is lost, nothing goes on, which shuttle
/// reports as a deadlock.
pub fn explore(scenario: impl Fn(&Clock) + Send + Sync + 'static) {
    // One for all schedules, since tasks may outlive their scenario. Tasks of all threads find it,
    // since shuttle runs them all on one.
    let clock = Clock::new();
    // Never dropped: its tasks may still hold wakers of a schedule that has failed.
    let entered = std::mem::ManuallyDrop::new(clock.clone());
    let _entered = entered.0.enter();
    let scenario = Arc::new(move || {
        scenario(&clock);
        clock.tidy_up();
        parking_lot::rest();
    });
    if let Ok(schedule) = std::env::var("BRPC_RACE") {
        return shuttle::replay(move || scenario(), &schedule);
    }
    let count = std::env::var("BRPC_RACES").map_or(5_000, |count| count.parse().unwrap());
    let mut config = Config::new();
    config.stack_size = 256 * 1024;
    config.max_steps = MaxSteps::FailAfter(100_000);
    let run = scenario.clone();
    Runner::new(RandomScheduler::new(count / 2), config.clone()).run(move || run());
    Runner::new(PctScheduler::new(DECISIONS, count / 2), config).run(move || scenario());
}

/// The time of a scenario.
#[derive(Clone)]
pub struct Clock(Arc<Runtime>);

impl Clock {
    fn new() -> Self {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        Self(Arc::new(builder.enable_time().start_paused(true).build().unwrap()))
    }

    /// Ends the runtime's own tasks that are over.
    fn tidy_up(&self) {
        self.0.block_on(tokio::task::yield_now());
    }

    /// Lets so much time pass.
    pub fn advance(&self, time: Duration) {
        self.0.block_on(tokio::time::advance(time));
    }
}
