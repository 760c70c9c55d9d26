//! One subscriber's unread events, in a bounded queue.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use brpc_rt::{Budget, Charge};
use parking_lot::Mutex;

use super::event::Event;
use super::fair::{self, Excess};
use super::missed::Missed;
use super::unread::{Taken, Unread};

/// What happens when a subscriber lags.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Policy {
    /// The oldest events of those plugins are dropped that have the most unread ones.
    #[default]
    DropOldest,
    /// The new event is dropped.
    DropNewest,
    /// The new event is dropped, and no other follows.
    Close,
    /// Plugins wait: the credit of their unread events is withheld.
    Wait,
}

/// One subscriber's unread events.
#[derive(Debug, Default)]
pub(crate) struct Queue(Mutex<State>);

#[derive(Debug)]
struct State {
    /// The most events in it; with `Wait`, plugins may exceed it by their credit.
    capacity: usize,
    /// The most bytes in it, likewise.
    max_bytes: usize,
    policy: Policy,
    /// Events, and gaps in place of dropped events. An event follows each gap.
    unread: VecDeque<Unread>,
    /// The charge for the events in it.
    held: Charge,
    /// How many gaps are in it; they don't count as events.
    gaps: usize,
    /// Events dropped since the subscriber last read.
    lagged: Missed,
    /// Events dropped since one was last added: a gap at the end of the queue.
    missed: Missed,
    /// Whether a connection ended since `drop_ended` last looked for its events.
    may_have_ended: bool,
    /// No event follows.
    is_closed: bool,
    /// Whether the subscriber must still be told that it was cut off.
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
            held: Charge::default(),
            gaps: 0,
            lagged: Missed::default(),
            missed: Missed::default(),
            may_have_ended: false,
            is_closed: false,
            is_cut_off: false,
            reader: None,
        }
    }
}

/// What must be done and dropped after the locks are released.
#[derive(Debug, Default)]
pub(crate) struct Leftover {
    pub(crate) wakers: Vec<Waker>,
    pub(crate) unread: Vec<Unread>,
    credits: Vec<Taken>,
}

/// The result of a read.
#[derive(Debug)]
pub(crate) enum Read {
    /// Events.
    Some,
    /// These events were dropped before the next ones.
    Lagged(Missed),
    /// The subscriber was cut off, and nothing follows.
    CutOff,
    /// Nothing follows.
    End,
}

/// Which part of its limits a queue keeps while the hub holds all that it may: enough that one who
/// reads misses nothing.
const SCARCE: usize = 16;

/// The most events that a reader takes at once.
const READ_AT_ONCE: usize = 64;

impl Queue {
    /// A queue whose events are charged to this budget.
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self(Mutex::new(State { held: budget.hold(0), ..State::default() }))
    }

    /// Adds events.
    pub(crate) fn push(&self, events: Vec<Unread>, leftover: &mut Leftover) {
        let mut state = self.0.lock();
        for unread in events {
            state.push(unread, leftover);
        }
        leftover.wakers.extend(state.reader.take());
    }

    /// Lets no event follow; returns the waker of a waiting reader.
    pub(crate) fn close(&self) -> Option<Waker> {
        let mut state = self.0.lock();
        state.is_closed = true;
        state.reader.take()
    }

    /// Moves some events to the reader: enough that it rarely takes the lock, and few enough that
    /// little more than the capacity is kept.
    pub(crate) fn poll_read(
        &self,
        next: &mut VecDeque<Unread>,
        context: &mut Context<'_>,
    ) -> Poll<Read> {
        let mut state = self.0.lock();
        if !state.lagged.is_empty() {
            return Poll::Ready(Read::Lagged(std::mem::take(&mut state.lagged)));
        }
        if !state.unread.is_empty() {
            let most = (state.capacity / 16).clamp(1, READ_AT_ONCE);
            let count = most.min(state.unread.len());
            next.extend(state.unread.drain(..count));
            state.held.give_back(next.iter().map(Unread::size).sum());
            if state.gaps > 0 {
                state.gaps -= next.iter().filter(|unread| unread.is_gap()).count();
            }
            return Poll::Ready(Read::Some);
        }
        if !state.missed.is_empty() {
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
        // Code of others, like any waker.
        drop(before);
        Poll::Pending
    }

    pub(crate) fn set_capacity(&self, events: usize) {
        self.0.lock().capacity = events;
    }

    pub(crate) fn set_max_bytes(&self, bytes: usize) {
        self.0.lock().max_bytes = bytes;
    }

    pub(crate) fn set_policy(&self, policy: Policy) {
        self.0.lock().policy = policy;
    }

    /// Lets no event follow; returns the unread ones and the reader's waker, to be dropped by the
    /// subscriber: whoever publishes may hold the queue for longer.
    pub(crate) fn close_and_clear(&self) -> (VecDeque<Unread>, Option<Waker>) {
        let mut state = self.0.lock();
        state.is_closed = true;
        (state.held, state.gaps) = (Charge::default(), 0);
        (std::mem::take(&mut state.unread), state.reader.take())
    }
}

