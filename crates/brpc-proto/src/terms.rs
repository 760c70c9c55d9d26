//! The terms of a session.

use std::time::Duration;

use brpc_core::Limits;

use crate::message::{Features, Hello, Welcome};

/// What both sides agreed on in the handshake, as one of them sees it. Where a side may send
/// nothing at all, its limit is 0.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Terms {
    /// The plugin's name on this hub; not always the one that it asked for.
    pub name: String,
    /// The number of this connection; rises within an epoch. 0 if the hub doesn't send one.
    pub generation: u64,
    /// Random, the same for the life of the hub. Zeros if the hub doesn't send one.
    pub epoch: [u8; 16],
    /// The optional parts of the protocol that both sides have.
    pub features: Features,
    /// The largest frame that the peer accepts.
    pub max_frame: usize,
    /// The most calls of this side in flight.
    pub calls_out: usize,
    /// The most calls of the peer in flight.
    pub calls_in: usize,
    /// The methods that the peer may call have lower numbers; `None` if it calls them by any name.
    pub methods: Option<u32>,
    /// This side's initial credit; `None` if the wire has no credit.
    pub credit_out: Option<Credit>,
    /// The peer's initial credit.
    pub credit_in: Credit,
    /// The interval of heartbeats; `None` if there are none.
    pub heartbeat: Option<Duration>,
}

/// Credit for events.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Credit {
    /// How many events.
    pub events: u32,
    /// How many bytes of events.
    pub bytes: u64,
}

impl Terms {
    /// The hub's terms with a plugin, and the Welcome that tells the plugin.
    pub(crate) fn of_hub(
        hello: &Hello,
        given: (&str, u64, [u8; 16]),
        offered: Features,
        limits: &Limits,
    ) -> (Self, Welcome) {
        let (name, generation, epoch) = given;
        let features = hello.features & offered;
        let wishes = [hello.heartbeat, limits.heartbeat];
        let heartbeat = agreed(features, wishes.into_iter().flatten().min());
        let calls = hello.max_calls.unwrap_or(usize::MAX).min(limits.max_calls).max(1);
        let credit_in = Credit { events: limits.event_credit, bytes: limits.event_credit_bytes };
        let terms = Self {
            name: name.to_owned(),
            generation,
            epoch,
            features,
            max_frame: hello.max_frame.unwrap_or(limits.max_frame),
            calls_out: calls,
            calls_in: 0,
            methods: Some(0),
            credit_out: Some(Credit::default()),
            credit_in,
            heartbeat,
        };
        let welcome = Welcome {
            features,
            epoch,
            name: name.to_owned(),
            generation,
            max_frame: limits.max_frame,
            max_calls: calls,
            credit_events: credit_in.events,
            credit_bytes: credit_in.bytes,
            heartbeat,
        };
        (terms, welcome)
    }

    /// A plugin's terms after this Welcome; it has described so many methods. If it has not offered
    /// [`Features::RESUME`], its connection doesn't have it.
    pub(crate) fn of_plugin(welcome: Welcome, methods: usize, limits: &Limits) -> Self {
        let features = welcome.features & (Features::of(limits) | Features::RESUME);
        Self {
            name: welcome.name,
            generation: welcome.generation,
            epoch: welcome.epoch,
            features,
            max_frame: welcome.max_frame,
            calls_out: 0,
            calls_in: welcome.max_calls.min(limits.max_calls).max(1),
            methods: u32::try_from(methods).ok(),
            credit_out: Some(Credit { events: welcome.credit_events, bytes: welcome.credit_bytes }),
            credit_in: Credit::default(),
            heartbeat: agreed(features, welcome.heartbeat),
        }
    }

    /// A plugin's terms on a wire without Welcome; it asked for this name.
    pub(crate) fn unsaid(name: &str, limits: &Limits) -> Self {
        Self {
            name: name.to_owned(),
            generation: 0,
            epoch: [0; 16],
            features: Features::default(),
            max_frame: limits.max_frame,
            calls_out: 0,
            calls_in: limits.max_calls,
            methods: None,
            credit_out: None,
            credit_in: Credit::default(),
            heartbeat: None,
        }
    }
}

/// The interval of heartbeats, if both sides have them, and this is what the hub says or is about
/// to.
fn agreed(features: Features, interval: Option<Duration>) -> Option<Duration> {
    let (shortest, longest) = (Limits::SHORTEST_HEARTBEAT, Limits::LONGEST_HEARTBEAT);
    let interval = interval.unwrap_or(Limits::HEARTBEAT).clamp(shortest, longest);
    features.has(Features::HEARTBEAT).then_some(interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::Description;

    /// Bits of later versions, and of peers that don't keep to the rule.
    #[test]
    fn features_that_are_not_known_are_ignored() {
        let all = Features(u64::MAX);
        let mut hello = Hello::new("plugin", Description::new(&[]).unwrap().into());
        hello.features = all;
        let given = ("plugin", 1, [0; 16]);
        let (offered, limits) = (Features::SUPPORTED, Limits::default());
        let (terms, mut welcome) = Terms::of_hub(&hello, given, offered, &limits);
        assert_eq!((terms.features, welcome.features), (Features::SUPPORTED, Features::SUPPORTED));
        welcome.features = all;
        let terms = Terms::of_plugin(welcome, 0, &Limits::default());
        assert_eq!(terms.features, Features::SUPPORTED);
    }
}
