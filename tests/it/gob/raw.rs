//! Peers that send by hand what a Go program would.

use brpc::{MemoryConnector, MemoryListener, Socket};
use brpc_gob::{Envelope, EnvelopeRef, Function, PluginInfo, Reader, Writer};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

/// Serves a hub that accepts plugins of this host.
pub fn serve(hub: &Socket) -> MemoryConnector {
    let (connector, listener) = MemoryListener::new();
    drop(hub.serve(listener));
    connector
}

/// One side of a connection.
pub struct Raw {
    pub stream: DuplexStream,
    input: BytesMut,
    reader: Reader,
    writer: Writer,
}

/// A call.
pub fn call<'a>(seq: u64, method: &'a str, payload: &'a [u8]) -> EnvelopeRef<'a> {
    EnvelopeRef { seq, method, payload, ..EnvelopeRef::default() }
}

/// An event.
pub fn event(payload: &[u8]) -> EnvelopeRef<'_> {
    call(0, "Async", payload)
}

/// A plugin whose methods describe no inputs and outputs.
pub fn info(name: &str, methods: &[&str]) -> PluginInfo {
    let functions = methods.iter().map(|method| Function::new(*method, None, None));
    PluginInfo::new(name, "1.0.0", functions)
}

impl Raw {
    pub fn new(stream: DuplexStream) -> Self {
        Self { stream, input: BytesMut::new(), reader: Reader::new(), writer: Writer::new() }
    }

    /// A plugin that has sent its introduction.
    pub async fn plugin(hub: &MemoryConnector, info: &PluginInfo) -> Self {
        let mut raw = Self::new(hub.connect().await.unwrap());
        raw.introduce(info).await;
        raw
    }

    /// Sends its introduction.
    pub async fn introduce(&mut self, info: &PluginInfo) {
        let mut bytes = Vec::new();
        self.writer.plugin_info(info, &mut bytes);
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// Sends its introduction, except for its end.
    pub async fn say_half_of(&mut self, info: &PluginInfo) {
        let mut bytes = Vec::new();
        self.writer.plugin_info(info, &mut bytes);
        self.stream.write_all(&bytes[..bytes.len() - 10]).await.unwrap();
    }

    pub async fn say(&mut self, envelope: EnvelopeRef<'_>) {
        let mut bytes = Vec::new();
        self.writer.envelope(envelope, &mut bytes);
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// Answers a call with an error of any bytes.
    pub async fn fail(&mut self, seq: u64, error: &[u8]) {
        // A text of as many characters, which are then replaced.
        let place = "~".repeat(error.len());
        let mut bytes = Vec::new();
        let answer = EnvelopeRef { seq, error: &place, ..EnvelopeRef::default() };
        self.writer.envelope(answer, &mut bytes);
        let at = bytes.len() - 1 - error.len();
        bytes[at..at + error.len()].copy_from_slice(error);
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// The plugin's introduction.
    pub async fn info(&mut self) -> PluginInfo {
        loop {
            if let Some(info) = self.reader.plugin_info(&mut self.input, 1 << 20).unwrap() {
                return info;
            }
            assert!(self.stream.read_buf(&mut self.input).await.unwrap() > 0, "it ended");
        }
    }

    /// The next message; `None` at the end.
    pub async fn hear(&mut self) -> Option<Envelope> {
        loop {
            if let Some(envelope) = self.reader.envelope(&mut self.input, 1 << 20).unwrap() {
                return Some(envelope);
            }
            if self.stream.read_buf(&mut self.input).await.unwrap_or(0) == 0 {
                assert!(self.input.is_empty(), "it ended within a message");
                return None;
            }
        }
    }

    /// The next message, which is a call of this method.
    pub async fn expect(&mut self, method: &str) -> Envelope {
        let envelope = self.hear().await.unwrap();
        assert_eq!(envelope.method, method);
        envelope
    }

    /// Why the hub refuses the plugin.
    pub async fn refusal(&mut self) -> String {
        let envelope = self.expect("Shutdown").await;
        assert_eq!(self.hear().await, None);
        envelope.error
    }
}
