//! Decides when ready frames are written, and when more are awaited: writing many frames takes as
//! long as writing one.

use brpc_proto::Connection;

/// How many events the driver passes on between two writes: enough to fill a write with answers,
/// few enough that the peer has work while the driver passes on the rest. Events that produce
/// nothing to write are passed on in one go, which wakes their readers less often.
pub(crate) const TOLD_AT_ONCE: usize = 64;

/// So many bytes are written without waiting for more: as many as the peer reads at once.
pub(crate) const ENOUGH: usize = 64 * 1024;

/// What the driver knows about the frames that gather for the next write.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// How many events were passed on since the last write.
    told: usize,
    /// Whether another task gave a command since then. More may follow.
    is_given: bool,
    /// Whether the driver has yielded since then.
    has_stepped_back: bool,
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
    pub(crate) fn note_told(&mut self, count: usize) {
        self.told += count;
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
    pub(crate) fn lets_others_first(&mut self, ready: impl FnOnce() -> Ready) -> bool {
        if !self.is_given || self.has_stepped_back {
            return false;
        }
        let ready = ready();
        let more_may_follow = self.told > 1 || !ready.is_single;
        self.has_stepped_back = ready.is_any && ready.bytes < ENOUGH && more_may_follow;
        self.has_stepped_back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Ready = Ready { bytes: 100, is_any: true, is_single: true };
    const SOME: Ready = Ready { is_single: false, ..ONE };
    const MUCH: Ready = Ready { bytes: ENOUGH, ..SOME };

    /// The state when other tasks gave something, after so many events were passed on.
    fn given(told: usize) -> Gathering {
        let mut gathering = Gathering::default();
        gathering.note_told(told);
        gathering.note_given();
        gathering
    }

    #[test]
    fn others_are_let_first_once_a_write() {
        let mut gathering = given(0);
        assert!(gathering.lets_others_first(|| SOME));
        assert!(!gathering.lets_others_first(|| SOME));
        gathering.note_written();
        gathering.note_given();
        assert!(gathering.lets_others_first(|| SOME));
    }

    #[test]
    fn nobody_waits_where_no_more_is_to_come() {
        // One call after the other, each after the answer before it.
        assert!(!given(0).lets_others_first(|| ONE) && !given(1).lets_others_first(|| ONE));
        // The first call of several callers whose answers were passed on together.
        assert!(given(2).lets_others_first(|| ONE));
        // What the driver's own events produced.
        let mut own = Gathering::default();
        own.note_told(20);
        assert!(!own.lets_others_first(|| SOME));
        // Enough, or nothing.
        assert!(!given(2).lets_others_first(|| MUCH));
        assert!(!given(2).lets_others_first(|| Ready { is_any: false, ..SOME }));
    }
}
