//! A peer that reads and writes frames by hand, after `docs/protocol.md` and not with the code
//! under test.

use std::time::Duration;

use brpc::Socket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::timeout;

use super::ROOM;

pub const PREFACE: [u8; 8] = *b"\xB2brpc\n\x01\x00";

pub mod kind {
    pub const HELLO: u8 = 0x01;
    pub const ACCEPTED: u8 = 0x02;
    pub const REFUSED: u8 = 0x03;
    pub const DESCRIBE: u8 = 0x04;
    pub const WELCOME: u8 = 0x05;
    pub const CHALLENGE: u8 = 0x06;
    pub const PROOF: u8 = 0x07;
    pub const CALL: u8 = 0x10;
    pub const CANCEL: u8 = 0x11;
    pub const CREDIT: u8 = 0x12;
    pub const DRAIN: u8 = 0x13;
    pub const REPLY: u8 = 0x18;
    pub const FAILED: u8 = 0x19;
    pub const EVENT: u8 = 0x1A;
    pub const LEAVE: u8 = 0x1B;
    pub const GOODBYE: u8 = 0x1F;
    pub const RETURN: u8 = 0x90;
    pub const PING: u8 = 0x20;
    pub const PONG: u8 = 0x21;
}

/// Why a call has no output.
pub mod status {
    pub const METHOD_NOT_FOUND: u8 = 4;
    pub const OVERLOADED: u8 = 6;
    pub const EXPIRED: u8 = 8;
    pub const CANCELLED: u8 = 9;
}

/// Why a side says goodbye.
pub mod farewell {
    pub const DONE: u64 = 1;
    pub const UNPLUGGED: u64 = 2;
    pub const SHUTTING_DOWN: u64 = 3;
    pub const PROTOCOL: u64 = 4;
    pub const TOO_SLOW: u64 = 5;
    pub const REPLACED: u64 = 6;
    pub const SILENT: u64 = 7;
    pub const UNRESPONSIVE: u64 = 8;
    pub const REVOKED: u64 = 9;
}

/// Why a plugin is refused.
pub mod refusal {
    pub const VERSION: u64 = 1;
    pub const BAD_NAME: u64 = 2;
    pub const BAD_VERSION: u64 = 3;
    pub const TOO_MANY_METHODS: u64 = 4;
    pub const BAD_DESCRIPTION: u64 = 5;
    pub const NAME_TAKEN: u64 = 6;
    pub const FULL: u64 = 7;
    pub const SHUTTING_DOWN: u64 = 8;
    pub const HANDSHAKE_TIMEOUT: u64 = 9;
    pub const PROTOCOL: u64 = 10;
    pub const BAD_LABELS: u64 = 11;
    pub const WIRE: u64 = 12;
    pub const UNPLUGGED: u64 = 13;
    pub const AUTH_REQUIRED: u64 = 14;
    pub const AUTH_FAILED: u64 = 15;
    pub const NAME_NOT_ALLOWED: u64 = 16;
    pub const TOO_MANY_ATTEMPTS: u64 = 17;
}

/// What a hub sends to refuse a plugin: with a code, and the bytes that say when to come back.
pub fn refusal_of(code: u64, wait: &[u8]) -> Vec<u8> {
    let body = Writer::default().number(code).text("because").raw(wait).raw(&[1, 1]).0;
    [&PREFACE[..], &frame(kind::REFUSED, &body)].concat()
}

/// Longer than anything takes, so that a mistake fails the test and doesn't hang it.
const PATIENCE: Duration = Duration::from_hours(24);

/// One side of a connection.
pub struct Peer {
    pub stream: DuplexStream,
    input: Vec<u8>,
}

/// A frame, as it was read.
#[derive(Debug, PartialEq)]
pub struct Frame {
    pub kind: u8,
    pub body: Vec<u8>,
}

impl Frame {
    /// The fields of its header.
    pub fn fields(&self) -> Fields<'_> {
        Fields(&self.body)
    }

    /// A call, of a frame that is one.
    pub fn call(&self) -> Call {
        let mut fields = self.fields();
        let (id, method, timeout_ms) = (fields.number(), fields.number(), fields.number());
        let trace = fields.text();
        for _ in 0..fields.number() {
            fields.text();
            fields.text();
        }
        Call { id, method, timeout_ms, trace, input: fields.0.to_vec() }
    }
}

