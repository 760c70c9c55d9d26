//! Whether bytes that are due keep arriving, or the peer keeps reading them.

use std::time::{Duration, Instant};

use crate::limits::MIN_RATE;

/// Measures progress over windows, while progress is due.
#[derive(Debug)]
pub(crate) struct Pace {
    /// The length of a window.
    length: Duration,
    /// The current window; `None` while nothing is due.
    window: Option<Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    start: Instant,
    /// Bytes moved in this window.
    bytes: u64,
    /// The value of `bytes` when the window was first found to have ended with too few.
    suspected_at: Option<u64>,
}

impl Window {
    fn starting(start: Instant) -> Self {
        Self { start, bytes: 0, suspected_at: None }
    }
}

impl Pace {
    pub(crate) fn new(length: Duration) -> Self {
        Self { length, window: None }
    }

    /// Notes that `bytes` were moved, and whether more are due.
    pub(crate) fn moved(&mut self, bytes: u64, more_due: bool, now: Instant) {
        self.window = match self.window {
            _ if !more_due => None,
            None => Some(Window::starting(now)),
            Some(window) => Some(Window { bytes: window.bytes + bytes, ..window }),
        };
    }

    /// Whether the window has ended with too few bytes. If it has ended with enough, the next one
    /// begins.
    ///
    /// Too few bytes are only a suspicion at first: this side may have been stopped or busy, and
    /// the peer's bytes may wait in the transport. The peer has stalled if the next check finds
    /// that no more bytes were moved.
    pub(crate) fn is_stalled(&mut self, now: Instant) -> bool {
        let length = self.length;
        let Some(window) = &mut self.window else { return false };
        if now < window.start + length {
            return false;
        }
        if window.bytes >= MIN_RATE * length.as_secs().max(1) {
            *window = Window::starting(now);
            return false;
        }
        window.suspected_at.replace(window.bytes) == Some(window.bytes)
    }

    /// When the window ends.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.window.map(|window| window.start + self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_told_from_slow_but_steady() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        for (bytes, stalled) in [(0, true), (1, true), (1023, true), (1200, false)] {
            let mut pace = Pace::new(10 * second);
            pace.moved(0, true, start);
            for n in 1..10 {
                pace.moved(bytes, true, start + n * second);
                assert!(!pace.is_stalled(start + n * second));
            }
            assert!(!pace.is_stalled(start + 10 * second), "what is there is still to be read");
            assert_eq!(pace.is_stalled(start + 10 * second), stalled, "{bytes} bytes a second");
        }
    }

    #[test]
    fn a_side_that_was_late_itself_blames_nobody() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut pace = Pace::new(10 * second);
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
        let later = late + 10 * second;
        assert!(!pace.is_stalled(later));
        pace.moved(1, true, later);
        assert!(!pace.is_stalled(later));
        assert!(pace.is_stalled(later));
    }

    #[test]
    fn nothing_due_is_not_slow() {
        let mut pace = Pace::new(Duration::from_secs(10));
        let start = Instant::now();
        pace.moved(0, true, start);
        pace.moved(5, false, start);
        assert_eq!(pace.timeout(), None);
        assert!(!pace.is_stalled(start + Duration::from_mins(1)));
    }
}