impl State {
    /// Adds an event. Keeps its credit if plugins wait for this subscriber.
    fn push(&mut self, mut unread: Unread, leftover: &mut Leftover) {
        if self.is_closed {
            return leftover.unread.push(unread);
        }
        let mut size = unread.size();
        if !self.missed.is_empty() {
            size += Unread::OVERHEAD + self.missed.size();
        }
        match self.policy {
            Policy::DropOldest => {
                leftover.credits.extend(unread.take_credit());
                self.make_room(size, &mut leftover.unread);
            }
            Policy::DropNewest | Policy::Close => {
                if self.is_full(size) {
                    return self.drop_newest(unread, leftover);
                }
                leftover.credits.extend(unread.take_credit());
            }
            Policy::Wait => self.drop_ended(size, &mut leftover.unread),
        }
        if !self.missed.is_empty() {
            let missed = std::mem::take(&mut self.missed);
            self.unread.push_back(Unread::new(Event::Lagged(missed)));
            self.gaps += 1;
        }
        self.held.add(size);
        self.may_have_ended |= matches!(unread.event(), Event::Disconnected(..));
        self.unread.push_back(unread);
    }

    /// The most events and bytes in it at the moment. Less where the hub holds all that it may: what
    /// is dropped then is of those who lag the most. But a subscriber that asked to miss nothing, or to
    /// be cut off, isn't made to because of others.
    fn most(&self) -> (usize, usize) {
        let drops = matches!(self.policy, Policy::DropOldest | Policy::DropNewest);
        let share = if drops && self.held.is_used_up() { SCARCE } else { 1 };
        ((self.capacity / share).max(1), self.max_bytes / share)
    }

    /// Whether an event of this size exceeds a limit.
    fn is_full(&self, size: usize) -> bool {
        let (events, bytes) = self.most();
        !self.unread.is_empty()
            && (self.unread.len() - self.gaps >= events || self.held.bytes() + size > bytes)
    }

    /// Drops an event for which there is no room.
    fn drop_newest(&mut self, unread: Unread, leftover: &mut Leftover) {
        if self.policy == Policy::Close {
            (self.is_closed, self.is_cut_off) = (true, true);
        } else {
            unread.event().count_missed(&mut self.missed);
            self.may_have_ended |= matches!(unread.event(), Event::Disconnected(..));
        }
        leftover.unread.push(unread);
    }

    /// Makes room by dropping old events of the plugins that have the most. Where events are many,
    /// for some more at once, since each time costs a walk along the queue.
    fn make_room(&mut self, size: usize, dropped: &mut Vec<Unread>) {
        while self.is_full(size) {
            let events = self.unread.len() - self.gaps;
            let (most, most_bytes) = self.most();
            let excess = if let Some(excess) = events.checked_sub(most) {
                Excess::Events(excess + (most / 8).max(1))
            } else {
                let spare = self.held.bytes() / events.max(1) * (events / 8);
                Excess::Bytes((self.held.bytes() + size).saturating_sub(most_bytes) + spare)
            };
            let taken = fair::take(&mut self.unread, excess);
            self.held.give_back(taken.iter().map(Unread::size).sum());
            self.gaps = 0;
            for unread in &taken {
                unread.event().count_missed(&mut self.lagged);
            }
            dropped.extend(taken);
        }
    }

    /// Makes room by dropping events of connections that have ended, for which no plugin waits. If
    /// there are none, the queue exceeds its capacity, by at most the credit of the connected
    /// plugins.
    ///
    /// Drops all of them at once, and looks for none before another connection has ended; otherwise
    /// each event would cost a walk along a queue that a slow reader lets grow long.
    fn drop_ended(&mut self, size: usize, dropped: &mut Vec<Unread>) {
        if !self.may_have_ended || !self.is_full(size) {
            return;
        }
        self.may_have_ended = false;
        let (ended, kept): (VecDeque<Unread>, _) =
            std::mem::take(&mut self.unread).into_iter().partition(Unread::has_ended);
        self.unread = kept;
        self.held.give_back(ended.iter().map(Unread::size).sum());
        self.gaps = 0;
        for unread in &ended {
            unread.event().count_missed(&mut self.lagged);
        }
        dropped.extend(ended);
    }
}

#[cfg(test)]
mod tests;
