//! An unread event, and its credit.

use std::sync::Arc;

use super::credit::{Origin, Return};
use super::event::Event;
use crate::plugin_ref::PluginRef;

/// An event in a queue, or on its way into one. Its credit returns to the plugin when it is read or
/// dropped.
#[derive(Debug)]
pub(crate) struct Unread {
    event: Event,
    credit: Credit,
}

/// The credit of an event.
#[derive(Debug)]
pub(crate) enum Credit {
    /// It has none, or has returned it.
    None,
    /// The event is in no other queue.
    Alone,
    /// The event is in several queues; the last one returns the credit.
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

    /// Takes the credit off the event; it returns to the plugin when the result is dropped.
    pub(crate) fn take_credit(&mut self) -> Option<Taken> {
        match std::mem::replace(&mut self.credit, Credit::None) {
            Credit::None => None,
            Credit::Alone => {
                self.cost().map(|(origin, bytes)| Taken::Alone(Return::new(origin.clone(), bytes)))
            }
            Credit::Shared(credit) => Some(Taken::Shared(credit)),
        }
    }

    /// Reads the event; its credit returns to the plugin.
    pub(crate) fn into_event(mut self) -> Event {
        self.give_back();
        std::mem::replace(&mut self.event, Event::CutOff)
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

    /// Whether it comes from a connection that has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.event.plugin().is_none_or(PluginRef::has_ended)
    }

    /// Whether it is a gap, which only counts dropped events.
    pub(crate) fn is_gap(&self) -> bool {
        matches!(self.event, Event::Lagged(_))
    }

    /// How many bytes a queue counts for any event beside its payload.
    pub(crate) const OVERHEAD: usize = size_of::<Self>() + size_of::<PluginRef>();

    /// How many bytes a queue counts for it.
    pub(crate) fn size(&self) -> usize {
        Self::OVERHEAD
            + match &self.event {
                Event::Message(message) => message.payload.len(),
                Event::Lagged(missed) => missed.size(),
                _ => 0,
            }
    }

    /// The origin whose credit it spends, and how many bytes of credit.
    fn cost(&self) -> Option<(&Arc<Origin>, usize)> {
        match &self.event {
            Event::Message(message) => Some((&message.origin, message.payload.len())),
            _ => None,
        }
    }
}
