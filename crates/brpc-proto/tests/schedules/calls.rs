//! What is planned for one call, on both sides.

use std::time::Duration;

use brpc_core::{Metadata, Status};
use brpc_proto::Admission;
use bytes::Bytes;

use crate::rng::Rng;

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct CallPlan {
    /// Bytes of its input.
    pub(crate) input: usize,
    /// How long after it was made its time is over.
    pub(crate) timeout: Option<Duration>,
    pub(crate) admission: Admission,
    pub(crate) handler: HandlerPlan,
}

/// What the plugin does with a call.
#[derive(Clone, Debug)]
pub(crate) struct HandlerPlan {
    /// How long it lies there before it is started, and how long each of its steps takes.
    pub(crate) wait: Duration,
    pub(crate) pause: Duration,
    /// Sizes of the events that it emits.
    pub(crate) events: Vec<usize>,
    /// Whether it waits for credit, or goes without.
    pub(crate) insists: bool,
    /// Whether it ends when it is told that nobody waits.
    pub(crate) heeds_cancel: bool,
    pub(crate) verdict: Verdict,
}

/// What the plugin answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// An output of this size.
    Output(usize),
    /// The handler runs and fails, with this much data.
    Failure(Status, usize),
    /// The handler is not started.
    NotStarted(Status),
}

pub(crate) fn call_plan(rng: &mut Rng, (hub_takes, plugin_takes): (usize, usize)) -> CallPlan {
    let small = rng.range(0, 60);
    let edge = rng.range(0, 80);
    let near = |limit: usize| (limit.max(16 << 10) - 40 + edge).min(PATTERN);
    let timeout = match rng.range(0, 9) {
        0..=4 => None,
        5 if edge.is_multiple_of(2) => Some(Duration::ZERO),
        6 => Some(Duration::from_millis(rng.pick(&[60_000, u64::MAX]))),
        _ => Some(rng.micros(50_000)),
    };
    CallPlan {
        timeout,
        input: match rng.range(0, 11) {
            0 => 0,
            1 => near(plugin_takes),
            2 => PATTERN,
            3 | 4 => 15_000,
            5 => 5_000,
            _ => small,
        },
        admission: crate::script::admission(rng),
        handler: HandlerPlan {
            wait: rng.micros_of(&[0, 0, 0, 20_000]),
            // Some take so long that their caller gives up, and with it perhaps the hub.
            pause: if rng.one_in(12) {
                Duration::from_secs(rng.pick(&[1, 3, 6]))
            } else {
                rng.micros_of(&[0, 2_000, 30_000])
            },
            events: (0..rng.range(0, 6).saturating_sub(3))
                .map(|_| rng.pick(&[8, 8, 20, 9_000, 16_000]))
                .collect(),
            insists: rng.one_in(2),
            heeds_cancel: rng.one_in(2),
            verdict: verdict(rng, near(hub_takes)),
        },
    }
}

fn verdict(rng: &mut Rng, edge: usize) -> Verdict {
    use Status::{
        Cancelled, Draining, Expired, Forbidden, InvalidInput, InvalidOutput, Method,
        MethodNotFound, Overloaded, Panicked,
    };
    let size = rng.pick(&[0, 8, 8, 30, 5_000, 15_000, PATTERN, edge]);
    match rng.range(0, 11) {
        0 => Verdict::Failure(rng.pick(&[Method, Panicked, InvalidOutput]), size),
        1 => Verdict::Failure(Method, 0),
        2 => Verdict::NotStarted(rng.pick(&[
            MethodNotFound,
            InvalidInput,
            Overloaded,
            Forbidden,
            Draining,
            // Of its own accord.
            Expired,
            Cancelled,
        ])),
        _ => Verdict::Output(size),
    }
}

/// The largest payload: more than most limits on a frame.
pub(crate) const PATTERN: usize = 70_000;

/// Payloads: slices of noise, so that no two calls' look alike.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Bytes);

impl Pattern {
    pub(crate) fn new() -> Self {
        let mut rng = Rng::new(42);
        Self((0..2 * PATTERN).map(|_| rng.next().to_le_bytes()[0]).collect())
    }

    /// The input of a call.
    pub(crate) fn input(&self, call: usize, size: usize) -> Bytes {
        self.0.slice(call % PATTERN..call % PATTERN + size)
    }

    /// The output of a call; names the call if there is room.
    pub(crate) fn output(&self, call: usize, size: usize) -> Bytes {
        let name = (call as u64).to_le_bytes();
        [&name[..size.min(8)], &self.0[..size.saturating_sub(8)]].concat().into()
    }

    /// What goes along with the answer to a call; to most of them nothing.
    pub(crate) fn metadata(call: usize) -> Metadata {
        let value = |size: usize| call.to_string() + &"_".repeat(size);
        match call % 7 {
            1 => [("call", value(0)), ("again", value(2))].into_iter().collect(),
            2 => [("call", value(5_000))].into_iter().collect(),
            // More than can be sent.
            3 => [("call", value(9_000))].into_iter().collect(),
            _ => Metadata::new(),
        }
    }

    /// An event; begins with its number.
    pub(crate) fn event(&self, number: u64, size: usize) -> Bytes {
        [&number.to_le_bytes()[..], &self.0[..size.saturating_sub(8)]].concat().into()
    }
}