impl Peer {
    pub fn new(stream: DuplexStream) -> Self {
        Self { stream, input: Vec::new() }
    }

    /// Connects to a hub, and sends nothing.
    pub fn dial(hub: &Socket) -> Self {
        Self::dial_with_room(hub, ROOM)
    }

    /// The same over a connection that holds so many bytes.
    pub fn dial_with_room(hub: &Socket, room: usize) -> Self {
        let (ours, theirs) = tokio::io::duplex(room);
        hub.attach(theirs);
        Self::new(ours)
    }

    /// A plugin with the one method `work` that a hub has registered.
    pub async fn plugged(hub: &Socket, name: &str) -> Self {
        Self::plugged_as(hub, &Hello::new(name)).await
    }

    /// The same with this Hello.
    pub async fn plugged_as(hub: &Socket, hello: &Hello<'_>) -> Self {
        let mut peer = Self::dial(hub);
        peer.say_hello(hello).await;
        peer.hear_welcome().await;
        peer
    }

    /// Sends a plugin's preface and Hello.
    pub async fn say_hello(&mut self, hello: &Hello<'_>) {
        self.send(&PREFACE).await;
        self.send_frame(kind::HELLO, &hello.body()).await;
    }

    /// Goes through the rest of the handshake.
    pub async fn hear_welcome(&mut self) {
        self.hear_preface().await;
        let accepted = self.expect(kind::ACCEPTED).await;
        if accepted.body == [1] {
            self.send_frame(kind::DESCRIBE, &DESCRIPTION).await;
        }
        self.expect(kind::WELCOME).await;
    }

    /// What a hub sends to register a plugin, whatever the plugin describes.
    pub async fn let_in(&mut self, name: &str) {
        self.hear_preface().await;
        self.expect(kind::HELLO).await;
        self.send(&PREFACE).await;
        self.send_frame(kind::ACCEPTED, &[1]).await;
        self.expect(kind::DESCRIBE).await;
        self.send_welcome(name).await;
    }

    /// Sends what registers a plugin.
    pub async fn send_welcome(&mut self, name: &str) {
        self.send_frame(kind::WELCOME, &welcome(name)).await;
    }

    /// Sends bytes; an error of the stream doesn't count.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    pub async fn send_frame(&mut self, kind: u8, body: &[u8]) {
        self.send(&frame(kind, body)).await;
    }

    /// Answers a call.
    pub async fn reply(&mut self, id: u64, output: &str) {
        let body = [Writer::default().number(id).0, output.as_bytes().to_vec()].concat();
        self.send_frame(kind::REPLY, &body).await;
    }

    pub async fn hear_preface(&mut self) {
        assert_eq!(self.take(8).await.as_deref(), Some(&PREFACE[..]));
    }

    /// The next frame; `None` at the end of the stream.
    pub async fn frame(&mut self) -> Option<Frame> {
        let size = self.take(4).await?;
        let size = u32::from_be_bytes(size.try_into().unwrap()) as usize;
        let mut body = self.take(size).await?;
        let kind = body.remove(0);
        Some(Frame { kind, body })
    }

    /// The next frame, which is of this kind.
    pub async fn expect(&mut self, kind: u8) -> Frame {
        let frame = self.frame().await.expect("the stream goes on");
        assert_eq!(frame.kind, kind, "{frame:?}");
        frame
    }

    /// The next call.
    pub async fn call(&mut self) -> Call {
        self.expect(kind::CALL).await.call()
    }

    /// The code of the refusal that comes next, after which the stream ends.
    pub async fn refused(mut self) -> u64 {
        self.hear_preface().await;
        self.refused_after_preface().await
    }

    /// The same when the preface was read before.
    pub async fn refused_after_preface(mut self) -> u64 {
        let frame = self.expect(kind::REFUSED).await;
        assert_eq!(self.frame().await, None);
        frame.fields().number()
    }

    /// Reads to the end of the stream; returns what came before.
    pub async fn rest(mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.input);
        let _ = timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.expect("it ends");
        rest
    }

    async fn take(&mut self, size: usize) -> Option<Vec<u8>> {
        while self.input.len() < size {
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.input)).await;
            if read.expect("the other side says something, or closes").ok()? == 0 {
                return None;
            }
        }
        Some(self.input.drain(..size).collect())
    }
}

