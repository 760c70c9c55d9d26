//! What may happen in a schedule, beside cuts.

use std::time::Duration;

use brpc_core::Limits;

use crate::rng::Rng;

/// What may happen in a schedule, beside cuts.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a list of what may happen and what not")]
pub(crate) struct Hazards {
    /// Callers give calls up.
    pub(crate) cancels: bool,
    /// Some calls have a deadline.
    pub(crate) deadlines: bool,
    /// How long a call may be suspended.
    pub(crate) window: Duration,
    /// A side may not have the feature.
    pub(crate) old_hub: bool,
    pub(crate) old_plugin: bool,
    /// The hub may be restarted.
    pub(crate) restarts: bool,
    /// Another instance may take the name.
    pub(crate) others: bool,
    /// The hub may drain the plugin.
    pub(crate) drains: bool,
    /// The plugin holds few bytes of answers.
    pub(crate) few_answers: bool,
    /// The limits of both sides.
    pub(crate) limits: Limits,
    /// How many calls are made.
    pub(crate) calls: usize,
    /// How long handlers run: one ends in so many steps.
    pub(crate) handler_steps: u64,
    /// How often a link is cut: once in so many steps.
    pub(crate) cut_every: u64,
}

/// Longer than any schedule.
const LONG: Duration = Duration::from_hours(10);

impl Hazards {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let mut limits = Limits::default();
        limits.max_calls = rng.pick(&[1, 2, 4, 64]);
        if rng.one_in(2) {
            limits.heartbeat = None;
        }
        // Nothing is too slow here: the transport isn't what is tested.
        limits.stall_window = LONG;
        limits.hello_deadline = LONG;
        let mut hazards = Self {
            cancels: false,
            deadlines: false,
            window: LONG,
            old_hub: false,
            old_plugin: false,
            restarts: false,
            others: false,
            drains: false,
            few_answers: false,
            limits,
            calls: rng.range(1, 24),
            handler_steps: rng.pick(&[4, 30, 150]),
            cut_every: rng.pick(&[10, 40, 150]),
        };
        // Half of the schedules lose nothing on purpose.
        if rng.one_in(2) {
            hazards.cancels = rng.one_in(2);
            hazards.deadlines = rng.one_in(2);
            if rng.one_in(3) {
                hazards.window = Duration::from_millis(rng.pick(&[0, 5, 50, 500]));
            }
            hazards.old_hub = rng.one_in(12);
            hazards.old_plugin = rng.one_in(12);
            hazards.restarts = rng.one_in(6);
            hazards.others = rng.one_in(6);
            hazards.drains = rng.one_in(6);
            hazards.few_answers = rng.one_in(4);
            if hazards.few_answers {
                hazards.limits.queue_bytes = 600;
            }
        }
        hazards
    }

    /// Whether every resumable call must end well.
    pub(crate) fn is_lossless(&self) -> bool {
        let loses = self.cancels
            || self.deadlines
            || self.window < LONG
            || self.old_hub
            || self.old_plugin
            || self.restarts
            || self.others
            || self.drains
            || self.few_answers;
        !loses
    }
}
