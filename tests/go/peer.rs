//! Peers that say by hand what no Go program would.

use std::net::SocketAddr;

use brpc_gob::{Envelope, EnvelopeRef, Function, PluginInfo, Reader, Writer};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::gob::{STRING, UINT, fields, struct_of, text, uint, value};
use crate::scenario::within;

/// One side of a connection to a hub.
pub struct Peer {
    stream: TcpStream,
    input: BytesMut,
    reader: Reader,
}

impl Peer {
    pub async fn connect(hub: SocketAddr) -> Self {
        let stream = TcpStream::connect(hub).await.unwrap();
        Self { stream, input: BytesMut::new(), reader: Reader::new() }
    }

    /// Sends as much as the hub takes; false if that isn't all.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        within("sending", self.stream.write_all(bytes)).await.is_ok()
    }

    /// Says that nothing more comes.
    pub async fn finish(&mut self) {
        // The hub may have closed already.
        let _ = self.stream.shutdown().await;
    }

    /// The next message; `None` at the end.
    pub async fn hear(&mut self) -> Option<Envelope> {
        loop {
            if let Some(envelope) = self.reader.envelope(&mut self.input, 1 << 20).unwrap() {
                return Some(envelope);
            }
            let read = within("a message", self.stream.read_buf(&mut self.input)).await;
            // A hub that closes with bytes unread resets the connection.
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// Reads to the end, which the hub makes; why, in its words.
    pub async fn ends(&mut self) -> Option<String> {
        let mut reason = None;
        while let Some(envelope) = self.hear().await {
            if envelope.method == "Shutdown" {
                reason = Some(envelope.error);
            }
        }
        reason
    }

    /// The same, of a hub that may not know what the peer speaks.
    pub async fn is_closed(&mut self) {
        let mut said = Vec::new();
        // It may as well be reset.
        let _ = within("the end", self.stream.read_to_end(&mut said)).await;
    }
}

/// What a plugin of this name says first, that has one method and says nothing of it.
pub fn introduction(name: &str, method: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let info = PluginInfo::new(name, "1.0.0", [Function::new(method, None, None)]);
    Writer::new().plugin_info(&info, &mut bytes);
    bytes
}

/// A message, with the definition of its type before it.
pub fn first_message(envelope: EnvelopeRef<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    Writer::new().envelope(envelope, &mut bytes);
    bytes
}

/// What is no introduction, each beyond doubt.
pub fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    let definition = struct_of(65, &[("Name", STRING), ("Version", STRING)]);
    let begun = value(65, fields(&[(0, text("name"))]));
    let envelope = [struct_of(65, &[("Seq", UINT)]), value(65, fields(&[(0, uint(1))]))];
    vec![
        ("HTTP", b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n".to_vec()),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("zeroes", vec![0; 64]),
        ("bytes of no kind", (0..=255).rev().collect()),
        ("a definition, and no gob behind it", [&definition[..], &[0x7f; 400]].concat()),
        (
            "a definition, and a value that ends too soon",
            [&definition[..], &begun[..3], &[0; 64]].concat(),
        ),
        ("the start of a message in place of an introduction", envelope.concat()),
        ("a native start, and no frame behind it", b"\xB2brpc\r\n\0\xff\xff\xff\xff\xff".to_vec()),
    ]
}
