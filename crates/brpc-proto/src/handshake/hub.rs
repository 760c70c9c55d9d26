//! The hub's side of the handshake.

use std::sync::Arc;

use brpc_core::limits::MAX_DESCRIPTION;
use brpc_core::{Limits, ProtocolError, Refusal, RefusalCode};

use crate::codec::{Fault, Traits};
use crate::credentials::{Proof, Transcript};
use crate::description::Description;
use crate::limits::{FREE_INPUT, MAX_HELLO};
use crate::message::{Features, Hello, Message, Welcome};
use crate::terms::Terms;

/// The hub's side of the handshake.
#[derive(Debug)]
pub(crate) struct HubHandshake {
    state: State,
    room: Room,
}

/// What the handshake waits for.
#[derive(Debug)]
enum State {
    /// The plugin's Hello.
    Hello,
    /// The owner's decision on the Hello, and whether it knows the description.
    Deciding(Arc<Hello>),
    /// The plugin's proof about this, before the owner decides.
    Proving(Arc<Hello>, Transcript),
    /// The owner's decision, which has the proof.
    Proven(Arc<Hello>),
    /// The plugin's Describe.
    Describing(Arc<Hello>),
    /// The owner's registration of the plugin.
    Registering(Arc<Hello>),
}

/// How much of the message with the description may be held before it is complete. Many connections
/// may be in their handshake; not all of them may hold as much as a description. So the owner is
/// asked for more as the bytes arrive, and nothing is reserved for bytes that were only announced.
#[derive(Debug)]
struct Room {
    /// How many bytes may be held.
    granted: usize,
    /// Whether the owner was asked for more.
    is_asked: bool,
    /// How many bytes of the message the codec has already consumed.
    consumed: usize,
}

impl Room {
    /// The most that is of use: the largest description, and what may be around it.
    const MOST: usize = MAX_DESCRIPTION + FREE_INPUT;

    fn new() -> Self {
        Self { granted: FREE_INPUT, is_asked: false, consumed: 0 }
    }

    /// The room to ask for next.
    fn next(&self) -> usize {
        (2 * self.granted).min(Self::MOST)
    }
}

/// The next step after a message.
#[derive(Debug)]
pub(crate) enum HubStep {
    /// The plugin has sent Hello. The owner answers with `accept` or a refusal.
    Hello(Arc<Hello>),
    /// The plugin has answered the challenge, right or wrong. The owner still answers its Hello.
    Proof(Proof),
    /// The plugin has sent Describe. The owner answers with `welcome` or a refusal.
    Described(Arc<Description>),
}

impl HubHandshake {
    pub(crate) fn new() -> Self {
        Self { state: State::Hello, room: Room::new() }
    }

    /// The limit of the next message; `None` if it is the owner's turn.
    pub(crate) fn limit(&self, traits: Traits) -> Option<usize> {
        match &self.state {
            _ if self.room.is_asked => None,
            State::Hello if traits.has_welcome => Some(MAX_HELLO),
            State::Hello => Some(MAX_DESCRIPTION),
            State::Describing(_) => Some(MAX_DESCRIPTION + 1),
            State::Proving(..) => Some(MAX_HELLO),
            State::Deciding(_) | State::Proven(_) | State::Registering(_) => None,
        }
    }

    /// How many bytes of input may be held.
    pub(crate) fn input_limit(&self) -> usize {
        self.room.granted.saturating_sub(self.room.consumed)
    }

    /// Notes that a message is incomplete, that the codec has consumed so many bytes of it, and that
    /// so many are left. Returns how much room to ask the owner for, if it needs more.
    pub(crate) fn handle_part(&mut self, consumed: usize, left: usize) -> Option<usize> {
        let room = &mut self.room;
        room.consumed += consumed;
        let is_full = room.consumed + left >= room.granted && room.granted < Room::MOST;
        room.is_asked |= is_full;
        is_full.then(|| room.next())
    }

