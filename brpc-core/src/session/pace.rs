//! Whether bytes that are due keep coming, or keep being taken.

use std::time::{Duration, Instant};

use crate::limits::MIN_RATE;

/// Measures progress over windows, while progress is due.
#[derive(Debug)]
pub(crate) struct Pace {
    /// The length of a window.
    length: Duration,
    /// The start of the window that runs, and the bytes moved in it; `None` while nothing is due.
    window: Option<(Instant, u64)>,
}

impl Pace {
    pub(crate) fn new(length: Duration) -> Self {
        Self { length, window: None }
    }

    /// Notes that `bytes` were moved, and whether more are due.
    pub(crate) fn moved(&mut self, bytes: u64, more_due: bool, now: Instant) {
        self.window = match self.window {
            _ if !more_due => None,
            None => Some((now, 0)),
            Some((start, before)) => Some((start, before + bytes)),
        };
    }

    /// Whether the window that ends now saw too few bytes. If not, and it is over, the next begins.
    pub(crate) fn is_stalled(&mut self, now: Instant) -> bool {
        let Some((start, bytes)) = self.window else { return false };
        if now < start + self.length {
            return false;
        }
        if bytes < MIN_RATE * self.length.as_secs().max(1) {
            return true;
        }
        self.window = Some((now, 0));
        false
    }

    /// When the window ends.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.window.map(|(start, _)| start + self.length)
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
            assert_eq!(pace.is_stalled(start + 10 * second), stalled, "{bytes} bytes a second");
        }
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
