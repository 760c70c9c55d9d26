//! Between a driver and whoever owns its connection.

use std::collections::VecDeque;
use std::collections::vec_deque::Drain;

use brpc_core::Connection;

use crate::Driven;
use crate::gathering::TOLD_AT_ONCE;

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

    /// How much of it is told in one go: up to so many that [invite](Connection::invites).
    pub(crate) fn portion(&self) -> usize {
        let inviting =
            self.events.iter().enumerate().filter(|(_, event)| L::Connection::invites(event));
        inviting.map(|(index, _)| index + 1).nth(TOLD_AT_ONCE - 1).unwrap_or(self.events.len())
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

#[cfg(test)]
mod tests {
    use brpc_core::{CallError, HubConnection, HubEvent, Settlement};

    use super::*;

    struct Deaf;

    impl Link for Deaf {
        type Connection = HubConnection<()>;

        fn driven(&self) -> &Driven<HubConnection<()>> {
            unreachable!("nothing drives it")
        }

        fn handle_events(&self, _events: Drain<'_, HubEvent<()>>) {}
    }

    #[test]
    fn a_portion_ends_where_enough_invites() {
        let message = || HubEvent::Message(b"1"[..].into());
        let settled = || HubEvent::Settled((), Settlement::Ended(CallError::ShuttingDown));
        let mut untold = Untold::new(&Deaf);
        untold.events.extend((0..1_000).map(|_| message()));
        assert_eq!(untold.portion(), 1_000, "all, since none of it invites");
        untold.events.extend((0..TOLD_AT_ONCE - 1).map(|_| settled()));
        assert_eq!(untold.portion(), 1_000 + TOLD_AT_ONCE - 1);
        untold.events.extend([settled(), message(), settled()]);
        assert_eq!(untold.portion(), 1_000 + TOLD_AT_ONCE);
    }
}
