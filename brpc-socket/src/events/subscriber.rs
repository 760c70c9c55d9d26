//! A subscriber's stream of events.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::bus::Bus;
use super::event::Event;
use super::queue::{Policy, Queue, Read};
use super::unread::Unread;

/// A subscriber's stream of events; made by [`Socket::events`](crate::Socket::events). It ends
/// after the hub has shut down. A stream that is made after that, before the hub serves again, ends
/// at once.
///
/// Its unread events are limited. By default the hub drops old events of the plugins that have the
/// most when the subscriber lags, and [`Event::Lagged`] says how many were dropped, and whose; that
/// suits monitors. A subscriber that must see everything uses [`wait`](Self::wait), or [`close_on_lag`](Self::close_on_lag) if it can
/// begin again; one that needs the first of many events uses [`drop_newest`](Self::drop_newest). If
/// several of these are given, the last one counts.
#[must_use = "unread events are dropped, or make plugins wait"]
#[derive(Debug)]
pub struct Events {
    pub(super) queue: Arc<Queue>,
    /// Events that are taken out of the queue and about to be read.
    next: VecDeque<Unread>,
}

impl Events {
    /// A subscriber that receives every event from now on.
    pub(crate) fn of(bus: &Bus) -> Self {
        Self { queue: bus.subscribe(), next: VecDeque::new() }
    }

    /// The most unread events, and up to a sixteenth more that are about to be read. Default 1,024,
    /// at least 1. When the oldest are dropped, up to an eighth of them are dropped at once.
    pub fn capacity(self, events: usize) -> Self {
        self.queue.set_capacity(events.max(1));
        self
    }

    /// The most bytes of unread events. Default 16 MiB. One event is kept whatever its size.
    pub fn capacity_bytes(self, bytes: usize) -> Self {
        self.queue.set_max_bytes(bytes);
        self
    }

    /// If there is no room, drops the new events instead of the oldest. [`Event::Lagged`] stands in
    /// their place, between those before and after them. So a plugin that floods may leave no room for
    /// others; without this it pushes out its own events only. Any event may be missing, even that a
    /// plugin has disconnected. Plugins don't wait.
    pub fn drop_newest(self) -> Self {
        self.queue.set_policy(Policy::DropNewest);
        self
    }

    /// Ends the stream at the first event for which there is no room: the subscriber can read the
    /// events that are kept, then [`Event::CutOff`], and then the stream ends. So no event is
    /// missing among those that it reads, and it knows that it must begin again, with a new stream
    /// and a look at the connected plugins. Plugins don't wait.
    pub fn close_on_lag(self) -> Self {
        self.queue.set_policy(Policy::Close);
        self
    }

    /// Makes plugins wait for this subscriber: the hub returns an event's credit to its plugin when
    /// the event is read here. So a plugin with 1,024 unread events must wait with the next one.
    ///
    /// No event of a connected plugin is dropped. Beyond the capacity, the hub drops the events of
    /// connections that have ended, since no plugin waits for them; [`Event::Lagged`] stands before
    /// the events that are left. Note that *one* such subscriber that doesn't read delays the
    /// events of every plugin for all subscribers. Calls are not affected, except those to plugins
    /// of the Go package, whose answers wait behind their events: a reader of these events must not
    /// wait for such a call in between.
    pub fn wait(self) -> Self {
        self.queue.set_policy(Policy::Wait);
        self
    }

    /// The next event; `None` after the hub has shut down, and after [`Event::CutOff`].
    ///
    /// # Cancel safety
    /// It can be dropped at any time; no event is lost.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_event(context)).await
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        // A loop that reads must let other tasks run.
        let coop = ready!(tokio::task::coop::poll_proceed(context));
        if self.next.is_empty() {
            match ready!(self.queue.poll_read(&mut self.next, context)) {
                Read::Some => {}
                Read::Lagged(count) => return Poll::Ready(Some(Event::Lagged(count))),
                Read::CutOff => return Poll::Ready(Some(Event::CutOff)),
                Read::End => return Poll::Ready(None),
            }
        }
        coop.made_progress();
        Poll::Ready(self.next.pop_front().map(Unread::into_event))
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(context)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // Returns the credit of the unread events, without the lock.
        drop(self.queue.close_and_clear());
    }
}
