//! Which hub to dial, and when: a state machine without a clock.

use std::time::{Duration, Instant};

use crate::backoff::Backoff;

/// The longest time that a hub is obeyed: what is longer was not meant.
const LONGEST: Duration = Duration::from_hours(24);

/// Decides which hub is dialled next, and when.
///
/// ```text
///                        ┌────────── failed, and others are left ──────────┐
///                        ▼                                                 │
///   at once ───▶ dial the hub whose turn it is ──▶ connected ──▶ ended ─┐  │
///                        ▲                       └─▶ failed ────────────┼──┘
///                        └──────── wait: the back-off ◀─────────────────┘ none is left
/// ```
#[derive(Debug)]
pub(super) struct Schedule {
    backoff: Backoff,
    /// When each hub may be dialled, if it has said so.
    not_before: Vec<Option<Instant>>,
    /// The hub whose turn it is.
    turn: usize,
    /// How many hubs are left in this round, beginning with that one.
    left: usize,
    /// How many waits there were since the last healthy connection.
    waits: u32,
    /// How many attempts there were since the last connection.
    attempts: u32,
}

/// The next attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Attempt {
    /// Which hub to dial.
    pub(super) hub: usize,
    /// After which wait.
    pub(super) after: Duration,
    /// How many attempts there were since the last connection, with this one.
    pub(super) number: u32,
}

impl Schedule {
    /// The first hub is dialled at once. There is at least one.
    pub(super) fn new(backoff: Backoff, hubs: usize) -> Self {
        let not_before = vec![None; hubs.max(1)];
        Self { backoff, left: not_before.len(), not_before, turn: 0, waits: 0, attempts: 0 }
    }

    /// The next attempt; `random` is from 0 to 1.
    pub(super) fn next(&mut self, now: Instant, random: f64) -> Attempt {
        let (hub, after) = self.take_turn(now).map_or_else(
            || {
                let wait = self.backoff.wait(self.waits, random);
                self.waits = self.waits.saturating_add(1);
                self.left = self.not_before.len();
                self.begin_round(now, wait)
            },
            |hub| (hub, Duration::ZERO),
        );
        self.attempts = self.attempts.saturating_add(1);
        Attempt { hub, after, number: self.attempts }
    }

    /// The hub could not be dialled, or refused the plugin; it may have said for how long.
    pub(super) fn failed(&mut self, retry_after: Option<Duration>, now: Instant) {
        self.note(retry_after, now);
        self.turn = (self.turn + 1) % self.not_before.len();
        self.left -= 1;
    }

    /// A connection to the hub has ended, after it held for so long. That hub is dialled first.
    pub(super) fn ended(&mut self, held: Duration, retry_after: Option<Duration>, now: Instant) {
        self.note(retry_after, now);
        if self.backoff.is_healthy(held) {
            self.waits = 0;
        }
        (self.left, self.attempts) = (0, 0);
    }

    fn note(&mut self, retry_after: Option<Duration>, now: Instant) {
        self.not_before[self.turn] = retry_after.map(|after| now + after.min(LONGEST));
    }

    /// The next hub of this round that may be dialled now.
    fn take_turn(&mut self, now: Instant) -> Option<usize> {
        let count = self.not_before.len();
        while self.left > 0 {
            if self.not_before[self.turn].is_none_or(|time| time <= now) {
                return Some(self.turn);
            }
            self.turn = (self.turn + 1) % count;
            self.left -= 1;
        }
        None
    }

