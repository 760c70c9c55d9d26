//! What a peer that knows the wire sends, and whether what it receives is valid on that wire.

use std::sync::LazyLock;
use std::time::Instant;

use brpc_core::{Function, Limits};
use brpc_gob::{EnvelopeRef, Reader, Writer};
use brpc_proto::codec::{Codec as _, Native};
use brpc_proto::{CallId, Connection, Description, Hello, Message, Role, Wires, WriteBuffer};
use bytes::{Buf, BytesMut};

use crate::tape::Tape;

/// A wire, as the peer of the connection under test knows it.
#[derive(Debug)]
pub enum Wire {
    /// The native one.
    Native,
    /// That of the Go package.
    Gob {
        /// Encodes what the peer sends.
        writer: Writer,
        /// Decodes what it receives.
        reader: Reader,
    },
}

impl Wire {
    /// That of the Go package, for a new connection.
    pub fn gob() -> Self {
        Self::Gob { writer: Writer::new(), reader: Reader::new() }
    }

    /// All that a plugin sends in its handshake.
    pub(crate) fn hello(&mut self) -> Vec<u8> {
        match self {
            Self::Native => HANDSHAKE.plugin.clone(),
            Self::Gob { writer, .. } => {
                let functions = METHODS.map(|method| brpc_gob::Function::new(method, None, None));
                let mut out = Vec::new();
                writer.plugin_info(&brpc_gob::PluginInfo::new(NAME, "1", functions), &mut out);
                out
            }
        }
    }

    /// All that a hub sends to register a plugin.
    pub(crate) fn welcome(&self) -> Vec<u8> {
        match self {
            Self::Native => HANDSHAKE.hub.clone(),
            Self::Gob { .. } => Vec::new(),
        }
    }

    /// What a registered plugin may send.
    pub(crate) fn plugin_says(&mut self, tape: &mut Tape<'_>) -> Vec<u8> {
        let (choice, id) = (tape.choice(), tape.choice());
        let Self::Gob { writer, .. } = self else {
            let number = u64::from(id);
            return match choice % 6 {
                0 => frame(REPLY, &[number], OUTPUT),
                1 => frame(FAILED, &[number, u64::from(choice / 6 % 10) + 1, 0, 0], b""),
                2 => frame(METADATA, &[0], b""),
                3 => frame(EVENT, &[], &vec![b' '; usize::from(id) * 64]),
                4 => frame(LEAVE, &[number], b""),
                _ => frame(GOODBYE, &[number, 0], b""),
            };
        };
        let said = EnvelopeRef { seq: id.into(), method: METHODS[0], ..EnvelopeRef::default() };
        let (mut out, event) = (Vec::new(), vec![b' '; usize::from(id) * 64]);
        let said = match choice % 3 {
            0 => EnvelopeRef { payload: OUTPUT, ..said },
            1 => EnvelopeRef { error: "panic: no", ..said },
            _ => EnvelopeRef { method: "Async", payload: &event, ..said },
        };
        writer.envelope(said, &mut out);
        out
    }

    /// What a hub may send to a registered plugin.
    pub(crate) fn hub_says(&mut self, tape: &mut Tape<'_>) -> Vec<u8> {
        let (choice, id) = (tape.choice(), tape.choice());
        let method = choice / 5 % 3;
        let Self::Gob { writer, .. } = self else {
            let number = u64::from(id);
            return match choice % 5 {
                0 => frame(CALL, &[number, method.into(), number * 10, 0, 0], OUTPUT),
                1 => frame(CANCEL, &[number], b""),
                2 => frame(CREDIT, &[number, number], b""),
                3 => frame(DRAIN, &[u64::from(method), number, 0], b""),
                _ => frame(GOODBYE, &[number, 0], b""),
            };
        };
        let method = match choice % 5 {
            4 => "Shutdown",
            _ => ["echo", "sleep", "Async"][usize::from(method)],
        };
        let error = if choice >= 250 { "handshake (conflict)" } else { "" };
        let mut out = Vec::new();
        let said = EnvelopeRef { seq: id.into(), method, error, ..EnvelopeRef::default() };
        writer.envelope(said, &mut out);
        out
    }

    /// Decodes what is sent to the peer, in whole messages. Returns the ids of the calls and answers
    /// in it.
    pub(crate) fn hears(&mut self, mut said: &[u8]) -> Vec<CallId> {
        let mut ids = Vec::new();
        match self {
            Self::Native => {
                said = said.strip_prefix(PREFACE).unwrap_or(said);
                while let Some((length, rest)) = said.split_first_chunk() {
                    let length = u32::from_be_bytes(*length) as usize;
                    assert!((1..=rest.len()).contains(&length), "a frame of {length} bytes");
                    if matches!(rest[0], CALL | REPLY | FAILED) {
                        ids.push(number(&rest[1..length]));
                    }
                    said = &rest[length..];
                }
                assert!(said.is_empty(), "half a frame");
            }
            Self::Gob { reader, .. } => {
                let mut said = BytesMut::from(said);
                while let Some(envelope) =
                    reader.envelope(&mut said, usize::MAX).expect("a message of the wire")
                {
                    if !matches!(&*envelope.method, "Async" | "Shutdown") {
                        ids.push(envelope.seq);
                    }
                }
                assert!(said.is_empty(), "half a message");
            }
        }
        ids
    }

