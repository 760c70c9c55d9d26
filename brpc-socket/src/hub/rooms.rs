//! Room for the descriptions of plugins in their handshake.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::link::PluginLink;

/// How long a connection may have room while others wait for it: long enough for any description
/// that is on its way.
const TURN: Duration = Duration::from_millis(500);

/// How often somebody's turn may end, while others wait.
const TICK: Duration = Duration::from_millis(100);

/// The bytes that connections in their handshake may hold for their descriptions, beside the few that
/// each of them has.
#[derive(Debug)]
pub(crate) struct Rooms(Mutex<State>);

#[derive(Debug)]
struct State {
    table: Table<Arc<PluginLink>>,
    /// Whether a task ends the turns.
    is_ticking: bool,
}

impl Rooms {
    pub(crate) fn new(budget: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { table: Table::new(budget), is_ticking: false })))
    }

    /// Gives a connection room for so many bytes in all, now or as soon as there is.
    pub(crate) fn want(self: &Arc<Self>, link: &Arc<PluginLink>, bytes: usize) {
        self.change(|table| table.want(link.id, Wish { link: link.clone(), bytes }));
    }

    /// A connection needs no room any more.
    pub(crate) fn leave(self: &Arc<Self>, link: &PluginLink) {
        self.change(|table| table.leave(link.id));
    }

    fn change(self: &Arc<Self>, change: impl FnOnce(&mut Table<Arc<PluginLink>>)) {
        let mut state = self.0.lock();
        change(&mut state.table);
        let told = state.table.settle(Instant::now());
        let ticks = !state.is_ticking && !state.table.waiting.is_empty();
        if ticks && let Ok(runtime) = Handle::try_current() {
            state.is_ticking = true;
            runtime.spawn(self.clone().tick());
        }
        drop(state);
        tell(told);
    }

    /// Ends the turns, until nobody waits.
    async fn tick(self: Arc<Self>) {
        let mut is_ticking = true;
        while is_ticking {
            sleep(TICK).await;
            let mut state = self.0.lock();
            let told = state.table.settle(Instant::now());
            is_ticking = !state.table.waiting.is_empty();
            state.is_ticking = is_ticking;
            drop(state);
            tell(told);
        }
    }
}

fn tell(told: Vec<(Arc<PluginLink>, Told)>) {
    for (link, told) in told {
        match told {
            Told::Granted => link.grant_room(),
            Told::TurnEnded => link.refuse_description(),
        }
    }
}

/// What a connection is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Told {
    /// It has the room that it wanted.
    Granted,
    /// It must leave its room to others.
    TurnEnded,
}

/// Which connections `L` have room, and which want some; both by the number of the connection.
#[derive(Debug)]
struct Table<L> {
    budget: usize,
    /// How many bytes the holders have.
    taken: usize,
    /// How many have had room.
    last: u64,
    holders: HashMap<u64, Holder<L>>,
    waiting: BTreeMap<u64, Wish<L>>,
}

#[derive(Debug)]
struct Holder<L> {
    link: L,
    bytes: usize,
    /// Its number among all that have had room.
    number: u64,
    since: Instant,
    /// Whether it was told that its turn has ended.
    is_leaving: bool,
}

#[derive(Debug)]
struct Wish<L> {
    link: L,
    /// How many bytes in all.
    bytes: usize,
}

impl<L> Holder<L> {
    /// Whether it has had its turn.
    fn is_over(&self, now: Instant) -> bool {
        self.since + TURN <= now
    }
}

impl<L: Clone> Table<L> {
    fn new(budget: usize) -> Self {
        Self { budget, taken: 0, last: 0, holders: HashMap::new(), waiting: BTreeMap::new() }
    }

    fn want(&mut self, id: u64, wish: Wish<L>) {
        self.waiting.insert(id, wish);
    }

    fn leave(&mut self, id: u64) {
        self.waiting.remove(&id);
        if let Some(holder) = self.holders.remove(&id) {
            self.taken -= holder.bytes;
        }
    }

    /// Grants what can be granted, and ends turns for those that still wait.
    fn settle(&mut self, now: Instant) -> Vec<(L, Told)> {
        let mut told = Vec::new();
        if self.waiting.is_empty() {
            return told;
        }
        // Whoever has had room for longest gets more whatever is left, as long as it has its turn: if
        // all had some and wanted more, nobody would ever be done.
        let oldest = self.holders.iter().min_by_key(|(_, holder)| holder.number);
        if let Some((&oldest, holder)) = oldest
            && !holder.is_over(now)
            && let Some(wish) = self.waiting.remove(&oldest)
        {
            told.push(self.grant(oldest, wish, now));
        }
        while let Some(next) = self.next(now) {
            let wish = &self.waiting[&next];
            let has = self.holders.get(&next).map_or(0, |holder| holder.bytes);
            let missing = (self.taken - has + wish.bytes).saturating_sub(self.budget);
            if missing > 0 && self.taken > 0 {
                told.extend(self.end_turns(next, missing, now));
                break;
            }
            let wish = self.waiting.remove(&next).expect("it was just found");
            told.push(self.grant(next, wish, now));
        }
        told
    }

    /// Who gets room next: the newest, since a flood of connections that never end their descriptions
    /// came before; of those whose turn is over only if nobody else waits.
    fn next(&self, now: Instant) -> Option<u64> {
        let is_over = |id: &u64| self.holders.get(id).is_some_and(|holder| holder.is_over(now));
        let mut waiting = self.waiting.keys().rev().copied();
        let newest = waiting.clone().next();
        waiting.find(|id| !is_over(id)).or(newest)
    }

