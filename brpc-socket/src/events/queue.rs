//! What one subscriber has not read yet: a bounded queue of events.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::event::Event;
use super::unread::{Taken, Unread};

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
    /// Adds events.
    pub(crate) fn push(&self, events: Vec<Unread>, leftover: &mut Leftover) {
        let mut state = self.0.lock();
        for unread in events {
            state.push(unread, leftover);
        }
        leftover.wakers.extend(state.reader.take());
    }

    /// No event follows; whom to wake.
    pub(crate) fn close(&self) -> Option<Waker> {
        let mut state = self.0.lock();
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
        let mut state = self.0.lock();
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
        self.0.lock().capacity = events;
    }

    pub(crate) fn set_max_bytes(&self, bytes: usize) {
        self.0.lock().max_bytes = bytes;
    }

    pub(crate) fn set_policy(&self, policy: Policy) {
        self.0.lock().policy = policy;
    }

    /// No event follows, and what is there is not read any more.
    pub(crate) fn close_and_clear(&self) -> VecDeque<Unread> {
        let mut state = self.0.lock();
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
mod tests;