    /// Decodes how a plugin identifies itself, which is its first message.
    pub(crate) fn hears_hello(&mut self, said: &mut BytesMut) {
        if let Self::Gob { reader, .. } = self {
            let info = reader.plugin_info(said, usize::MAX).expect("a `PluginInfo`");
            assert!(info.is_some_and(|info| info.name == NAME), "a whole `PluginInfo`");
        }
    }
}

/// What both sides send in the native handshake.
struct Handshake {
    plugin: Vec<u8>,
    hub: Vec<u8>,
}

static HANDSHAKE: LazyLock<Handshake> = LazyLock::new(|| {
    let now = Instant::now();
    let codec = Box::new(Native::new(Role::Plugin));
    let mut plugin = Connection::<()>::dialled(codec, HELLO.clone(), Limits::default(), now);
    let mut hub = Connection::<()>::accepted(small_limits(), Wires::default(), now);
    let mut said = Handshake { plugin: sent(&mut plugin, now), hub: Vec::new() };
    hub.handle_input(&mut BytesMut::from(&said.plugin[..]), now);
    hub.accept(None);
    said.hub = sent(&mut hub, now);
    plugin.handle_input(&mut BytesMut::from(&said.hub[..]), now);
    let description = sent(&mut plugin, now);
    hub.handle_input(&mut BytesMut::from(&description[..]), now);
    hub.welcome(NAME, 1, [9; 16], now);
    said.hub.extend(sent(&mut hub, now));
    said.plugin.extend(description);
    said
});

/// The codec of this side, before it has heard anything or right after the plugin was let in.
///
/// # Panics
/// If the handshake of the others here is none.
pub fn native(role: Role, is_let_in: bool) -> Native {
    let mut codec = Native::new(role);
    if is_let_in {
        match role {
            Role::Hub => {
                hears_all(&mut codec, &HANDSHAKE.plugin);
                codec.encode(&welcome_message(), &mut WriteBuffer::new());
            }
            Role::Plugin => _ = hears_all(&mut codec, &HANDSHAKE.hub),
        }
    }
    codec
}

/// A codec that encodes all that the peer of another may say, with a preface or without.
pub fn speaker(has_spoken: bool) -> Native {
    let mut codec = Native::new(Role::Hub);
    // Or it knows no versions to say in a Welcome.
    hears_all(&mut codec, &HANDSHAKE.plugin);
    if has_spoken {
        codec.encode(&Message::Skipped, &mut WriteBuffer::new());
    }
    codec
}

fn welcome_message() -> Message {
    let mut said = hears_all(&mut Native::new(Role::Plugin), &HANDSHAKE.hub);
    said.pop().expect("a hub welcomes last")
}

/// The messages in these bytes.
fn hears_all(codec: &mut Native, said: &[u8]) -> Vec<Message> {
    let mut said = BytesMut::from(said);
    let next = || codec.decode(&mut said, usize::MAX).expect("as the other side says it");
    std::iter::from_fn(next).collect()
}

/// The description of the plugins here.
pub(crate) static HELLO: LazyLock<Hello> = LazyLock::new(|| {
    let description = Description::new(&METHODS.map(Function::new)).expect("short names");
    Hello::new(NAME, description.into())
});

/// Limits that are soon reached.
pub(crate) fn small_limits() -> Limits {
    let mut limits = Limits::default();
    (limits.max_calls, limits.queue_calls) = (3, 4);
    limits.queue_bytes = 64;
    (limits.event_credit, limits.event_credit_bytes) = (4, 1);
    limits.max_frame = Limits::LOWEST_MAX_FRAME;
    limits
}

/// All that a connection has to send at the moment.
pub(crate) fn sent<T>(connection: &mut Connection<T>, now: Instant) -> Vec<u8> {
    let (mut out, mut sent) = (WriteBuffer::new(), Vec::new());
    loop {
        let wanted = connection.wants_transmit();
        connection.poll_transmit(&mut out, now);
        assert!(wanted || out.is_empty(), "wants_transmit tells what poll_transmit gives");
        if out.is_empty() {
            break;
        }
        sent.extend_from_slice(&out.copy_to_bytes(out.remaining()));
    }
    assert!(!connection.wants_transmit(), "a shell would never sleep again");
    sent
}

/// A frame of the native wire: numbers, and what follows them.
pub(crate) fn frame(kind: u8, numbers: &[u64], rest: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, 0, 0, kind];
    for &number in numbers {
        put_number(number, &mut frame);
    }
    frame.extend_from_slice(rest);
    let length = u32::try_from(frame.len() - 4).expect("frames here are short");
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame
}

/// A number as the native wire has it.
pub(crate) fn put_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// The number at the beginning of these bytes.
fn number(bytes: &[u8]) -> u64 {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).expect("a whole number") + 1;
    bytes[..length].iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7F))
}

const NAME: &str = "fuzzed";

const METHODS: [&str; 2] = ["echo", "sleep"];

const OUTPUT: &[u8] = br#"{"n":1}"#;

pub(crate) const PREFACE: &[u8] = b"\xB2brpc\n\x01\x00";

// Kinds of frames.
pub(crate) const IDENTIFIES: u8 = 0x01;
pub(crate) const DESCRIBES: u8 = 0x04;
const CALL: u8 = 0x10;
const CANCEL: u8 = 0x11;
const CREDIT: u8 = 0x12;
const DRAIN: u8 = 0x13;
const REPLY: u8 = 0x18;
const FAILED: u8 = 0x19;
const EVENT: u8 = 0x1A;
const LEAVE: u8 = 0x1B;
const METADATA: u8 = 0x1C;
const GOODBYE: u8 = 0x1F;
