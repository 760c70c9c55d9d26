//! Peers that send what the test tells them, byte by byte, written from `docs/protocol.md`.

use std::net::SocketAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::scenario::within;

pub const PREFACE: [u8; 8] = [0xB2, b'b', b'r', b'p', b'c', b'\n', 1, 0];

pub const HELLO: u8 = 0x01;
pub const ACCEPTED: u8 = 0x02;
pub const REFUSED: u8 = 0x03;
pub const DESCRIBE: u8 = 0x04;
pub const WELCOME: u8 = 0x05;
pub const CALL: u8 = 0x10;
pub const CANCEL: u8 = 0x11;
pub const CREDIT: u8 = 0x12;
pub const DRAIN: u8 = 0x13;
pub const RESUMABLE: u8 = 0x14;
pub const RESUMED: u8 = 0x17;
pub const REPLY: u8 = 0x18;
pub const FAILED: u8 = 0x19;
pub const EVENT: u8 = 0x1A;
pub const LEAVE: u8 = 0x1B;
pub const METADATA: u8 = 0x1C;
pub const RESUME: u8 = 0x1D;
pub const GOODBYE: u8 = 0x1F;

/// The number that stands for a breach in a goodbye.
pub const BREACH: u64 = 4;

pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
    bytes
}

pub fn string(text: impl AsRef<[u8]>) -> Vec<u8> {
    [varint(text.as_ref().len() as u64), text.as_ref().to_vec()].concat()
}

pub fn frame(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len() + 1).unwrap().to_be_bytes();
    [&length[..], &[kind], &body].concat()
}

/// A plugin's Hello; each field can be changed.
#[derive(Clone)]
pub struct Hello {
    pub versions: (u8, u8),
    pub features: u8,
    pub max_frame: u64,
    pub max_calls: u64,
    pub name: Vec<u8>,
    pub version: Vec<u8>,
    pub description: Vec<u8>,
}

impl Hello {
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        Self {
            versions: (1, 1),
            features: 0,
            max_frame: 1 << 20,
            max_calls: 1024,
            name: name.as_ref().to_vec(),
            version: Vec::new(),
            description: description(&["hang"]),
        }
    }

    /// The frame.
    pub fn encode(&self) -> Vec<u8> {
        frame(
            HELLO,
            &[
                &[self.versions.0, self.versions.1, self.features],
                &varint(self.max_frame),
                &varint(self.max_calls),
                &string(&self.name),
                &string(&self.version),
                &[7; 16],
                &Sha256::digest(&self.description),
                &[0],
            ],
        )
    }
}

/// The body of a Describe with these methods and no schemas.
pub fn description<N: AsRef<[u8]>>(methods: &[N]) -> Vec<u8> {
    let encoded = methods.iter().map(|name| [string(name), vec![0, 0, 0]].concat());
    [varint(methods.len() as u64), encoded.collect::<Vec<_>>().concat()].concat()
}

/// The body of a Describe with one method and this text for the schema of its input.
pub fn description_with_schema(schema: &str) -> Vec<u8> {
    [varint(1), string("f"), string(""), vec![1], string(schema), vec![0]].concat()
}

/// One frame, as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    pub kind: u8,
    pub body: Vec<u8>,
}

impl Frame {
    /// The number that the body begins with.
    pub fn number(&self) -> u64 {
        let mut number = 0;
        for (index, &byte) in self.body.iter().enumerate().take(10) {
            number |= u64::from(byte & 0x7F) << (7 * index);
            if byte < 0x80 {
                break;
            }
        }
        number
    }
}

/// Either side of a raw connection.
pub struct Raw {
    pub stream: TcpStream,
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = within("connecting", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// A registered plugin with the method `hang`.
    pub async fn register(address: SocketAddr, hello: &Hello) -> Self {
        let mut raw = Self::connect(address).await;
        raw.send(&PREFACE).await;
        raw.send(&hello.encode()).await;
        raw.expect_preface().await;
        let accepted = raw.expect(ACCEPTED).await;
        if accepted.body == [1] {
            raw.send(&frame(DESCRIBE, &[&hello.description])).await;
        }
        raw.expect(WELCOME).await;
        raw
    }

    /// Sends bytes; that the other side has closed meanwhile doesn't matter here.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = within("sending", self.stream.write_all(bytes)).await;
    }

