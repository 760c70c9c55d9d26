//! Between a driver and whoever owns its connection.

use std::collections::VecDeque;
use std::collections::vec_deque::Drain;

use brpc_core::Connection;

use crate::Driven;

/// Who owns a connection.
pub trait Link {
    /// The side of the connection.
    type Connection: Connection;

    /// The connection, behind its lock.
    fn driven(&self) -> &Driven<Self::Connection>;

    /// Takes in what the connection tells, in order. Called without the lock.
    fn handle_events(&self, events: Drain<'_, EventOf<Self>>);

    /// Passes on all that the connection has to tell. Only for whoever ends the connection in the
    /// driver's place, so that events keep their order.
    fn dispatch(&self) {
        let mut events = VecDeque::new();
        loop {
            self.driven().lock().swap_events(&mut events);
            if events.is_empty() {
                return;
            }
            self.handle_events(events.drain(..));
        }
    }
}

/// What the connection of a link tells.
type EventOf<L> = <<L as Link>::Connection as Connection>::Event;

/// What the connection has handed over to be told, and knows no more of.
pub(crate) struct Untold<'a, L: Link> {
    link: &'a L,
    pub(crate) events: VecDeque<EventOf<L>>,
}

impl<'a, L: Link> Untold<'a, L> {
    pub(crate) fn new(link: &'a L) -> Self {
        Self { link, events: VecDeque::new() }
    }
}

impl<L: Link> Drop for Untold<'_, L> {
    /// A driver that is dropped between two turns leaves no caller without its outcome.
    fn drop(&mut self) {
        if !self.events.is_empty() {
            self.link.handle_events(self.events.drain(..));
        }
    }
}
