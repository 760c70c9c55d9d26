//! An event that is not read yet, and its credit.

use std::sync::Arc;

use super::credit::{Origin, Return};
use super::event::Event;
use crate::plugin_ref::PluginRef;

/// An event in a queue, or on its way into some. Its credit goes back to the plugin when it is read
/// or dropped.
#[derive(Debug)]
pub(crate) struct Unread {
    event: Event,
    credit: Credit,
}

/// The credit of an event.
#[derive(Debug)]
pub(crate) enum Credit {
    /// It takes none, or has given it back.
    None,
    /// It is in no other queue.
    Alone,
    /// It is in several; goes back with the last.
    Shared(Arc<Return>),
}

/// Credit that was taken off an event.
#[derive(Debug)]
pub(crate) enum Taken {
    Alone(#[expect(dead_code, reason = "held to be dropped")] Return),
    Shared(#[expect(dead_code, reason = "held to be dropped")] Arc<Return>),
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Unread {
    pub(crate) fn new(event: Event) -> Self {
        let takes_credit = matches!(event, Event::Message(_));
        Self { event, credit: if takes_credit { Credit::Alone } else { Credit::None } }
    }

    pub(crate) fn event(&self) -> &Event {
        &self.event
    }

    /// The same event, for one more queue.
    pub(crate) fn share(&mut self) -> Self {
        if let (Credit::Alone, Some((origin, bytes))) = (&self.credit, self.cost()) {
            self.credit = Credit::Shared(Arc::new(Return::new(origin.clone(), bytes)));
        }
        let credit = match &self.credit {
            Credit::Shared(credit) => Credit::Shared(credit.clone()),
            Credit::None | Credit::Alone => Credit::None,
        };
        Self { event: self.event.clone(), credit }
    }

    /// Takes the credit off; it goes back when what is returned is dropped.
    pub(crate) fn take_credit(&mut self) -> Option<Taken> {
        match std::mem::replace(&mut self.credit, Credit::None) {
            Credit::None => None,
            Credit::Alone => {
                self.cost().map(|(origin, bytes)| Taken::Alone(Return::new(origin.clone(), bytes)))
            }
            Credit::Shared(credit) => Some(Taken::Shared(credit)),
        }
    }

    /// Reads it.
    pub(crate) fn into_event(mut self) -> Event {
        self.give_back();
        std::mem::replace(&mut self.event, Event::Lagged(0))
    }

    fn give_back(&mut self) {
        match std::mem::replace(&mut self.credit, Credit::None) {
            Credit::None => {}
            Credit::Alone => {
                if let Some((origin, bytes)) = self.cost() {
                    origin.give_back(bytes);
                }
            }
            Credit::Shared(credit) => drop(credit),
        }
    }

    /// Whether it is of a connection that has ended.
    pub(crate) fn has_ended(&self) -> bool {
        match &self.event {
            Event::Message(message) => message.plugin().has_ended(),
            Event::Connected(plugin) | Event::Disconnected(plugin, _) => plugin.has_ended(),
            Event::Lagged(_) | Event::CutOff => true,
        }
    }

    /// Whether it only says that events are missing at its place.
    pub(crate) fn is_gap(&self) -> bool {
        matches!(self.event, Event::Lagged(_))
    }

    /// How many events are missing where it is dropped.
    pub(crate) fn missed(&self) -> u64 {
        if let Event::Lagged(missed) = self.event { missed } else { 1 }
    }

    /// What any event takes in a queue beside its payload. A gap has none.
    pub(crate) const OVERHEAD: usize = size_of::<Self>() + size_of::<PluginRef>();

    /// What it takes in a queue, about.
    pub(crate) fn size(&self) -> usize {
        self.cost().map_or(Self::OVERHEAD, |(_, bytes)| Self::OVERHEAD + bytes)
    }

    /// Whose credit it takes, and how many bytes of it.
    fn cost(&self) -> Option<(&Arc<Origin>, usize)> {
        match &self.event {
            Event::Message(message) => Some((&message.origin, message.payload.len())),
            _ => None,
        }
    }
}