    /// Ends this side's direction.
    pub async fn end(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    pub async fn expect_preface(&mut self) {
        let mut preface = [0; 8];
        within("the preface", self.stream.read_exact(&mut preface)).await.unwrap();
        assert_eq!(preface, PREFACE);
    }

    /// The next frame; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Frame> {
        let reading = async {
            let length = self.stream.read_u32().await.ok()?;
            let kind = self.stream.read_u8().await.ok()?;
            let mut body = vec![0; length as usize - 1];
            self.stream.read_exact(&mut body).await.ok()?;
            Some(Frame { kind, body })
        };
        within("a frame", reading).await
    }

    pub async fn expect(&mut self, kind: u8) -> Frame {
        let frame = self.next().await;
        let Some(frame) = frame.filter(|frame| frame.kind == kind) else {
            panic!("expected a frame of kind {kind:#x}, found another or the end");
        };
        frame
    }

    /// Reads and drops what comes up to a goodbye; its code, or `None` if none comes.
    pub async fn goodbye(&mut self) -> Option<u64> {
        while let Some(frame) = self.next().await {
            if frame.kind == GOODBYE {
                return Some(frame.number());
            }
        }
        None
    }

    /// Reads and drops what comes up to the end; how many bytes.
    pub async fn rest(&mut self) -> usize {
        let (mut count, mut buffer) = (0, [0; 4096]);
        loop {
            match within("the end", self.stream.read(&mut buffer)).await {
                Ok(0) | Err(_) => return count,
                Ok(read) => count += read,
            }
        }
    }

    /// Closes with a reset.
    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

/// A hub that sends what the test tells it.
pub struct RawHub {
    listener: TcpListener,
    pub address: SocketAddr,
}

impl RawHub {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    /// The next plugin, after its Hello.
    pub async fn greeted(&self) -> Raw {
        let (stream, _) = within("a plugin", self.listener.accept()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut raw = Raw { stream };
        raw.expect_preface().await;
        raw.expect(HELLO).await;
        raw
    }

    /// The next plugin, registered.
    pub async fn admitted(&self, welcome: &Welcome) -> Raw {
        let mut raw = self.greeted().await;
        raw.send(&PREFACE).await;
        raw.send(&frame(ACCEPTED, &[&[0]])).await;
        raw.send(&welcome.encode()).await;
        raw
    }
}

/// How a hub registers a plugin; each field can be changed.
pub struct Welcome {
    pub version: u8,
    pub plugin_versions: (u8, u8),
    pub max_frame: u64,
    pub max_calls: u64,
    pub credit: (u64, u64),
}

impl Default for Welcome {
    fn default() -> Self {
        Self {
            version: 1,
            plugin_versions: (1, 1),
            max_frame: 1 << 20,
            max_calls: 1024,
            credit: (256, 2 << 20),
        }
    }
}

impl Welcome {
    pub fn encode(&self) -> Vec<u8> {
        let (lowest, highest) = self.plugin_versions;
        frame(
            WELCOME,
            &[
                &[self.version, 1, 1, lowest, highest, 0],
                &[9; 16],
                &string("given"),
                &varint(1),
                &varint(self.max_frame),
                &varint(self.max_calls),
                &varint(self.credit.0),
                &varint(self.credit.1),
                &[0],
            ],
        )
    }
}

/// A call without a trace and without metadata.
pub fn call(id: u64, method: u64, input: &str) -> Vec<u8> {
    frame(CALL, &[&varint(id), &varint(method), &[0, 0, 0], input.as_bytes()])
}

pub fn reply(id: u64, output: impl AsRef<[u8]>) -> Vec<u8> {
    frame(REPLY, &[&varint(id), output.as_ref()])
}

pub fn failed(id: u64, status: u8, code: &str, message: &str, data: &str) -> Vec<u8> {
    let texts = [string(code), string(message)].concat();
    frame(FAILED, &[&varint(id), &[status], &texts, data.as_bytes()])
}

/// Lets the other side have its turn, where nothing can be waited for.
pub async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
