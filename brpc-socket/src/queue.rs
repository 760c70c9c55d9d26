//! What one subscriber has not read yet: a bounded queue of events.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::event::Event;
use crate::unread::{Taken, Unread};

/// What happens when a subscriber lags.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Policy {
    /// The oldest event is dropped.
    #[default]
    DropOldest,
    /// The event that comes is dropped.
    DropNewest,
    /// The event that comes is dropped, and no other follows.
    Close,
    /// Plugins wait: the credit of their unread events is withheld.
    Wait,
}

/// What one subscriber has not read yet.
#[derive(Debug, Default)]
pub(crate) struct Queue(Mutex<State>);

#[derive(Debug)]
struct State {
    /// The most events in it, but for what plugins that wait may have sent ahead.
    capacity: usize,
    /// The most bytes in it, likewise.
    max_bytes: usize,
    policy: Policy,
    /// Events, and gaps where some were dropped that came. Behind each gap is an event.
    unread: VecDeque<Unread>,
    /// Bytes of the events in it.
    bytes: usize,
    /// How many gaps are in it, which don't count as events.
    gaps: usize,
    /// Events dropped since the last that was read.
    lagged: u64,
    /// Events dropped since the last that was added: a gap behind all that is in it.
    missed: u64,
    /// Whether a connection ended since its events were last looked for.
    may_have_ended: bool,
    /// No event follows.
    is_closed: bool,
    /// Whether the subscriber is still to be told that it was cut off.
    is_cut_off: bool,
    /// Set while the subscriber waits.
    reader: Option<Waker>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            capacity: 1_024,
            max_bytes: 16 << 20,
            policy: Policy::default(),
            unread: VecDeque::new(),
            bytes: 0,
            gaps: 0,
            lagged: 0,
            missed: 0,
            may_have_ended: false,
            is_closed: false,
            is_cut_off: false,
            reader: None,
        }
    }
}

/// What is to be done, and to be dropped, when no lock is held any more.
#[derive(Debug, Default)]
pub(crate) struct Leftover {
    pub(crate) wakers: Vec<Waker>,
    pub(crate) unread: Vec<Unread>,
    credits: Vec<Taken>,
}

/// What came of a wish to read.
#[derive(Debug)]
pub(crate) enum Read {
    /// Events.
    Some,
    /// So many were dropped before those that come next.
    Lagged(u64),
    /// It was too slow, and nothing follows.
    CutOff,
    /// Nothing follows.
    End,
}

/// The most events that a reader takes at once.
const READ_AT_ONCE: usize = 64;

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds events.
    pub(crate) fn push(&self, events: Vec<Unread>, leftover: &mut Leftover) {
        let mut state = self.lock();
        for unread in events {
            state.push(unread, leftover);
        }
        leftover.wakers.extend(state.reader.take());
    }

    /// No event follows; whom to wake.
    pub(crate) fn close(&self) -> Option<Waker> {
        let mut state = self.lock();
        state.is_closed = true;
        state.reader.take()
    }

    /// Moves some events to the reader: so many that it takes the lock rarely, and so few that what
    /// is kept remains what was asked for.
    pub(crate) fn poll_read(
        &self,
        next: &mut VecDeque<Unread>,
        context: &mut Context<'_>,
    ) -> Poll<Read> {
        let mut state = self.lock();
        if state.lagged > 0 {
            return Poll::Ready(Read::Lagged(std::mem::take(&mut state.lagged)));
        }
        if !state.unread.is_empty() {
            let most = (state.capacity / 16).clamp(1, READ_AT_ONCE);
            let count = most.min(state.unread.len());
            next.extend(state.unread.drain(..count));
            state.bytes -= next.iter().map(Unread::size).sum::<usize>();
            if state.gaps > 0 {
                state.gaps -= next.iter().filter(|unread| unread.is_gap()).count();
            }
            return Poll::Ready(Read::Some);
        }
        if state.missed > 0 {
            return Poll::Ready(Read::Lagged(std::mem::take(&mut state.missed)));
        }
        if std::mem::take(&mut state.is_cut_off) {
            return Poll::Ready(Read::CutOff);
        }
        if state.is_closed {
            return Poll::Ready(Read::End);
        }
        let before = state.reader.replace(context.waker().clone());
        drop(state);
        // Somebody else's code, like any waker.
        drop(before);
        Poll::Pending
    }

    pub(crate) fn set_capacity(&self, events: usize) {
        self.lock().capacity = events;
    }

    pub(crate) fn set_max_bytes(&self, bytes: usize) {
        self.lock().max_bytes = bytes;
    }

    pub(crate) fn set_policy(&self, policy: Policy) {
        self.lock().policy = policy;
    }

    /// No event follows, and what is there is not read any more.
    pub(crate) fn close_and_clear(&self) -> VecDeque<Unread> {
        let mut state = self.lock();
        state.is_closed = true;
        (state.bytes, state.gaps) = (0, 0);
        std::mem::take(&mut state.unread)
    }
}

