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
    unread: VecDeque<Unread>,
    /// Bytes of the events in it.
    bytes: usize,
    /// Events dropped since the last that was read.
    lagged: u64,
    /// Whether a connection ended since its events were last looked for.
    may_have_ended: bool,
    /// No event follows.
    is_closed: bool,
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
            lagged: 0,
            may_have_ended: false,
            is_closed: false,
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
            return Poll::Ready(Read::Some);
        }
        if state.is_closed {
            return Poll::Ready(Read::End);
        }
        state.reader = Some(context.waker().clone());
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
        state.bytes = 0;
        std::mem::take(&mut state.unread)
    }
}

impl State {
    /// Adds an event. Its credit is kept if plugins wait for this subscriber.
    fn push(&mut self, mut unread: Unread, leftover: &mut Leftover) {
        let size = unread.size();
        match self.policy {
            Policy::DropOldest => {
                leftover.credits.extend(unread.take_credit());
                self.drop_oldest(size, &mut leftover.unread);
            }
            Policy::Wait => self.drop_ended(size, &mut leftover.unread),
        }
        self.bytes += size;
        self.may_have_ended |= matches!(unread.event(), Event::Disconnected(..));
        self.unread.push_back(unread);
    }

    /// Whether an event of this size is too much.
    fn is_full(&self, size: usize) -> bool {
        !self.unread.is_empty()
            && (self.unread.len() >= self.capacity || self.bytes + size > self.max_bytes)
    }

    /// Makes room by dropping what is oldest.
    fn drop_oldest(&mut self, size: usize, dropped: &mut Vec<Unread>) {
        while self.is_full(size) {
            let Some(unread) = self.unread.pop_front() else { return };
            self.bytes -= unread.size();
            self.lagged += 1;
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
        self.lagged += ended.len() as u64;
        dropped.extend(ended);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Weak};

    use brpc_core::DisconnectReason;
    use bytes::Bytes;

    use super::*;
    use crate::bus::Bus;
    use crate::credit::Origin;
    use crate::event::{Message, PluginRef};

    fn message(plugin: &PluginRef) -> Unread {
        let origin = Arc::new(Origin { plugin: plugin.clone(), link: Weak::new() });
        Unread::new(Event::Message(Message { origin, payload: Bytes::from_static(b"1") }))
    }

    /// Each event would cost a walk along the queue.
    #[test]
    fn nothing_is_looked_for_while_nobody_has_gone() {
        let (bus, here) = (Bus::default(), PluginRef::new("here".into(), String::new(), 1));
        let events = bus.subscribe().capacity(4).wait();
        for _ in 0..100 {
            bus.publish(vec![message(&here)]);
            assert!(!events.queue.lock().may_have_ended);
        }
        assert_eq!(events.queue.lock().unread.len(), 100, "those who are here are waited for");

        let gone = PluginRef::new("gone".into(), String::new(), 2);
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
