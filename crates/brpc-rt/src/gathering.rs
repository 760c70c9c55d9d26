//! Decides when ready frames are written, and when more are awaited: writing many frames takes as
//! long as writing one.

use brpc_proto::Connection;

/// How many events the driver passes on between two writes: enough to fill a write with answers,
/// few enough that the peer has work while the driver passes on the rest.
pub(crate) const EVENTS_A_WRITE: usize = 64;

/// So many bytes are written without waiting for more: as many as the peer reads at once.
pub(crate) const ENOUGH: usize = 64 * 1024;

/// What the driver knows about the frames that gather for the next write.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// How many events were passed on since the last write.
    passed_on: usize,
    /// Whether another task gave a command since then. More may follow.
    is_given: bool,
    /// Whether the driver has yielded since then.
    has_yielded: bool,
}

/// What is ready to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// How many bytes, roughly.
    pub(crate) bytes: usize,
    /// Whether there is anything.
    pub(crate) is_any: bool,
    /// Whether at most one call is in flight, and no event is unsent.
    pub(crate) is_single: bool,
}

impl Ready {
    /// What a connection has ready.
    pub(crate) fn of<T>(connection: &Connection<T>) -> Self {
        Self {
            bytes: connection.transmit_size(),
            is_any: connection.wants_transmit(),
            is_single: connection.is_quiet(),
        }
    }
}

impl Gathering {
    /// Notes that another task gave something to write.
    pub(crate) fn note_given(&mut self) {
        self.is_given = true;
    }

    /// Notes that so many events were passed on. Many of them produce something to write.
    pub(crate) fn note_passed_on(&mut self, count: usize) {
        self.passed_on += count;
    }

    /// Notes that the ready frames were taken for a write.
    pub(crate) fn note_written(&mut self) {
        *self = Self::default();
    }

    /// Whether to yield, once, before frames are taken for a write.
    ///
    /// The task that gives the first frame wakes the driver, and the tasks that are about to give
    /// more run after it. Once they have, one write takes all frames. Where one call is made after
    /// the other, no more frames would come.
    pub(crate) fn should_yield(&mut self, ready: impl FnOnce() -> Ready) -> bool {
        if !self.is_given || self.has_yielded {
            return false;
        }
        let ready = ready();
        let more_may_follow = self.passed_on > 1 || !ready.is_single;
        self.has_yielded = ready.is_any && ready.bytes < ENOUGH && more_may_follow;
        self.has_yielded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Ready = Ready { bytes: 100, is_any: true, is_single: true };
    const SOME: Ready = Ready { is_single: false, ..ONE };
    const MUCH: Ready = Ready { bytes: ENOUGH, ..SOME };

    /// The state when other tasks gave something, after so many events were passed on.
    fn given(passed_on: usize) -> Gathering {
        let mut gathering = Gathering::default();
        gathering.note_passed_on(passed_on);
        gathering.note_given();
        gathering
    }

    #[test]
    fn it_yields_once_a_write() {
        let mut gathering = given(0);
        assert!(gathering.should_yield(|| SOME));
        assert!(!gathering.should_yield(|| SOME));
        gathering.note_written();
        gathering.note_given();
        assert!(gathering.should_yield(|| SOME));
    }

    #[test]
    fn it_does_not_yield_where_no_more_is_to_come() {
        // One call after the other, each after the answer before it.
        assert!(!given(0).should_yield(|| ONE) && !given(1).should_yield(|| ONE));
        // The first call of several callers whose answers were passed on together.
        assert!(given(2).should_yield(|| ONE));
        // What the driver's own events produced.
        let mut own = Gathering::default();
        own.note_passed_on(20);
        assert!(!own.should_yield(|| SOME));
        // Enough, or nothing.
        assert!(!given(2).should_yield(|| MUCH));
        assert!(!given(2).should_yield(|| Ready { is_any: false, ..SOME }));
    }
}
