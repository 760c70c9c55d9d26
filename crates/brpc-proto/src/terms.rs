//! What both sides agreed on in the handshake.

use brpc_core::Limits;

use crate::message::{Features, Hello, Welcome};

/// What both sides agreed on in the handshake, as one of them sees it. What a side may not do at all
/// has the limit 0.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Terms {
    /// The name that the hub gave the plugin; not always the one asked for.
    pub name: String,
    /// The number of this connection among all of that hub; rises. 0 if the hub doesn't say.
    pub generation: u64,
    /// Random, the same for the life of the hub. Zeros if the hub doesn't say.
    pub epoch: [u8; 16],
    /// The optional parts of the protocol that both have.
    pub features: Features,
    /// The largest frame that the peer takes.
    pub max_frame: usize,
    /// The most calls of this side's at once.
    pub calls_out: usize,
    /// The most calls of the peer's at once.
    pub calls_in: usize,
    /// The methods that the peer may call have lower numbers; `None` if it calls them by name, which
    /// may be any.
    pub methods: Option<u32>,
    /// What this side may send ahead; `None` if the peer gives no credit.
    pub credit_out: Option<Credit>,
    /// What the peer may send ahead.
    pub credit_in: Credit,
}

/// How much may be sent ahead of those who consume it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Credit {
    /// So many events.
    pub events: u32,
    /// And bytes of them.
    pub bytes: u64,
}

impl Terms {
    /// What a hub agrees on with a plugin, and what it says to it.
    pub(crate) fn of_hub(
        hello: &Hello,
        given: (&str, u64, [u8; 16]),
        limits: &Limits,
    ) -> (Self, Welcome) {
        let (name, generation, epoch) = given;
        let features = hello.features & Features::SUPPORTED;
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
        };
        (terms, welcome)
    }

    /// What a plugin agrees on with a hub that says this, and to which it has said so many methods.
    pub(crate) fn of_plugin(welcome: Welcome, methods: usize, limits: &Limits) -> Self {
        Self {
            name: welcome.name,
            generation: welcome.generation,
            epoch: welcome.epoch,
            features: welcome.features & Features::SUPPORTED,
            max_frame: welcome.max_frame,
            calls_out: 0,
            calls_in: welcome.max_calls.min(limits.max_calls).max(1),
            methods: u32::try_from(methods).ok(),
            credit_out: Some(Credit { events: welcome.credit_events, bytes: welcome.credit_bytes }),
            credit_in: Credit::default(),
        }
    }

    /// What a plugin goes by that asked for this name, of a hub that says nothing.
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
        }
    }
}
