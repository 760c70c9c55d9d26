//! The hub's side of the handshake: which wire it is, and then the handshake of that wire.

mod foreign;
mod native;

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;

use self::foreign::ForeignHandshake;
use self::native::NativeHandshake;
use crate::codec::{Entry, ForeignWire, HubWire, Protocol, Sniffed, ToPlugin, Wire, Wires, sniff};
use crate::describe::Description;
use crate::labels::Labels;
use crate::limits::MAX_HELLO;
use crate::session::SessionTerms;
use crate::wire::{FrameReader, PREFACE, WriteBuffer};
use crate::{DisconnectReason, Limits, ProtocolError, Refusal, RefusalCode};

/// What a plugin says of itself before it is let in. Checked against every rule of its wire.
#[derive(Clone, Eq, PartialEq)]
pub struct Greeting {
    /// The wire that it speaks.
    pub wire: Wire,
    /// The name that it asks for.
    pub name: String,
    /// Its own version, for people; may be empty.
    pub version: String,
    /// What it says of where and what it is.
    pub labels: Labels,
    /// Random, the same for the life of its process; a secret between the two. Zeros on a wire that
    /// has none.
    pub instance: [u8; 16],
    /// The digest of its description.
    pub digest: [u8; 32],
}

impl fmt::Debug for Greeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the instance id, which is a secret.
        f.debug_struct("Greeting")
            .field("wire", &self.wire)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

/// The hub's side of a connection that is not yet let in.
#[derive(Debug)]
pub(crate) enum HubHandshake {
    /// Too little has come to tell what the peer speaks.
    Sniffing(Wires),
    /// It speaks the native wire.
    Native(NativeHandshake),
    /// It speaks another.
    Foreign(ForeignHandshake),
}

/// What comes of some input.
#[derive(Debug)]
pub(crate) enum HubStep {
    /// More input is needed, or a word from the owner.
    Wait,
    /// The plugin says more of itself than anybody may without being asked. The owner answers with
    /// `grant_room` or a refusal.
    WantsRoom,
    /// The plugin has said who it is. The owner answers with `accept` or a refusal.
    Greeted(Greeting),
    /// The plugin has described itself. The owner answers with `welcome` or a refusal.
    Described(Arc<Description>),
}

/// Why a connection is not let in.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// Told to the plugin.
    Refused(Refusal),
    /// It speaks what the hub doesn't; or not here, which a plugin is told.
    Stranger(Protocol, Option<&'static str>),
}

impl From<Refusal> for Rejected {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ProtocolError> for Rejected {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::BadPreface => Self::Stranger(Protocol::Unknown, None),
            error => Self::Refused(Refusal::new(RefusalCode::Protocol, error.to_string())),
        }
    }
}

impl HubHandshake {
    /// The reader to start with: it lets little through.
    pub(crate) fn reader() -> FrameReader {
        FrameReader::new(MAX_HELLO)
    }

    /// Takes input in, up to the next word of the owner.
    pub(crate) fn handle_input(
        &mut self,
        input: &mut BytesMut,
        reader: &mut FrameReader,
        wire: &mut HubWire,
    ) -> Result<HubStep, Rejected> {
        if let Self::Sniffing(wires) = *self {
            let Sniffed::Is(protocol) = sniff(input) else { return Ok(HubStep::Wait) };
            self.begin(protocol, wires, wire)?;
        }
        match (self, wire) {
            (Self::Native(native), _) => native.handle_input(input, reader),
            (Self::Foreign(foreign), HubWire::Foreign(codec)) => {
                foreign.handle_input(input, &mut **codec)
            }
            _ => Ok(HubStep::Wait),
        }
    }

    /// Begins the handshake of a wire. A wire more is an arm more.
    fn begin(
        &mut self,
        protocol: Protocol,
        wires: Wires,
        wire: &mut HubWire,
    ) -> Result<(), Rejected> {
        let entry = match (protocol, wires.gob) {
            (Protocol::Native, _) => {
                *self = Self::Native(NativeHandshake::Preface);
                wires.native
            }
            (Protocol::Gob, Some(ForeignWire { entry, codec })) => {
                *wire = HubWire::Foreign(codec());
                *self = Self::Foreign(ForeignHandshake::new());
                entry
            }
            (stranger, _) => return Err(Rejected::Stranger(stranger, None)),
        };
        match entry {
            Entry::Open => Ok(()),
            Entry::Closed(why) => Err(Rejected::Stranger(protocol, Some(why))),
        }
    }

    /// Lets the plugin say more of itself.
    pub(crate) fn grant_room(&mut self) {
        if let Self::Foreign(foreign) = self {
            foreign.grant_room();
        }
    }

    /// Lets the plugin go on; it needs not describe itself if the description is known.
    pub(crate) fn accept(
        &mut self,
        known: Option<Arc<Description>>,
        reader: &mut FrameReader,
        out: &mut WriteBuffer,
    ) -> HubStep {
        match self {
            Self::Sniffing(_) => HubStep::Wait,
            Self::Native(native) => native.accept(known, reader, out),
            Self::Foreign(foreign) => foreign.accept(known),
        }
    }

    /// Lets the plugin in; what was agreed on. `None` if it isn't its turn.
    pub(crate) fn welcome(
        &self,
        name: &str,
        generation: u64,
        epoch: [u8; 16],
        limits: &Limits,
        out: &mut WriteBuffer,
    ) -> Option<SessionTerms> {
        match self {
            Self::Sniffing(_) => None,
            Self::Native(native) => native.welcome(name, generation, epoch, limits, out),
            Self::Foreign(foreign) => foreign.welcome(generation, limits),
        }
    }

    /// Tells the plugin that it is not let in. A peer that has said too little is answered as a native
    /// one.
    pub(crate) fn refuse(&self, refusal: &Refusal, wire: &mut HubWire, out: &mut WriteBuffer) {
        if match self {
            Self::Sniffing(_) => true,
            Self::Native(native) => native.is_silent(),
            Self::Foreign(_) => false,
        } {
            out.raw(&PREFACE);
        }
        wire.encode(ToPlugin::Refused(refusal), out);
    }

    /// Whether the owner is about to say if the plugin is let in. What is to be sent before goes
    /// with it, in one write.
    pub(crate) fn awaits_welcome(&self) -> bool {
        matches!(self, Self::Native(NativeHandshake::Registering(_)))
    }
}

impl Rejected {
    /// Why the connection ends.
    pub(crate) const STRANGER: DisconnectReason =
        DisconnectReason::Protocol(ProtocolError::BadPreface);
}
