//! Bounded queues of events, one a subscriber.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use crate::event::{Event, PluginRef};
use crate::link::Credit;

/// How to subscribe to events; made by [`Socket::events`](crate::Socket::events).
///
/// The default drops the oldest event when the subscriber lags. That suits monitors; a subscriber
/// that must see everything asks for [`wait`](Self::wait).
#[must_use = "nothing is subscribed to before `subscribe`"]
#[derive(Debug)]
pub struct Subscribe<'a> {
    bus: &'a Bus,
    capacity: usize,
    bytes: usize,
    policy: Policy,
}

/// What happens when a subscriber lags.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Policy {
    /// The oldest event is dropped.
    DropOldest,
    /// Plugins wait: the credit of their unread events is withheld.
    Wait,
}

impl<'a> Subscribe<'a> {
    pub(crate) fn new(bus: &'a Bus) -> Self {
        Self { bus, capacity: 1_024, bytes: 16 << 20, policy: Policy::DropOldest }
    }

    /// Keeps so many events for a subscriber that lags. Default 1,024, at least 1.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events.max(1);
        self
    }

    /// Keeps so many bytes of events for a subscriber that lags. Default 16 MiB. One event is kept
    /// whatever its size.
    pub fn capacity_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Makes plugins wait for this subscriber: an event's credit goes back to its plugin when the
    /// event was read here, so a plugin whose 256 events are unread has to wait with the next.
    ///
    /// No event of a plugin that is connected is dropped. Beyond the capacity, events of
    /// connections that have ended are, and are seen as [`Event::Lagged`]: nobody can wait any
    /// more. Note that *one* such subscriber that doesn't read holds up the events of every plugin
    /// for everyone; calls are not affected.
    pub fn wait(mut self) -> Self {
        self.policy = Policy::Wait;
        self
    }

    /// Subscribes: every event from now on is seen.
    pub fn subscribe(self) -> Events {
        let queue = Arc::new(Queue {
            capacity: self.capacity,
            bytes: self.bytes,
            policy: self.policy,
            state: Mutex::new(State::default()),
        });
        self.bus.add(&queue);
        Events { queue }
    }
}

/// A stream of events. It ends after the hub has shut down.
#[must_use = "unread events are dropped, or make plugins wait"]
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue>,
}

impl Events {
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

/// All subscribers of a hub.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    /// Held while an event is put into all queues, so that all see the same order.
    queues: Mutex<Vec<Weak<Queue>>>,
}

impl Bus {
    /// Puts an event into every queue. Its credit goes back when the last subscriber that plugins
    /// wait for has read it; at once if there is none.
    pub(crate) fn publish(&self, event: &Event, credit: Option<Credit>) {
        let credit = credit.map(Arc::new);
        let mut wakers = Vec::new();
        let mut dropped = Vec::new();
        {
            let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            queues.retain(|queue| {
                let Some(queue) = queue.upgrade() else { return false };
                wakers.extend(queue.push(event, credit.as_ref(), &mut dropped));
                true
            });
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether anybody would see an event.
    pub(crate) fn is_empty(&self) -> bool {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Ends every stream, after what it still holds.
    pub(crate) fn close(&self) {
        let queues =
            std::mem::take(&mut *self.queues.lock().unwrap_or_else(PoisonError::into_inner));
        for queue in queues.iter().filter_map(Weak::upgrade) {
            let waker = {
                let mut state = queue.lock();
                state.is_closed = true;
                state.reader.take()
            };
            waker.into_iter().for_each(Waker::wake);
        }
    }

    fn add(&self, queue: &Arc<Queue>) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.push(Arc::downgrade(queue));
    }
}

/// What one subscriber has not read yet.
#[derive(Debug)]
struct Queue {
    capacity: usize,
    bytes: usize,
    policy: Policy,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    unread: VecDeque<Unread>,
    /// Bytes of the events in it.
    bytes: usize,
    /// Events dropped since the last that was read.
    lagged: u64,
    /// No event follows.
    is_closed: bool,
    /// Set while the subscriber waits.
    reader: Option<Waker>,
}

#[derive(Debug)]
struct Unread {
    event: Event,
    /// Gives the credit back when it is dropped.
    _credit: Option<Arc<Credit>>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event; whom to wake. What had to go is put into `dropped`, to be dropped without a
    /// lock.
    fn push(
        &self,
        event: &Event,
        credit: Option<&Arc<Credit>>,
        dropped: &mut Vec<Unread>,
    ) -> Option<Waker> {
        let mut state = self.lock();
        let size = size_of_event(event);
        while !state.unread.is_empty()
            && (state.unread.len() >= self.capacity || state.bytes + size > self.bytes)
        {
            let place = match self.policy {
                Policy::DropOldest => Some(0),
                Policy::Wait => state.unread.iter().position(Unread::has_ended),
            };
            // Without one, the queue is longer than its capacity by what the plugins that are
            // connected may send ahead.
            let Some(unread) = place.and_then(|place| state.unread.remove(place)) else { break };
            state.bytes -= size_of_event(&unread.event);
            state.lagged += 1;
            dropped.push(unread);
        }
        let credit = credit.filter(|_| self.policy == Policy::Wait).cloned();
        state.bytes += size;
        state.unread.push_back(Unread { event: event.clone(), _credit: credit });
        state.reader.take()
    }

    fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Event>> {
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
    fn close_and_clear(&mut self) -> VecDeque<Unread> {
        self.is_closed = true;
        self.bytes = 0;
        std::mem::take(&mut self.unread)
    }
}

impl Unread {
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
