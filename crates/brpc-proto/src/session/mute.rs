//! Whether the peer takes calls and answers none.

use std::time::{Duration, Instant};

/// Measures for how long the peer has held all its places with calls that nobody waits for.
///
/// It may still be working: on calls that can't be cancelled, or that it doesn't cancel. But as long
/// as it does, it can be given no other call; and if it never answers, it never can. A call whose
/// caller waits doesn't count, however long it takes: the caller knows what it waits for.
#[derive(Debug)]
pub(crate) struct Mute {
    /// How long that may last.
    window: Duration,
    /// When it has lasted too long; `None` while it isn't so.
    until: Option<Instant>,
    /// Whether it was found to have lasted too long, and no answer came since.
    is_suspected: bool,
}

impl Mute {
    pub(crate) fn new(window: Duration) -> Self {
        Self { window, until: None, is_suspected: false }
    }

    /// Notes that it is so. If it was before, its time runs on.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.until.get_or_insert(now + self.window);
    }

    /// Notes that it isn't so any more.
    pub(crate) fn end(&mut self) {
        (self.until, self.is_suspected) = (None, false);
    }

    /// Whether it has lasted too long.
    ///
    /// That is only a suspicion at first, as with [`Pace`](crate::connection::Pace): this side may
    /// have been stopped, and an answer may wait in the transport.
    pub(crate) fn is_over(&mut self, now: Instant) -> bool {
        self.timeout().is_some_and(|until| until <= now)
            && std::mem::replace(&mut self.is_suspected, true)
    }

    /// When to call [`is_over`](Self::is_over).
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_at_the_second_look_unless_an_answer_came() {
        let (start, window) = (Instant::now(), Duration::from_mins(1));
        let mut mute = Mute::new(window);
        assert!(mute.timeout().is_none() && !mute.is_over(start + 10 * window));
        mute.begin(start);
        // More calls are given up; the time is that of the first moment.
        mute.begin(start + window / 2);
        assert_eq!(mute.timeout(), Some(start + window));
        assert!(!mute.is_over(start + window * 99 / 100));
        assert!(!mute.is_over(start + window), "an answer may be there to be read");
        let mut answered = Mute { ..mute };
        assert!(mute.is_over(start + window));

        answered.end();
        answered.begin(start + window);
        assert!(!answered.is_over(start + 2 * window));
        assert!(answered.is_over(start + 2 * window));
    }
}
