//! Which call's time is over next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::CallId;

/// The deadlines of the calls of one connection.
///
/// Most calls end long before their deadline, so an ended call's entry is left where it is and
/// swept when such entries outnumber the live ones. With equal timeouts each new deadline is the
/// latest, and a push costs one comparison.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, CallId)>>,
}

/// Entries below which a sweep is not worth it.
const SWEEP_FLOOR: usize = 64;

impl Deadlines {
    /// Remembers a call. `live` counts the calls that have not ended, `is_live` tells them apart.
    pub(crate) fn insert(
        &mut self,
        deadline: Instant,
        id: CallId,
        live: usize,
        is_live: impl Fn(CallId) -> bool,
    ) {
        if self.heap.len() >= SWEEP_FLOOR + 2 * live {
            self.heap.retain(|Reverse((_, id))| is_live(*id));
        }
        self.heap.push(Reverse((deadline, id)));
    }

    /// The next call whose time is over; it may have ended already.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<CallId> {
        let Reverse((deadline, id)) = *self.heap.peek()?;
        if deadline > now {
            return None;
        }
        self.heap.pop();
        Some(id)
    }

    /// When to look again. Early rather than late: the call may have ended.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((deadline, _))| *deadline)
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.heap = BinaryHeap::new();
    }

    /// Entries held.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_has_ended_does_not_pile_up() {
        let (mut deadlines, start) = (Deadlines::default(), Instant::now());
        for id in 0..100_000 {
            let live = |other| other + 10 > id;
            deadlines.insert(start + Duration::from_millis(id), id, 10, live);
            assert!(deadlines.len() <= SWEEP_FLOOR + 2 * 10 + 1);
        }
    }

    #[test]
    fn the_earliest_comes_first() {
        let (mut deadlines, start) = (Deadlines::default(), Instant::now());
        for (id, after) in [(1, 30), (2, 10), (3, 20)] {
            deadlines.insert(start + Duration::from_secs(after), id, 3, |_| true);
        }
        assert_eq!(deadlines.next(), Some(start + Duration::from_secs(10)));
        assert_eq!(deadlines.pop_due(start), None);
        let later = start + Duration::from_secs(20);
        assert_eq!(deadlines.pop_due(later), Some(2));
        assert_eq!(deadlines.pop_due(later), Some(3));
        assert_eq!(deadlines.pop_due(later), None);
    }
}
