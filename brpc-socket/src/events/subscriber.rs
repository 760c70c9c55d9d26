//! What one subscriber sees.

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

/// A subscriber's stream of events; made by [`Socket::events`](crate::Socket::events). It ends after
/// the hub has shut down; one that is made on a hub that has shut down, and serves nothing yet, is at
/// its end at once.
///
/// What it has not read yet is bounded. By default the oldest event is dropped when it lags, and
/// [`Event::Lagged`] says how many were; that suits monitors. A subscriber that must see everything
/// asks for [`wait`](Self::wait), or for [`close_on_lag`](Self::close_on_lag) if it can begin again;
/// one to whom the first of many matters asks for [`drop_newest`](Self::drop_newest). Of the three
/// the last one that is asked for counts.
#[must_use = "unread events are dropped, or make plugins wait"]
#[derive(Debug)]
pub struct Events {
    pub(super) queue: Arc<Queue>,
    /// Taken out of the queue, and about to be read.
    next: VecDeque<Unread>,
}

impl Events {
    /// A subscriber that sees every event from now on.
    pub(crate) fn of(bus: &Bus) -> Self {
        Self { queue: bus.subscribe(), next: VecDeque::new() }
    }

    /// Keeps so many unread events, and at most a sixteenth more that are about to be read. Default
    /// 1,024, at least 1.
    pub fn capacity(self, events: usize) -> Self {
        self.queue.set_capacity(events.max(1));
        self
    }

    /// Keeps so many bytes of unread events. Default 16 MiB. One event is kept whatever its size.
    pub fn capacity_bytes(self, bytes: usize) -> Self {
        self.queue.set_max_bytes(bytes);
        self
    }

    /// Drops the events for which there is no room when they come, in place of the oldest. Where some
    /// are missing, [`Event::Lagged`] stands between those that came before and after them. Any event
    /// may be missing, also that a plugin has gone. Plugins don't wait.
    pub fn drop_newest(self) -> Self {
        self.queue.set_policy(Policy::DropNewest);
        self
    }

    /// Ends the stream at the first event for which there is no room: what is kept can be read, then
    /// comes [`Event::CutOff`], and then the end. So none is missing among those that are read, and
    /// who was too slow knows to begin again, with a new stream and a look at what is connected.
    /// Plugins don't wait.
    pub fn close_on_lag(self) -> Self {
        self.queue.set_policy(Policy::Close);
        self
    }

    /// Makes plugins wait for this subscriber: an event's credit goes back to its plugin when the
    /// event was read here, so a plugin whose 1,024 events are unread has to wait with the next.
    ///
    /// No event of a plugin that is connected is dropped. Beyond the capacity, events of
    /// connections that have ended are, and are seen as [`Event::Lagged`], before what is
    /// left: nobody can wait any more. Note that *one* such subscriber that doesn't read holds up
    /// the events of every plugin for everyone. Calls are not affected, but for those to plugins of the
    /// Go package, whose answers wait behind their events: who reads them is not to wait for a call
    /// to one of them in between.
    pub fn wait(self) -> Self {
        self.queue.set_policy(Policy::Wait);
        self
    }

    /// The next event; `None` after the hub has shut down, and after [`Event::CutOff`].
    ///
    /// # Cancel safety
    /// It can be dropped at any time and no event is lost.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_event(context)).await
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        // A loop that reads is not to keep others from running.
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
        // Gives the credit of what was not read back, outside of the lock.
        drop(self.queue.close_and_clear());
    }
}
