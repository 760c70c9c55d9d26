//! What lies between a driver and the owner of its connection.

use std::collections::VecDeque;
use std::collections::vec_deque::Drain;
use std::sync::Arc;
use std::task::{Context, Poll};

use brpc_proto::Event;

use crate::SharedConnection;
use crate::gathering::EVENTS_A_WRITE;
use crate::lane::{BATCH, Lane};
use crate::slot::Slot;

/// The owner of a connection.
pub trait Link {
    /// The connection, behind its lock.
    fn connection(&self) -> &SharedConnection;

    /// The lane in which it passes many messages on.
    fn lane(&self) -> Lane {
        Lane::default()
    }

    /// Ready when the owner takes events; until then they wait, and nothing more is read. Wakes the
    /// driver when that changes.
    fn poll_takes_events(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// The connection, if [`handle_events`](Self::handle_events) may block for long, as where it runs
    /// code of users: then a deputy keeps the connection alive meanwhile, if the runtime has another
    /// thread. By default it may not.
    fn deputized(&self) -> Option<Arc<SharedConnection>> {
        None
    }

    /// Handles events of the connection, in order. Called without the lock.
    fn handle_events(&self, events: Drain<'_, Event<Arc<Slot>>>);

    /// Handles the remaining events of a connection that is over, whether its driver ended or was
    /// dropped, and whether the owner takes events. Calls are refused from then on.
    fn finish(&self) {
        let mut events = VecDeque::new();
        loop {
            let mut connection = self.connection().lock_with_calls();
            if connection.close_inbox() {
                return;
            }
            connection.swap_events(&mut events);
            drop(connection);
            self.handle_events(events.drain(..));
        }
    }
}

/// A portion of pending events.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Portion {
    /// What a plugin has to tell, which produces nothing to send.
    pub(crate) messages: usize,
    /// What is likely to produce something to send: answers, whose caller may make the next call,
    /// and calls, which must be answered.
    pub(crate) inviting: usize,
}

impl Portion {
    /// How many events it has.
    pub(crate) fn len(self) -> usize {
        self.messages + self.inviting
    }
}

/// Events that were taken from the connection, and that the owner hasn't handled yet.
pub(crate) struct Pending<'a, L: Link> {
    link: &'a L,
    pub(crate) events: VecDeque<Event<Arc<Slot>>>,
}

impl<'a, L: Link> Pending<'a, L> {
    pub(crate) fn new(link: &'a L) -> Self {
        Self { link, events: VecDeque::new() }
    }

    /// How many of the events are handled in one go.
    pub(crate) fn portion(&self) -> Portion {
        let mut portion = Portion::default();
        for event in &self.events {
            match event {
                Event::Message(_) => portion.messages += 1,
                _ => portion.inviting += 1,
            }
            if portion.messages == BATCH || portion.inviting == EVENTS_A_WRITE {
                break;
            }
        }
        portion
    }
}

impl<L: Link> Drop for Pending<'_, L> {
    /// A driver that is dropped between two turns leaves no caller without its outcome.
    fn drop(&mut self) {
        if !self.events.is_empty() {
            self.link.handle_events(self.events.drain(..));
        }
    }
}

#[cfg(test)]
mod tests {
    use brpc_proto::Settlement;

    use super::*;

    struct Deaf;

    impl Link for Deaf {
        fn connection(&self) -> &SharedConnection {
            unreachable!("nothing drives it")
        }

        fn handle_events(&self, _events: Drain<'_, Event<Arc<Slot>>>) {}
    }

    #[test]
    fn a_portion_ends_where_it_has_enough_of_either() {
        let message = || Event::Message(b"1"[..].into());
        let settled = || {
            Event::Settled(
                Arc::default(),
                Settlement::Ended(brpc_core::CallErrorKind::ShuttingDown),
            )
        };
        let portion = |messages, inviting| Portion { messages, inviting };
        let mut pending = Pending::new(&Deaf);
        assert_eq!(pending.portion().len(), 0);
        pending.events.extend((0..BATCH - 1).map(|_| message()));
        assert_eq!(pending.portion(), portion(BATCH - 1, 0));
        pending.events.extend((0..EVENTS_A_WRITE - 1).map(|_| settled()));
        assert_eq!(pending.portion(), portion(BATCH - 1, EVENTS_A_WRITE - 1));
        pending.events.extend([message(), settled()]);
        assert_eq!(pending.portion(), portion(BATCH, EVENTS_A_WRITE - 1));
        pending.events.pop_front();
        assert_eq!(pending.portion(), portion(BATCH - 1, EVENTS_A_WRITE));
    }
}