    /// Begins a round after this wait: with the hub whose turn it is, or the next one that may be
    /// dialled by then; or else with the one that may be dialled first, after this wait.
    fn begin_round(&mut self, now: Instant, wait: Duration) -> (usize, Duration) {
        let count = self.not_before.len();
        let until = |hub: usize| {
            self.not_before[hub].map_or(Duration::ZERO, |time| time.saturating_duration_since(now))
        };
        let in_turn = || (0..count).map(|step| (self.turn + step) % count);
        let (hub, after) = if let Some(hub) = in_turn().find(|&hub| until(hub) <= wait) {
            (hub, wait)
        } else {
            let hub = in_turn().min_by_key(|&hub| until(hub)).unwrap_or(self.turn);
            (hub, until(hub).saturating_add(wait))
        };
        self.turn = hub;
        (hub, after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: Duration = Duration::ZERO;

    /// A schedule with a clock; each wait is as long as it may be.
    struct Clocked(Schedule, Instant);

    impl Clocked {
        fn new(hubs: usize) -> Self {
            Self(Schedule::new(Backoff::default(), hubs), Instant::now())
        }

        /// The next attempt, whose wait passes: the hub, and the wait.
        fn next(&mut self) -> (usize, u128) {
            let attempt = self.0.next(self.1, 1.0);
            self.1 += attempt.after;
            (attempt.hub, attempt.after.as_millis())
        }

        fn fail(&mut self, retry_after: Option<u64>) {
            self.0.failed(retry_after.map(Duration::from_millis), self.1);
        }

        fn end(&mut self, held: u64, retry_after: Option<u64>) {
            let held = Duration::from_secs(held);
            self.1 += held;
            self.0.ended(held, retry_after.map(Duration::from_millis), self.1);
        }
    }

    #[test]
    fn a_hub_that_is_down_is_dialled_more_and_more_seldom() {
        let mut schedule = Clocked::new(1);
        let mut waits = Vec::new();
        for _ in 0..6 {
            waits.push(schedule.next());
            schedule.fail(None);
        }
        assert_eq!(waits, [(0, 0), (0, 1_000), (0, 100), (0, 200), (0, 400), (0, 800)]);
    }

    #[test]
    fn a_connection_that_held_makes_the_waits_begin_anew() {
        let mut schedule = Clocked::new(1);
        assert_eq!(schedule.next(), (0, 0));
        for expected in [1_000, 100, 200] {
            schedule.end(59, None);
            assert_eq!(schedule.next(), (0, expected), "it was too short");
        }
        schedule.end(60, None);
        assert_eq!(schedule.next(), (0, 1_000));
    }

    #[test]
    fn attempts_are_counted_up_to_a_connection() {
        let mut schedule = Clocked::new(2);
        let mut number = || schedule.0.next(schedule.1, 0.0).number;
        assert_eq!(number(), 1);
        schedule.fail(None);
        let mut number = || schedule.0.next(schedule.1, 0.0).number;
        assert_eq!(number(), 2);
        schedule.end(0, None);
        assert_eq!(schedule.0.next(schedule.1, 0.0).number, 1);
    }

    #[test]
    fn all_hubs_are_tried_before_it_waits() {
        let mut schedule = Clocked::new(3);
        let mut tried = Vec::new();
        for _ in 0..7 {
            tried.push(schedule.next());
            schedule.fail(None);
        }
        assert_eq!(tried, [(0, 0), (1, 0), (2, 0), (0, 1_000), (1, 0), (2, 0), (0, 100)]);
    }

    #[test]
    fn the_hub_that_it_was_connected_to_comes_first() {
        let mut schedule = Clocked::new(3);
        schedule.next();
        schedule.fail(None);
        assert_eq!(schedule.next(), (1, 0));
        schedule.end(100, None);
        assert_eq!(schedule.next(), (1, 1_000));
        schedule.fail(None);
        assert_eq!(schedule.next(), (2, 0));
        schedule.fail(None);
        assert_eq!(schedule.next(), (0, 0));
        schedule.fail(None);
        assert_eq!(schedule.next(), (1, 100));
    }

    #[test]
    fn a_hub_is_obeyed_and_then_the_waits_still_spread_its_plugins() {
        let mut schedule = Clocked::new(1);
        schedule.next();
        schedule.fail(Some(5_000));
        assert_eq!(schedule.next(), (0, 6_000));
        schedule.end(0, Some(0));
        assert_eq!(schedule.next(), (0, 100), "at once is after the wait");
        schedule.fail(Some(u64::MAX));
        let wait = schedule.next().1;
        assert_eq!(wait, LONGEST.as_millis() + 200, "no hub sends it away for ever");
    }

    #[test]
    fn other_hubs_are_dialled_while_one_must_not_be() {
        let mut schedule = Clocked::new(2);
        schedule.next();
        schedule.end(100, Some(5_000));
        assert_eq!(schedule.next(), (1, 1_000));
        schedule.fail(None);
        // The first one has 4 s left.
        assert_eq!(schedule.next(), (1, 100));
        schedule.fail(Some(500));
        assert_eq!(schedule.next(), (1, 500 + 200), "that comes before the first one");
        schedule.fail(Some(60_000));
        assert_eq!(schedule.next(), (0, 3_600), "3.2 s, and the wait");
    }

    #[test]
    fn it_never_dials_twice_without_a_wait() {
        let mut schedule = Clocked::new(1);
        schedule.next();
        for held in [0, 1, 100, 0] {
            schedule.end(held, Some(0));
            assert_ne!(schedule.next().1, 0);
        }
        assert!(schedule.0.next(schedule.1, 0.0).after == ZERO, "unless chance has it so");
    }
}