impl State {
    /// Adds an event. Its credit is kept if plugins wait for this subscriber.
    fn push(&mut self, mut unread: Unread, leftover: &mut Leftover) {
        if self.is_closed {
            return leftover.unread.push(unread);
        }
        let mut size = unread.size();
        if self.missed > 0 {
            size += Unread::OVERHEAD;
        }
        match self.policy {
            Policy::DropOldest => {
                leftover.credits.extend(unread.take_credit());
                self.drop_oldest(size, &mut leftover.unread);
            }
            Policy::DropNewest | Policy::Close => {
                if self.is_full(size) {
                    return self.drop_newest(unread, leftover);
                }
                leftover.credits.extend(unread.take_credit());
            }
            Policy::Wait => self.drop_ended(size, &mut leftover.unread),
        }
        if self.missed > 0 {
            let missed = std::mem::take(&mut self.missed);
            self.unread.push_back(Unread::new(Event::Lagged(missed)));
            self.gaps += 1;
        }
        self.bytes += size;
        self.may_have_ended |= matches!(unread.event(), Event::Disconnected(..));
        self.unread.push_back(unread);
    }

    /// Whether an event of this size is too much.
    fn is_full(&self, size: usize) -> bool {
        !self.unread.is_empty()
            && (self.unread.len() - self.gaps >= self.capacity
                || self.bytes + size > self.max_bytes)
    }

    /// Leaves an event out, for which there is no room.
    fn drop_newest(&mut self, unread: Unread, leftover: &mut Leftover) {
        if self.policy == Policy::Close {
            (self.is_closed, self.is_cut_off) = (true, true);
        } else {
            self.missed += 1;
            self.may_have_ended |= matches!(unread.event(), Event::Disconnected(..));
        }
        leftover.unread.push(unread);
    }

    /// Makes room by dropping what is oldest.
    fn drop_oldest(&mut self, size: usize, dropped: &mut Vec<Unread>) {
        while self.is_full(size) {
            let Some(unread) = self.unread.pop_front() else { return };
            self.bytes -= unread.size();
            self.gaps -= usize::from(unread.is_gap());
            self.lagged += unread.missed();
            dropped.push(unread);
        }
    }

    /// Makes room by dropping what is of connections that have ended: nobody waits with it. Where
    /// there is none, the queue becomes longer than its capacity, by what the plugins that are
    /// connected may send ahead.
    ///
    /// All of it is dropped in one go, and none is looked for before another connection has ended;
    /// else each event would cost a walk along a queue that a slow reader lets grow long.
    fn drop_ended(&mut self, size: usize, dropped: &mut Vec<Unread>) {
        if !self.may_have_ended || !self.is_full(size) {
            return;
        }
        self.may_have_ended = false;
        let (ended, kept): (VecDeque<Unread>, _) =
            std::mem::take(&mut self.unread).into_iter().partition(Unread::has_ended);
        self.unread = kept;
        self.bytes -= ended.iter().map(Unread::size).sum::<usize>();
        self.gaps = 0;
        self.lagged += ended.iter().map(Unread::missed).sum::<u64>();
        dropped.extend(ended);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Weak};

    use brpc_core::{DisconnectReason, Limits};
    use brpc_proto::{Description, Hello};
    use bytes::Bytes;

    use super::*;
    use crate::bus::Bus;
    use crate::credit::{Consumed, Origin};
    use crate::event::{Message, PluginRef};

    fn message(plugin: &PluginRef) -> Unread {
        let consumed = Arc::new(Consumed::new(&Limits::default(), true));
        let origin = Arc::new(Origin { plugin: plugin.clone(), consumed, link: Weak::new() });
        Unread::new(Event::Message(Message { origin, payload: Bytes::from_static(b"1") }))
    }

    /// Whether the counts of a queue are those of what is in it.
    fn counts_are_right(state: &State) -> bool {
        let bytes: usize = state.unread.iter().map(Unread::size).sum();
        let gaps = state.unread.iter().filter(|unread| unread.is_gap()).count();
        (state.bytes, state.gaps) == (bytes, gaps)
    }

