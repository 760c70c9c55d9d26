//! Hands each event to all subscribers.

use std::sync::{Arc, Weak};

use brpc_rt::{Budget, foreign};
use parking_lot::Mutex;

use super::queue::{Leftover, Queue};
use super::unread::Unread;

/// All subscribers of a hub.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    /// Held while an event is put into all queues, so that all have the same order.
    subscribers: Mutex<Subscribers>,
    /// What unread events are charged to.
    budget: Arc<Budget>,
}

#[derive(Debug, Default)]
struct Subscribers {
    /// The queues of the subscribers; some may be gone.
    queues: Vec<Weak<Queue>>,
    /// Whether the hub has shut down.
    is_closed: bool,
}

impl Bus {
    /// One whose unread events are charged to this budget.
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self { subscribers: Mutex::default(), budget }
    }

    /// Puts events into every queue. The credit of each returns to its plugin when the last
    /// subscriber that withholds it has read the event; at once if there is none.
    pub(crate) fn publish(&self, events: Vec<Unread>) {
        let mut leftover = Leftover::default();
        let mut subscribers = self.subscribers.lock();
        subscribers.queues.retain(|queue| queue.strong_count() > 0);
        let queues: Vec<_> = subscribers.queues.iter().filter_map(Weak::upgrade).collect();
        match &queues[..] {
            [] => leftover.unread = events,
            // Most hubs have one subscriber, for which nothing is cloned.
            [queue] => queue.push(events, &mut leftover),
            [first, others @ ..] => {
                let mut events = events;
                for queue in others {
                    queue.push(events.iter_mut().map(Unread::share).collect(), &mut leftover);
                }
                first.push(events, &mut leftover);
            }
        }
        drop(subscribers);
        foreign::wake(leftover.wakers.drain(..));
    }

    /// Ends every stream, also later ones, after the events that its queue still holds.
    pub(crate) fn close(&self) {
        let queues = {
            let mut subscribers = self.subscribers.lock();
            subscribers.is_closed = true;
            std::mem::take(&mut subscribers.queues)
        };
        for queue in queues.iter().filter_map(Weak::upgrade) {
            foreign::wake(queue.close());
        }
    }

    /// Lets later streams receive events again.
    pub(crate) fn open(&self) {
        self.subscribers.lock().is_closed = false;
    }

    /// A queue that receives every event from now on, until it is dropped.
    pub(crate) fn subscribe(&self) -> Arc<Queue> {
        let queue = Arc::new(Queue::new(self.budget.clone()));
        let mut subscribers = self.subscribers.lock();
        if subscribers.is_closed {
            queue.close();
        }
        let queues = &mut subscribers.queues;
        // A hub on which nothing happens must drop the queues that are gone as well.
        if queues.len() == queues.capacity() {
            queues.retain(|queue| queue.strong_count() > 0);
        }
        queues.push(Arc::downgrade(&queue));
        drop(subscribers);
        queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_gone_are_forgotten() {
        let bus = Bus::default();
        for _ in 0..10_000 {
            drop(bus.subscribe());
        }
        assert!(bus.subscribers.lock().queues.capacity() < 64);
    }
}