    /// Grants the room that the owner was asked for.
    pub(crate) fn grant_room(&mut self) {
        if std::mem::take(&mut self.room.is_asked) {
            self.room.granted = self.room.next();
        }
    }

    /// Whether the next move is the peer's.
    pub(crate) fn awaits_peer(&self) -> bool {
        matches!(self.state, State::Hello | State::Proving(..) | State::Describing(_))
    }

    /// Handles a message.
    pub(crate) fn handle(&mut self, message: Message, traits: Traits) -> Result<HubStep, Fault> {
        match (message, &self.state) {
            (Message::Hello(hello), State::Hello) => {
                check(&hello, traits)?;
                self.state = State::Deciding(hello.clone());
                Ok(HubStep::Hello(hello))
            }
            (Message::Proof { mac }, State::Proving(hello, transcript)) => {
                let (hello, proof) = (hello.clone(), Proof::new(transcript.clone(), mac));
                self.state = State::Proven(hello);
                Ok(HubStep::Proof(proof))
            }
            (Message::Describe(description), State::Describing(hello)) => {
                if *description.digest() != hello.digest {
                    return Err(ProtocolError::DigestMismatch.into());
                }
                self.state = State::Registering(hello.clone());
                Ok(HubStep::Described(description))
            }
            (message, _) => Err(ProtocolError::UnexpectedFrame { kind: message.kind() }.into()),
        }
    }

    /// Asks for a proof about this Hello, whose body has this digest: returns the message to send.
    /// `None` if the plugin offers none, if it isn't the owner's turn, or if it was asked before.
    pub(crate) fn challenge(&mut self, nonce: [u8; 32], digest: [u8; 32]) -> Option<Message> {
        let State::Deciding(hello) = &self.state else { return None };
        let plugin_nonce = *hello.key.as_ref()?.nonce();
        let transcript = Transcript { hub_nonce: nonce, plugin_nonce, hello: digest };
        self.state = State::Proving(hello.clone(), transcript);
        Some(Message::Challenge { nonce })
    }

    /// Accepts the Hello: returns the message to send, and the description if it is known. `None`
    /// if it isn't the owner's turn.
    pub(crate) fn accept(
        &mut self,
        known: Option<Arc<Description>>,
        traits: Traits,
    ) -> Option<(Message, Option<Arc<Description>>)> {
        let (State::Deciding(hello) | State::Proven(hello)) = &self.state else { return None };
        let hello = hello.clone();
        let is_fit = |known: &Arc<Description>| {
            *known.digest() == hello.digest && (known.is_native() || !traits.has_welcome)
        };
        let known = known.filter(is_fit).or_else(|| hello.description.clone());
        self.state =
            if known.is_some() { State::Registering(hello) } else { State::Describing(hello) };
        Some((Message::Accepted { describe: known.is_none() }, known))
    }

    /// Welcomes the plugin under this name, generation and epoch, with what this side offers:
    /// returns the agreed terms and the
    /// message to send. `None` if it isn't the owner's turn.
    pub(crate) fn welcome(
        &self,
        given: (&str, u64, [u8; 16]),
        features: Features,
        limits: &Limits,
    ) -> Option<(Terms, Welcome)> {
        let State::Registering(hello) = &self.state else { return None };
        Some(Terms::of_hub(hello, given, features, limits))
    }

    /// Whether the owner is about to welcome or refuse the plugin. Earlier messages wait for that
    /// one, so that all go out in one write.
    pub(crate) fn awaits_welcome(&self) -> bool {
        matches!(self.state, State::Registering(_))
    }
}

/// Checks the names against the wire's rules. The refusal doesn't quote them, since they may
/// contain anything.
fn check(hello: &Hello, traits: Traits) -> Result<(), Refusal> {
    let rules = traits.names;
    if !rules.plugin.allows(&hello.name) {
        return Err(Refusal::new(RefusalCode::BadName, rules.plugin.words()));
    }
    if !rules.version.allows(&hello.version) {
        return Err(Refusal::new(RefusalCode::BadVersion, rules.version.words()));
    }
    Ok(())
}
