//! Which events make room in a full queue: the oldest of those plugins that have the most in it.

use std::collections::{HashMap, VecDeque};

use super::unread::Unread;
use crate::plugin_ref::PluginRef;

/// What there is too much of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Excess {
    Events(usize),
    Bytes(usize),
}

/// Takes so much out of a queue. It is taken from plugins that have more in it than the others, down
/// to what those have: so one that floods pushes out its own events and nobody else's. Gaps in the
/// queue are taken out as well, since nothing tells their place any more.
///
/// Costs a walk along the queue.
pub(super) fn take(unread: &mut VecDeque<Unread>, excess: Excess) -> Vec<Unread> {
    let (mut wanted, weight): (_, fn(&Unread) -> usize) = match excess {
        Excess::Events(events) => (events, |unread| usize::from(!unread.is_gap())),
        Excess::Bytes(bytes) => (bytes, Unread::size),
    };
    let source = |unread: &Unread| unread.event().plugin().map(PluginRef::generation);
    let mut shares = HashMap::new();
    for unread in &*unread {
        *shares.entry(source(unread)).or_insert(0) += weight(unread);
    }
    let level = level(shares.values().copied().collect(), wanted);
    let mut taken = Vec::new();
    let mut kept = VecDeque::with_capacity(unread.len());
    for unread in unread.drain(..) {
        let share = shares.entry(source(&unread)).or_insert(0);
        if unread.is_gap() || (wanted > 0 && *share > level) {
            let weight = weight(&unread);
            *share -= weight;
            wanted = wanted.saturating_sub(weight);
            taken.push(unread);
        } else {
            kept.push_back(unread);
        }
    }
    *unread = kept;
    taken
}

/// The highest level for which all that is above it is as much as is wanted.
fn level(mut shares: Vec<usize>, wanted: usize) -> usize {
    shares.sort_unstable_by(|one, other| other.cmp(one));
    let mut sum = 0;
    for (index, share) in shares.iter().enumerate() {
        let above = index + 1;
        sum += share;
        let next = shares.get(above).copied().unwrap_or(0);
        if sum - above * next >= wanted {
            return (sum - wanted) / above;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_shares_come_down_to_one_level() {
        for (shares, wanted, expected) in [
            (vec![10], 1, 9),
            (vec![10], 20, 0),
            (vec![1, 10, 2], 8, 2),
            (vec![1, 10, 2], 9, 1),
            (vec![5, 5, 5], 1, 4),
            (vec![1; 4], 2, 0),
            (vec![], 1, 0),
        ] {
            assert_eq!(level(shares.clone(), wanted), expected, "{shares:?} - {wanted}");
        }
    }
}
