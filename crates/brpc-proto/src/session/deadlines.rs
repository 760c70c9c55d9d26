//! When to check for calls whose deadline has passed.

use std::time::{Duration, Instant};

use crate::message::CallId;

/// When to check next for calls of one connection whose deadline has passed.
///
/// Nearly all calls end long before their deadline, so there is no queue of deadlines to maintain:
/// a call costs one comparison, and once in a while all pending calls are scanned. With equal
/// timeouts that is once per timeout; at most it is once per millisecond, the resolution of timers,
/// and less often the more calls there are.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    /// The earliest deadline, possibly of a call that has ended.
    next: Option<Instant>,
}

/// A scan of so many calls takes a few hundredths of a millisecond.
const CALLS_PER_MILLISECOND: usize = 4_096;

impl Deadlines {
    /// Notes the deadline of a call.
    pub(crate) fn note(&mut self, deadline: Instant) {
        self.next = Some(self.next.map_or(deadline, |next| next.min(deadline)));
    }

    /// When to check next. It may be too early, since the call may have ended.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// The calls whose deadline has passed, in the order of ids. `calls` are the pending calls.
    pub(crate) fn take_due(
        &mut self,
        now: Instant,
        calls: impl Iterator<Item = (CallId, Instant)>,
    ) -> Vec<CallId> {
        let mut due = Vec::new();
        if self.next.is_none_or(|next| next > now) {
            return due;
        }
        self.next = None;
        let mut count = 0;
        for (id, deadline) in calls {
            count += 1;
            if deadline <= now { due.push(id) } else { self.note(deadline) }
        }
        let pause = Duration::from_millis((count / CALLS_PER_MILLISECOND) as u64);
        self.next = self.next.map(|next| next.max(now + pause));
        due.sort_unstable();
        due
    }

    /// Forgets all deadlines.
    pub(crate) fn clear(&mut self) {
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_found_and_no_look_is_in_vain_after_it() {
        let (mut deadlines, start) = (Deadlines::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut calls = vec![(1, at(30)), (2, at(10)), (3, at(20))];
        for (_, deadline) in &calls {
            deadlines.note(*deadline);
        }
        let mut due = |now, calls: &[_]| deadlines.take_due(now, calls.iter().copied());
        assert!(due(at(9), &calls).is_empty());
        assert_eq!(due(at(20), &calls), [2, 3]);
        calls.truncate(1);
        assert_eq!(deadlines.next(), Some(at(30)));
        // It ended meanwhile.
        assert!(deadlines.take_due(at(30), std::iter::empty()).is_empty());
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn many_calls_are_not_looked_through_at_every_moment() {
        let (mut deadlines, start) = (Deadlines::default(), Instant::now());
        let nanoseconds = |count| start + Duration::from_nanos(count);
        deadlines.note(start);
        let calls = (0..100 * CALLS_PER_MILLISECOND as u64).map(|id| (id, nanoseconds(id)));
        assert_eq!(deadlines.take_due(start, calls), [0]);
        assert_eq!(deadlines.next(), Some(start + Duration::from_millis(100)));
    }
}
