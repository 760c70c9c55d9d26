//! What one subscriber sees: a bounded queue of events.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures_core::Stream;

use crate::credit::Credit;
use crate::event::{Event, PluginRef};

/// What happens when a subscriber lags.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Policy {
    /// The oldest event is dropped.
    #[default]
    DropOldest,
    /// Plugins wait: the credit of their unread events is withheld.
    Wait,
}

/// A subscriber's stream of events; made by [`Socket::events`](crate::Socket::events). It ends after
/// the hub has shut down; one that is made on a hub that has shut down, and serves nothing yet, is at
/// its end at once.
///
/// What it has not read yet is bounded. By default the oldest event is dropped when it lags, and
/// [`Event::Lagged`] says how many were; that suits monitors. A subscriber that must see everything
/// asks for [`wait`](Self::wait).
#[must_use = "unread events are dropped, or make plugins wait"]
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue>,
}

impl Events {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }

    /// Keeps so many unread events. Default 1,024, at least 1.
    pub fn capacity(self, events: usize) -> Self {
        self.queue.lock().capacity = events.max(1);
        self
    }

    /// Keeps so many bytes of unread events. Default 16 MiB. One event is kept whatever its size.
    pub fn capacity_bytes(self, bytes: usize) -> Self {
        self.queue.lock().max_bytes = bytes;
        self
    }

    /// Makes plugins wait for this subscriber: an event's credit goes back to its plugin when the
    /// event was read here, so a plugin whose 256 events are unread has to wait with the next.
    ///
    /// No event of a plugin that is connected is dropped. Beyond the capacity, events of
    /// connections that have ended are, and are seen as [`Event::Lagged`], before what is
    /// left: nobody can wait any more. Note that *one* such subscriber that doesn't read holds up the events of every plugin
    /// for everyone; calls are not affected.
    pub fn wait(self) -> Self {
        self.queue.lock().policy = Policy::Wait;
        self
    }

    /// The next event; `None` after the hub has shut down.
    ///
    /// # Cancel safety
    /// It can be dropped at any time and no event is lost.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.queue.poll_next(context)).await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.queue.poll_next(context)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // Gives the credit of what was not read back, outside of the lock.
        let unread = self.queue.lock().close_and_clear();
        drop(unread);
    }
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

/// An event in a queue, or on its way into some.
#[derive(Debug)]
pub(crate) struct Unread {
    event: Event,
    /// Goes back when it is dropped.
    credit: Option<Credit>,
}

/// What is to be done, and to be dropped, when no lock is held any more.
#[derive(Debug, Default)]
pub(crate) struct Leftover {
    pub(crate) wakers: Vec<Waker>,
    pub(crate) unread: Vec<Unread>,
    credits: Vec<Credit>,
}

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

    fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        // A loop that reads is not to keep others from running.
        let coop = ready!(tokio::task::coop::poll_proceed(context));
        let event = self.poll_unread(context);
        if event.is_ready() {
            coop.made_progress();
        }
        event
    }

    fn poll_unread(&self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = self.lock();
        if state.lagged > 0 {
            return Poll::Ready(Some(Event::Lagged(std::mem::take(&mut state.lagged))));
        }
        if let Some(unread) = state.unread.pop_front() {
            state.bytes -= size_of_event(&unread.event);
            // The credit goes back without the lock.
            drop(state);
            return Poll::Ready(Some(unread.event));
        }
        if state.is_closed {
            return Poll::Ready(None);
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl State {
    /// Adds an event. Its credit is kept if plugins wait for this subscriber.
    fn push(&mut self, mut unread: Unread, leftover: &mut Leftover) {
        let size = size_of_event(&unread.event);
        match self.policy {
            Policy::DropOldest => {
                leftover.credits.extend(unread.credit.take());
                self.drop_oldest(size, &mut leftover.unread);
            }
            Policy::Wait => self.drop_ended(size, &mut leftover.unread),
        }
        self.bytes += size;
        self.may_have_ended |= matches!(unread.event, Event::Disconnected(..));
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
            self.bytes -= size_of_event(&unread.event);
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
        self.bytes -= ended.iter().map(|unread| size_of_event(&unread.event)).sum::<usize>();
        self.lagged += ended.len() as u64;
        dropped.extend(ended);
    }

    fn close_and_clear(&mut self) -> VecDeque<Unread> {
        self.is_closed = true;
        self.bytes = 0;
        std::mem::take(&mut self.unread)
    }
}

impl Unread {
    pub(crate) fn new(event: Event, credit: Option<Credit>) -> Self {
        Self { event, credit }
    }

    /// The same event, for one more queue.
    pub(crate) fn share(&mut self) -> Self {
        let (one, other) = self.credit.take().map(Credit::share).unzip();
        self.credit = one;
        Self { event: self.event.clone(), credit: other }
    }

    /// Whether it is of a connection that has ended.
    fn has_ended(&self) -> bool {
        match &self.event {
            Event::Message(message) => message.plugin.has_ended(),
            Event::Connected(plugin) | Event::Disconnected(plugin, _) => plugin.has_ended(),
            Event::Lagged(_) => true,
        }
    }
}

/// What an event takes in a queue, about.
fn size_of_event(event: &Event) -> usize {
    const OVERHEAD: usize = size_of::<Unread>() + size_of::<PluginRef>();
    match event {
        Event::Message(message) => OVERHEAD + message.payload.len(),
        _ => OVERHEAD,
    }
}

#[cfg(test)]
mod tests {
    use brpc_core::DisconnectReason;
    use bytes::Bytes;

    use super::*;
    use crate::bus::Bus;
    use crate::event::Message;

    fn message(plugin: &PluginRef) -> Unread {
        let (plugin, payload) = (plugin.clone(), Bytes::from_static(b"1"));
        Unread::new(Event::Message(Message { plugin, payload }), None)
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
        gone.set_ended();
        let gone = Event::Disconnected(gone, DisconnectReason::Unclean);
        bus.publish(vec![Unread::new(gone, None)]);
        bus.publish(vec![message(&here)]);
        let state = events.queue.lock();
        assert_eq!((state.unread.len(), state.lagged, state.may_have_ended), (101, 2, false));
        let sizes = state.unread.iter().map(|unread| size_of_event(&unread.event));
        assert_eq!(state.bytes, sizes.sum::<usize>());
    }
}
