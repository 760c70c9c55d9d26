//! Whether bytes that are due keep arriving, or the peer keeps reading them.

use std::time::{Duration, Instant};

use crate::limits::MIN_RATE;

/// Measures progress while some is due.
///
/// Each byte earns the peer its time at the slowest rate, but it can't save up more than a window:
/// so one that stops is found out a window later, whatever it did before.
///
/// Where the bytes move in steps, as they do through the buffers of the systems in between, the
/// peer seems to do nothing from one step to the next, which may be long. So the window grows to a
/// multiple of the last pause, unless the peer itself says what it takes.
#[derive(Debug)]
pub(crate) struct Pace {
    /// The length of a window.
    length: Duration,
    /// How many times as long as the last pause the next may be.
    growth: u32,
    /// What the peer has left; `None` while nothing is due.
    left: Option<Left>,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    /// When the time that the peer has earned is over.
    until: Instant,
    /// When bytes were last moved.
    last: Instant,
    /// Whether the time was found to be over, and no bytes were moved since.
    is_suspected: bool,
}

/// The growth where nothing but the steps is seen. Through a socket of Linux the first
/// pauses of a slow reader are as 1 to 4.
const GROWTH: u32 = 6;

impl Pace {
    /// Of bytes that move in steps.
    pub(crate) fn in_steps(length: Duration) -> Self {
        Self { length, growth: GROWTH, left: None }
    }

    /// Of bytes that move at least once in a window.
    pub(crate) fn steady(length: Duration) -> Self {
        Self { length, growth: 0, left: None }
    }

    /// The same, from now on with windows of this length in which bytes move at least once.
    pub(crate) fn make_steady(&mut self, length: Duration) {
        (self.length, self.growth) = (length, 0);
    }

    /// Gives the peer a whole window, if something is due or not.
    pub(crate) fn fill(&mut self, now: Instant) {
        self.left = Some(Left { until: now + self.length, last: now, is_suspected: false });
    }

    /// Gives the peer a whole window if something is due: this side was stopped.
    pub(crate) fn forgive(&mut self, now: Instant) {
        if self.left.is_some() {
            self.fill(now);
        }
    }

    /// Gives the peer so much more time if something is due: this side was late by it.
    pub(crate) fn extend(&mut self, time: Duration) {
        if let Some(left) = &mut self.left {
            left.until += time;
        }
    }

    /// Notes that bytes were moved, though no fewer are due.
    pub(crate) fn earn(&mut self, bytes: u64, now: Instant) {
        self.moved(bytes, self.left.is_some(), now);
    }

    /// Notes that `bytes` were moved, and whether more are due; mostly none are.
    #[inline]
    pub(crate) fn moved(&mut self, bytes: u64, more_due: bool, now: Instant) {
        if more_due { self.moved_some(bytes, now) } else { self.left = None }
    }

    fn moved_some(&mut self, bytes: u64, now: Instant) {
        let length = self.length;
        self.left = match self.left {
            None => Some(Left { until: now + length, last: now, is_suspected: false }),
            Some(left) if bytes == 0 => Some(left),
            Some(Left { until, last, .. }) => {
                // Afterwards, this side may have been the one that was late.
                let pause = until.min(now).saturating_duration_since(last);
                let earned = Duration::from_micros(bytes.saturating_mul(1_000_000) / MIN_RATE);
                let most = length.max(self.growth * pause);
                let until = until.max(now) + earned.min(most);
                Some(Left { until: until.min(now + most), last: now, is_suspected: false })
            }
        };
    }

    /// Whether the peer's time is over.
    ///
    /// That is only a suspicion at first: this side may have been stopped or busy, and the peer's
    /// bytes may wait in the transport. The peer has stalled if the next check finds that no more
    /// bytes were moved.
    pub(crate) fn is_stalled(&mut self, now: Instant) -> bool {
        match &mut self.left {
            Some(left) if left.until <= now => std::mem::replace(&mut left.is_suspected, true),
            _ => false,
        }
    }