/// A call, as it was read.
#[derive(Debug)]
pub struct Call {
    pub id: u64,
    pub method: u64,
    pub timeout_ms: u64,
    pub trace: String,
    pub input: Vec<u8>,
}

/// A plugin's Hello. It describes the one method `work`, without schemas.
pub struct Hello<'a> {
    pub versions: (u8, u8),
    pub features: u64,
    pub max_frame: u64,
    pub max_calls: u64,
    pub name: &'a str,
    pub version: &'a str,
    pub instance: [u8; 16],
    pub digest: [u8; 32],
    /// Numbers and bytes.
    pub extensions: Vec<(u64, Vec<u8>)>,
}

impl<'a> Hello<'a> {
    pub fn new(name: &'a str) -> Self {
        let (max_frame, max_calls) = (1 << 20, 1024);
        let (version, instance, digest, extensions) = ("1.0", [7; 16], DIGEST, Vec::new());
        let (versions, features) = ((1, 1), 0);
        Self {
            versions,
            features,
            max_frame,
            max_calls,
            name,
            version,
            instance,
            digest,
            extensions,
        }
    }

    /// The same of a plugin that has heartbeats.
    pub fn heartbeats(mut self) -> Self {
        self.features |= 1;
        self
    }

    /// The same of another instance.
    pub fn instance(mut self, byte: u8) -> Self {
        self.instance = [byte; 16];
        self
    }

    pub fn body(&self) -> Vec<u8> {
        let hello = Writer::default()
            .raw(&[self.versions.0, self.versions.1])
            .number(self.features)
            .number(self.max_frame)
            .number(self.max_calls)
            .text(self.name)
            .text(self.version)
            .raw(&self.instance)
            .raw(&self.digest)
            .number(self.extensions.len() as u64);
        let extended = self.extensions.iter().fold(hello, |hello, (number, bytes)| {
            hello.number(*number).number(bytes.len() as u64).raw(bytes)
        });
        extended.0
    }
}

/// One method: `work`, no documentation, no schemas.
pub const DESCRIPTION: [u8; 9] = *b"\x01\x04work\x00\x00\x00";

/// Its SHA-256.
pub const DIGEST: [u8; 32] = [
    0x9A, 0x43, 0x0F, 0x33, 0xFA, 0xF2, 0x82, 0xCA, 0xA8, 0x8A, 0xFB, 0xA4, 0x4E, 0xA8, 0x95, 0xDB,
    0x3D, 0x56, 0x07, 0xB7, 0x03, 0xBC, 0x08, 0x79, 0xD7, 0xC5, 0x1A, 0xD4, 0x01, 0x67, 0x21, 0x8B,
];

fn welcome(name: &str) -> Vec<u8> {
    Writer::default()
        .raw(&[1, 1, 1, 1, 1])
        .number(0)
        .raw(&[9; 16])
        .text(name)
        .number(1)
        .number(1 << 20)
        .number(1024)
        .number(256)
        .number(1 << 20)
        .number(0)
        .0
}

/// The bytes of a frame.
pub fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 1).unwrap();
    [&size.to_be_bytes()[..], &[kind], body].concat()
}

/// Writes fields.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn number(mut self, mut number: u64) -> Self {
        while number >= 0x80 {
            self.0.push(u8::try_from(number & 0x7F).unwrap() | 0x80);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap());
        self
    }

    pub fn text(self, text: &str) -> Self {
        self.number(text.len() as u64).raw(text.as_bytes())
    }
}

/// Reads fields; what is left is the payload.
pub struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    pub fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let (&byte, rest) = self.0.split_first().expect("a number");
            self.0 = rest;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }

    pub fn byte(&mut self) -> u8 {
        let (&byte, rest) = self.0.split_first().expect("a byte");
        self.0 = rest;
        byte
    }

    pub fn text(&mut self) -> String {
        let size = usize::try_from(self.number()).unwrap();
        let (text, rest) = self.0.split_at(size);
        self.0 = rest;
        String::from_utf8(text.to_vec()).unwrap()
    }
}
