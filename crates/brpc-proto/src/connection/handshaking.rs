//! How a hub answers the events of the handshake.

use std::sync::Arc;
use std::time::Instant;

use brpc_core::{DisconnectReason, Refusal, Wire};

use super::stream::Stream;
use super::{Connection, Phase};
use crate::description::Description;
use crate::event::{Event, Tally};
use crate::message::Message;
use crate::wires::Wires;

impl<T> Connection<T> {
    /// The wire that the peer speaks, if that carries another stream. Then the driver hands the
    /// stream over to the owner, with the input, of which nothing was consumed.
    pub fn handed_over(&self) -> Option<Wire> {
        match self.phase {
            Phase::HandingOver(wire) => Some(wire),
            _ => None,
        }
    }

    /// Goes on above the stream that was handed over: the peer speaks one of these wires there. All
    /// else stays, the deadline of the handshake too.
    pub fn sniff_above(&mut self, wires: Wires) {
        if matches!(self.phase, Phase::HandingOver(_)) {
            self.phase = Phase::Sniffing(wires, Box::default());
            // Bytes below don't count above.
            self.stream = Stream::new(&self.limits);
        }
    }

    /// Answers [`Event::WantsRoom`]: the connection may hold as much of the description.
    pub fn grant_room(&mut self) {
        if let Phase::Accepting(handshake) = &mut self.phase {
            handshake.grant_room();
        }
    }

    /// After [`Event::Hello`], and before its answer: asks the plugin to prove that it knows the secret
    /// of the key that it offers; [`Event::Proof`] follows. Until then the Hello can only be refused.
    /// The nonce is random and never used again. Returns false, and does nothing, if the plugin offers
    /// no key, or if it isn't the owner's turn, or not for the first time.
    pub fn challenge(&mut self, nonce: [u8; 32]) -> bool {
        let digest = self.codec.hello_digest();
        let Phase::Accepting(handshake) = &mut self.phase else { return false };
        let Some(challenge) = digest.and_then(|digest| handshake.challenge(nonce, digest)) else {
            return false;
        };
        self.say(&challenge);
        true
    }

    /// Answers [`Event::Hello`]: accepts the plugin's Hello. The plugin doesn't describe itself if
    /// its description is known.
    pub fn accept(&mut self, known: Option<Arc<Description>>) {
        let traits = self.traits();
        let Phase::Accepting(handshake) = &mut self.phase else { return };
        let Some((accepted, description)) = handshake.accept(known, traits) else { return };
        self.say(&accepted);
        self.events.extend(description.map(Event::Described));
    }

    /// Answers [`Event::Described`]: the plugin is registered under this name and generation.
    /// False if it isn't the owner's turn any more, as when the connection has ended.
    pub fn welcome(&mut self, name: &str, generation: u64, epoch: [u8; 16], now: Instant) -> bool {
        let Phase::Accepting(handshake) = &self.phase else { return false };
        let given = (name, generation, epoch);
        let welcomed = handshake.welcome(given, self.offers, &self.limits);
        let Some((terms, welcome)) = welcomed else {
            return false;
        };
        self.say(&Message::Welcome(welcome.into()));
        self.events.push_back(Event::Welcomed(terms.clone().into()));
        self.begin(terms, now);
        true
    }

    /// Answers any of these: refuses the plugin.
    pub fn refuse(&mut self, refusal: Refusal) {
        if !matches!(self.phase, Phase::Sniffing(..) | Phase::HandingOver(_) | Phase::Accepting(_))
        {
            return;
        }
        self.say(&Message::Refused(refusal.clone()));
        let reason = DisconnectReason::Refused;
        self.phase = Phase::Closed { reason, generation: 0, is_lost: false };
        self.events.push_back(Event::Refused(refusal));
        self.events.push_back(Event::Closed(reason, Tally::default()));
    }

    /// Gives way to another connection: the plugin is refused, unless its next message of the
    /// handshake has arrived and only needs to be read. Does nothing if it isn't the plugin's turn.
    pub fn give_way(&mut self, now: Instant) {
        if self.awaits_peer() {
            self.gives_way = Some(now);
        }
    }
}