    /// When the peer's time is over.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.left.map(|left| left.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    /// How long after the last step a peer is cut off that moves so many bytes after each pause;
    /// `None` if it is cut off before.
    fn cut_after(steps: impl IntoIterator<Item = (Duration, u64)>) -> Option<Duration> {
        let mut now = Instant::now();
        let mut pace = Pace::in_steps(WINDOW);
        pace.moved(100_000, true, now);
        for (pause, bytes) in steps {
            now += pause;
            if pace.is_stalled(now) || pace.is_stalled(now) {
                return None;
            }
            pace.moved(bytes, true, now);
        }
        let until = pace.timeout().expect("more is due");
        assert!(!pace.is_stalled(until), "what is there is still to be read");
        assert!(pace.is_stalled(until));
        Some(until - now)
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn one_that_stops_is_cut_off_a_window_later_whatever_it_did_before() {
        let fast = || (0..1_000).map(|_| (seconds(0.01), 100_000));
        let steady = |rate: u64| (0..1_000).map(move |_| (seconds(0.1), rate / 10));
        assert_eq!(cut_after([]), Some(WINDOW));
        assert_eq!(cut_after(fast()), Some(WINDOW));
        assert_eq!(cut_after(steady(4_096)), Some(WINDOW));
        let late = fast().chain([(seconds(9.0), 0)]);
        assert_eq!(cut_after(late), Some(seconds(1.0)));
    }

    #[test]
    fn slow_is_told_from_slow_but_steady() {
        let steady = |rate, count| (0..count).map(move |_| (seconds(1.0), rate));
        assert!(cut_after(steady(1_024, 3_600)).is_some());
        for (rate, lives) in [(0, 9), (100, 9), (512, 16), (1_000, 300)] {
            assert!(cut_after(steady(rate, lives)).is_some(), "{rate} bytes a second");
            assert!(cut_after(steady(rate, 2 * lives)).is_none(), "{rate} bytes a second");
        }
    }

    /// As Linux hands on the bytes of a writer to one that reads 4 KiB a second, over loopback.
    #[test]
    fn a_slow_reader_behind_large_buffers_is_not_cut_off() {
        let steps = [(7.8, 47_616), (8.0, 47_616), (29.3, 95_232), (29.3, 95_232)];
        let left = cut_after(steps.map(|(pause, bytes)| (seconds(pause), bytes)));
        // Its own pauses count then.
        assert!(left > Some(seconds(29.3)) && left < Some(seconds(180.0)), "{left:?}");
        // But not if it moves less than it should.
        assert_eq!(cut_after([(seconds(9.0), 100), (seconds(9.0), 100)]), None);
    }

    #[test]
    fn a_side_that_was_late_itself_blames_nobody() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut pace = Pace::in_steps(WINDOW);
        pace.moved(0, true, start);
        // Stopped for a minute; then it reads what has come, in several goes.
        let late = start + 60 * second;
        assert!(!pace.is_stalled(late));
        for _ in 0..3 {
            pace.moved(4_096, true, late);
            assert!(!pace.is_stalled(late));
        }
        assert!(!pace.is_stalled(late + 9 * second), "a new window");
        // One that drips gets no further.
        let later = pace.timeout().unwrap();
        assert!(later <= late + 12 * second);
        assert!(!pace.is_stalled(later));
        pace.moved(1, true, later);
        let end = pace.timeout().unwrap();
        assert!(end < later + second / 100);
        assert!(!pace.is_stalled(end));
        assert!(pace.is_stalled(end));
    }

    #[test]
    fn nothing_due_is_not_slow() {
        let mut pace = Pace::in_steps(WINDOW);
        let start = Instant::now();
        pace.moved(0, true, start);
        pace.moved(5, false, start);
        assert_eq!(pace.timeout(), None);
        assert!(!pace.is_stalled(start + Duration::from_mins(1)));
    }
}