    fn grant(&mut self, id: u64, Wish { link, bytes }: Wish<L>, now: Instant) -> (L, Told) {
        let Self { holders, last, .. } = self;
        let holder = holders.entry(id).or_insert_with(|| {
            *last += 1;
            Holder { link, bytes: 0, number: *last, since: now, is_leaving: false }
        });
        self.taken += bytes - holder.bytes;
        holder.bytes = bytes;
        (holder.link.clone(), Told::Granted)
    }

    /// Ends turns that are over, the oldest first, until so many bytes will be free for one that
    /// waits.
    fn end_turns(&mut self, waits: u64, missing: usize, now: Instant) -> Vec<(L, Told)> {
        let (mut freed, mut told) = (0, Vec::new());
        let mut over = Vec::new();
        for (id, holder) in self.holders.iter_mut().filter(|(id, _)| **id != waits) {
            if holder.is_leaving {
                freed += holder.bytes;
            } else if holder.is_over(now) {
                over.push((id, holder));
            }
        }
        over.sort_unstable_by_key(|(_, holder)| holder.number);
        for (id, holder) in over {
            if freed >= missing {
                break;
            }
            self.waiting.remove(id);
            holder.is_leaving = true;
            freed += holder.bytes;
            told.push((holder.link.clone(), Told::TurnEnded));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table, and its clock.
    struct Desk {
        table: Table<u64>,
        now: Instant,
    }

    impl Desk {
        fn new(budget: usize) -> Self {
            Self { table: Table::new(budget), now: Instant::now() }
        }

        fn want(&mut self, id: u64, bytes: usize) -> Vec<(u64, Told)> {
            self.table.want(id, Wish { link: id, bytes });
            self.table.settle(self.now)
        }

        fn leave(&mut self, id: u64) -> Vec<(u64, Told)> {
            self.table.leave(id);
            self.table.settle(self.now)
        }

        fn after(&mut self, time: Duration) -> Vec<(u64, Told)> {
            self.now += time;
            self.table.settle(self.now)
        }
    }

    fn granted(id: u64) -> Vec<(u64, Told)> {
        vec![(id, Told::Granted)]
    }

    #[test]
    fn what_is_left_is_granted_and_the_newest_has_it_first() {
        let mut desk = Desk::new(40);
        assert_eq!(desk.want(1, 10), granted(1));
        assert_eq!(desk.want(2, 10), granted(2));
        assert_eq!(desk.want(2, 20), granted(2));
        assert_eq!(desk.want(3, 10), granted(3));
        assert_eq!(desk.table.taken, 40);
        for id in [4, 5] {
            assert_eq!(desk.want(id, 10), []);
        }
        assert_eq!(desk.leave(3), granted(5));
        assert_eq!(desk.leave(2), granted(4));
        for id in [1, 4, 5] {
            desk.leave(id);
        }
        assert_eq!(desk.table.taken, 0);
        assert!(desk.table.holders.is_empty());
    }

    /// Nobody is cut off as long as somebody can go on.
    #[test]
    fn when_all_want_more_the_oldest_gets_it() {
        let mut desk = Desk::new(40);
        for id in 1..=4 {
            assert_eq!(desk.want(id, 10), granted(id));
            desk.now += Duration::from_millis(1);
        }
        assert_eq!(desk.want(4, 20), []);
        assert_eq!(desk.want(3, 20), []);
        assert_eq!(desk.want(1, 20), granted(1));
        assert_eq!(desk.want(1, 40), granted(1));
        assert_eq!(desk.leave(1), granted(4));
        assert_eq!(desk.leave(4), granted(3));
    }

    #[test]
    fn a_turn_ends_only_for_others() {
        let mut desk = Desk::new(40);
        desk.want(1, 30);
        assert_eq!(desk.after(2 * TURN), []);
        assert_eq!(desk.want(2, 10), granted(2));
        assert_eq!(desk.want(3, 10), [(1, Told::TurnEnded)]);
        // It isn't told twice, and its room is free when it has gone.
        assert_eq!(desk.after(2 * TURN), []);
        assert_eq!(desk.leave(1), granted(3));
        assert_eq!(desk.want(4, 30), [(2, Told::TurnEnded)], "the second had 10");
    }

    /// What they leave is for others, and not for the next of them.
    #[test]
    fn those_whose_turn_is_over_get_no_more_while_others_wait() {
        let mut desk = Desk::new(40);
        for id in [1, 2, 4] {
            assert_eq!(desk.want(id, 10), granted(id));
            desk.now += Duration::from_millis(1);
        }
        desk.now += TURN;
        assert_eq!(desk.want(4, 20), granted(4), "nobody else waits");
        assert_eq!(desk.want(4, 40), [(1, Told::TurnEnded), (2, Told::TurnEnded)]);
        assert_eq!(desk.want(3, 20), []);
        assert_eq!(desk.leave(1), []);
        assert_eq!(desk.leave(2), granted(3));
    }

    #[test]
    fn no_turn_ends_early() {
        let mut desk = Desk::new(40);
        desk.want(1, 40);
        assert_eq!(desk.want(2, 10), []);
        assert_eq!(desk.after(TURN.saturating_sub(TICK)), []);
        assert_eq!(desk.after(TICK), [(1, Told::TurnEnded)]);
    }

    /// However small the budget is.
    #[test]
    fn one_always_has_room() {
        let mut desk = Desk::new(0);
        assert_eq!(desk.want(1, 10), granted(1));
        assert_eq!(desk.want(1, 20), granted(1));
        assert_eq!(desk.want(2, 10), []);
        assert_eq!(desk.leave(1), granted(2));
    }
}