    /// Reads once: how many events were seen, or are known to be missing.
    fn read(queue: &Queue) -> u64 {
        let mut next = VecDeque::new();
        match queue.poll_read(&mut next, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Read::Some) => next.iter().map(Unread::missed).sum(),
            Poll::Ready(Read::Lagged(missed)) => missed,
            _ => 0,
        }
    }

    fn plugin(name: &str, generation: u64) -> PluginRef {
        let hello = Hello::new(name, Description::new(&[]).unwrap().into());
        PluginRef::new(name.to_owned(), &hello, generation)
    }

    fn here() -> PluginRef {
        plugin("here", 1)
    }

    /// Whatever is asked for and in whichever order, nothing is lost without being counted.
    #[test]
    fn every_event_is_read_or_counted() {
        let (bus, here, gone) = (Bus::default(), here(), here());
        gone.set_ended(DisconnectReason::Unclean);
        let gone = || Unread::new(Event::Disconnected(gone.clone(), DisconnectReason::Unclean));
        let policies = [Policy::DropOldest, Policy::DropNewest, Policy::Wait];
        let one = message(&here).size();
        for seed in 0..2_000_u64 {
            let sizes = [1 + seed % 5, 1 + seed % 7].map(|size| usize::try_from(size).unwrap());
            let events = bus.subscribe().capacity(sizes[0]).capacity_bytes(sizes[1] * one);
            let queue = &events.queue;
            let (mut seen, mut pushed) = (0, 0);
            let mut dice = seed;
            for _ in 0..50 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                match dice >> 61 {
                    0 => queue.set_policy(policies[usize::try_from(dice >> 40).unwrap() % 3]),
                    1..=3 => seen += read(queue),
                    4 => {
                        bus.publish(vec![gone()]);
                        pushed += 1;
                    }
                    more => {
                        bus.publish((3..more).map(|_| message(&here)).collect());
                        pushed += more - 3;
                    }
                }
                let state = queue.lock();
                assert!(counts_are_right(&state), "{seed}: {state:?}");
                let unread: u64 = state.unread.iter().map(Unread::missed).sum();
                let known = seen + unread + state.lagged + state.missed;
                assert_eq!(known, pushed, "{seed}: {state:?}");
            }
        }
    }

    #[test]
    fn neither_limit_is_passed_by_what_drops_the_newest() {
        let here = here();
        let one = message(&here).size();
        for (capacity, bytes) in [(4, usize::MAX), (usize::MAX, 4 * one), (3, 4 * one)] {
            let bus = Bus::default();
            let events = bus.subscribe().capacity(capacity).capacity_bytes(bytes).drop_newest();
            for round in 0..100 {
                bus.publish((0..3).map(|_| message(&here)).collect());
                let state = events.queue.lock();
                assert!(state.unread.len() - state.gaps <= capacity && state.bytes <= bytes);
                assert!(counts_are_right(&state));
                drop(state);
                if round % 2 == 0 {
                    read(&events.queue);
                }
            }
        }
    }

    #[test]
    fn one_that_is_cut_off_keeps_what_it_has_and_no_more() {
        let here = here();
        let bus = Bus::default();
        let events = bus.subscribe().capacity(3).close_on_lag();
        for _ in 0..100 {
            bus.publish((0..5).map(|_| message(&here)).collect());
        }
        let state = events.queue.lock();
        assert_eq!((state.unread.len(), state.missed, state.lagged), (3, 0, 0));
        assert!(state.is_closed && state.is_cut_off && counts_are_right(&state));
    }

    /// Each event would cost a walk along the queue.
    #[test]
    fn nothing_is_looked_for_while_nobody_has_gone() {
        let (bus, here) = (Bus::default(), here());
        let events = bus.subscribe().capacity(4).wait();
        for _ in 0..100 {
            bus.publish(vec![message(&here)]);
            assert!(!events.queue.lock().may_have_ended);
        }
        assert_eq!(events.queue.lock().unread.len(), 100, "those who are here are waited for");

        let gone = plugin("gone", 2);
        bus.publish(vec![message(&gone)]);
        gone.set_ended(DisconnectReason::Unclean);
        let gone = Event::Disconnected(gone, DisconnectReason::Unclean);
        bus.publish(vec![Unread::new(gone)]);
        bus.publish(vec![message(&here)]);
        let state = events.queue.lock();
        assert_eq!((state.unread.len(), state.lagged, state.may_have_ended), (101, 2, false));
        let sizes = state.unread.iter().map(Unread::size);
        assert_eq!(state.bytes, sizes.sum::<usize>());
    }
}
