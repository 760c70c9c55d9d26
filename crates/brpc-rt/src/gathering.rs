//! When frames that are ready are written, and when more are awaited: a write takes as much time for
//! one as for many.

use brpc_proto::Connection;

/// How much is told between two writes: enough to fill a write with answers, few enough that the
/// peer has something to do while the rest is told. What brings nothing to be written is told in one
/// go, which wakes those who read it less often.
pub(crate) const TOLD_AT_ONCE: usize = 64;

/// So many bytes are worth a write of their own: as much as the peer reads at once.
pub(crate) const ENOUGH: usize = 64 * 1024;

/// What is known of the frames that gather for the next write.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// How much was told since something was written last.
    told: usize,
    /// Whether others than the driver gave something since then. More may follow.
    is_given: bool,
    /// Whether others were let first since then.
    has_stepped_back: bool,
}

/// What there is to be written, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// How many bytes, roughly.
    pub(crate) bytes: usize,
    /// Whether there is anything.
    pub(crate) is_any: bool,
    /// Whether it is for one call at most, or of one.
    pub(crate) is_single: bool,
}

impl Ready {
    /// What a connection has.
    pub(crate) fn of<T>(connection: &Connection<T>) -> Self {
        Self {
            bytes: connection.transmit_size(),
            is_any: connection.wants_transmit(),
            is_single: connection.is_quiet(),
        }
    }
}

impl Gathering {
    /// Others gave something to be written.
    pub(crate) fn note_given(&mut self) {
        self.is_given = true;
    }

    /// So much was told. Much of it has something to be written follow.
    pub(crate) fn note_told(&mut self, count: usize) {
        self.told += count;
    }

    /// What was ready is on its way.
    pub(crate) fn note_written(&mut self) {
        *self = Self::default();
    }

    /// Whether to step back once before frames are taken to be written.
    ///
    /// Whoever gives the first one wakes the driver, and those who are about to give theirs stand
    /// behind it. When they have, one write takes them all. With calls that are made one after the
    /// other there is nobody to wait for.
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

    /// That others gave something, after so much was told.
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
        // The first of those whose answers were told together.
        assert!(given(2).lets_others_first(|| ONE));
        // What came of the driver's own telling.
        let mut own = Gathering::default();
        own.note_told(20);
        assert!(!own.lets_others_first(|| SOME));
        // Enough, or nothing.
        assert!(!given(2).lets_others_first(|| MUCH));
        assert!(!given(2).lets_others_first(|| Ready { is_any: false, ..SOME }));
    }
}
