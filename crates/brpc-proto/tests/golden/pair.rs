//! A hub and a plugin as the page and the vectors have them, and no transport between them.

use std::time::{Duration, Instant};

use brpc_core::{Answer, DisconnectReason, Function, Limits, Metadata, ProtocolError};
use brpc_proto::codec::Native;
use brpc_proto::{
    Call, CallId, Connection, Description, Event, Features, Hello, Key, Role, Secret, Wires,
    WriteBuffer,
};
use bytes::{Buf, Bytes, BytesMut};
use serde_json::json;

use crate::vectors::vector;

pub(crate) struct Pair {
    pub(crate) hub: Connection<u64>,
    pub(crate) plugin: Connection<()>,
    pub(crate) now: Instant,
    /// What the hub has not yet taken.
    to_hub: BytesMut,
    /// What the plugin has not yet taken.
    to_plugin: BytesMut,
}

pub(crate) const EPOCH: [u8; 16] =
    *b"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f";

/// The nonce of the hub in the vectors.
pub(crate) const NONCE: &[u8; 32] = b"@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_";

impl Pair {
    /// Both have just been made. They have no heartbeats.
    pub(crate) fn new() -> Self {
        Self::of(hello())
    }

    /// The same with a plugin that says this of itself.
    pub(crate) fn of(hello: Hello) -> Self {
        Self::beating(hello, None)
    }

    /// The same with heartbeats at this interval, which the hub would have longer.
    pub(crate) fn beating(hello: Hello, heartbeat: Option<Duration>) -> Self {
        let now = Instant::now();
        let mut limits = Limits::default();
        limits.heartbeat = heartbeat;
        let mut hub_limits = limits.clone();
        hub_limits.event_credit = 2;
        hub_limits.heartbeat = heartbeat.map(|_| Limits::LONGEST_HEARTBEAT);
        let codec = Box::new(Native::new(Role::Plugin));
        Self {
            hub: Connection::accepted(hub_limits, Wires::default(), now),
            plugin: Connection::dialled(codec, hello, limits, now),
            now,
            to_hub: BytesMut::new(),
            to_plugin: BytesMut::new(),
        }
    }

    /// The hub has taken the `Hello` and is to accept it; the plugin has sent it.
    pub(crate) fn hello() -> Self {
        let mut pair = Self::new();
        let hello = pair.plugin_sends();
        assert!(matches!(pair.hub_takes(&hello)[..], [Event::Hello(_)]));
        pair
    }

    /// The hub has taken the `Hello` of a plugin with a key, and is to accept it.
    pub(crate) fn keyed() -> Self {
        let mut pair = Self::of(Hello { key: Some(key()), ..hello() });
        let hello = pair.plugin_sends();
        assert!(matches!(pair.hub_takes(&hello)[..], [Event::Hello(_)]));
        pair
    }

    /// The hub has sent `Challenge` after that, which the plugin has not taken.
    pub(crate) fn challenged() -> Self {
        let mut pair = Self::keyed();
        assert!(pair.hub.challenge(*NONCE));
        pair.hub_sends();
        pair
    }

    /// The hub has sent `Accepted`, which the plugin has not taken.
    pub(crate) fn accepted() -> Self {
        let mut pair = Self::hello();
        pair.hub.accept(None);
        pair.hub_sends();
        pair
    }

    /// The hub has sent `Welcome`, the plugin has taken `Accepted`.
    pub(crate) fn described() -> Self {
        let mut pair = Self::accepted();
        pair.plugin_takes(&[vector("preface"), vector("accepted")].concat());
        let describe = pair.plugin_sends();
        assert!(matches!(pair.hub_takes(&describe)[..], [Event::Described(_)]));
        pair.welcome();
        pair
    }

    /// The hub lets the plugin in, and is told that it did.
    pub(crate) fn welcome(&mut self) {
        self.hub.welcome("edge-1", 7, EPOCH, self.now);
        let told = self.hub.poll_event();
        assert!(matches!(told, Some(Event::Welcomed(terms)) if terms.generation == 7));
    }

    /// The hub tries to let the plugin in, when it may not.
    pub(crate) fn welcome_in_vain(&mut self) {
        assert!(!self.hub.welcome("edge-1", 7, EPOCH, self.now));
        assert!(self.hub.poll_event().is_none());
    }

    /// The handshake is over.
    pub(crate) fn ready() -> Self {
        Self::described().welcomed()
    }

    /// The same with heartbeats, every 5 s.
    pub(crate) fn ready_and_beating() -> Self {
        let mut pair = Self::beating(hello(), Some(Limits::HEARTBEAT));
        let said = pair.plugin_sends();
        pair.hub_takes(&said);
        pair.hub.accept(hello().description);
        pair.hub_takes(&[]);
        pair.welcome();
        pair.welcomed()
    }

    /// The plugin takes the Welcome.
    fn welcomed(self) -> Self {
        let mut pair = self;
        let welcome = pair.hub_sends();
        assert!(matches!(pair.plugin_takes(&welcome)[..], [Event::Welcomed(_)]));
        pair
    }

    /// The handshake is over, and both sides have the feature for calls that outlive a connection.
    /// The plugin has not said what it knows of earlier ones.
    pub(crate) fn resuming() -> Self {
        Self::resuming_and_beating(None)
    }

    /// The same with heartbeats.
    pub(crate) fn with_all() -> Self {
        Self::resuming_and_beating(Some(Limits::HEARTBEAT))
    }

    fn resuming_and_beating(heartbeat: Option<Duration>) -> Self {
        let mut pair = Self::beating(Hello { features: Features::RESUME, ..hello() }, heartbeat);
        let mut limits = Limits::default();
        limits.heartbeat = heartbeat;
        let hub = Connection::accepted(limits, Wires::default(), pair.now);
        pair.hub = hub.with_resumption();
        let hello = pair.plugin_sends();
        pair.hub_takes(&hello);
        pair.hub.accept(crate::pair::hello().description);
        assert!(matches!(pair.hub.poll_event(), Some(Event::Described(_))));
        pair.welcome();
        let welcome = pair.hub_sends();
        let events = pair.plugin_takes(&welcome);
        let [Event::Welcomed(terms)] = &events[..] else { panic!("{events:?}") };
        assert!(terms.features.has(Features::RESUME));
        pair
    }

    /// The same, and the plugin knows of no earlier connection.
    pub(crate) fn recalled() -> Self {
        let mut pair = Self::resuming();
        assert!(matches!(pair.hub_takes(&vector("resume-nothing"))[..], [Event::Resume(_)]));
        pair
    }

    /// The same, and no call goes on.
    pub(crate) fn resumed() -> Self {
        let mut pair = Self::recalled();
        pair.hub.resumed();
        let resumed = pair.hub_sends();
        assert!(matches!(pair.plugin_takes(&resumed)[..], [Event::Resumed]));
        pair
    }

    /// The handshake is over, and these calls are made and sent; the plugin has not taken them.
    pub(crate) fn calling(calls: u64) -> Self {
        let mut pair = Self::ready();
        for caller in 1..=calls {
            pair.hub.start_call(call(0, ""), caller, pair.now).unwrap();
        }
        pair.hub_sends();
        pair
    }

    /// Waits; the hub does what is due meanwhile, and hears nothing.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.hub.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.hub.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// The plugin runs a call, and both know of it.
    pub(crate) fn running() -> Self {
        let mut pair = Self::calling(1);
        pair.plugin_takes(&vector("call"));
        pair
    }

    pub(crate) fn hub_sends(&mut self) -> Vec<u8> {
        sent(&mut self.hub, self.now)
    }

    pub(crate) fn plugin_sends(&mut self) -> Vec<u8> {
        sent(&mut self.plugin, self.now)
    }

    pub(crate) fn hub_takes(&mut self, bytes: &[u8]) -> Vec<Event<u64>> {
        self.to_hub.extend_from_slice(bytes);
        self.hub.handle_input(&mut self.to_hub, self.now);
        std::iter::from_fn(|| self.hub.poll_event()).collect()
    }

    pub(crate) fn plugin_takes(&mut self, bytes: &[u8]) -> Vec<Event<()>> {
        self.to_plugin.extend_from_slice(bytes);
        self.plugin.handle_input(&mut self.to_plugin, self.now);
        std::iter::from_fn(|| self.plugin.poll_event()).collect()
    }

    /// The plugin answers a call; false if it has no answer to give.
    pub(crate) fn answer(&mut self, id: CallId, answer: Answer) -> bool {
        self.plugin.answer(id, answer, Metadata::new())
    }

    /// The breach that the hub closes for, if it does.
    pub(crate) fn hub_finds(&mut self, bytes: &[u8]) -> Option<ProtocolError> {
        self.hub_takes(bytes).iter().find_map(|event| match event {
            Event::Closed(DisconnectReason::Protocol(error), _) => Some(*error),
            _ => None,
        })
    }

    /// The breach that the plugin closes for, if it does.
    pub(crate) fn plugin_finds(&mut self, bytes: &[u8]) -> Option<ProtocolError> {
        self.plugin_takes(bytes).iter().find_map(|event| match event {
            Event::Closed(DisconnectReason::Protocol(error), _) => Some(*error),
            _ => None,
        })
    }
}

/// The plugin of the page.
pub(crate) fn hello() -> Hello {
    let mut echo = Function::new("echo");
    "Gives back its input.".clone_into(&mut echo.description);
    echo.input = Some(json!(true).try_into().unwrap());
    echo.output = Some(json!(true).try_into().unwrap());
    let mut sleep = Function::new("sleep");
    sleep.input = Some(json!({"type": "integer"}).try_into().unwrap());
    let description = Description::new(&[echo, sleep]).unwrap();
    Hello {
        version: "1.0".to_owned(),
        instance: *b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
        ..Hello::new("edge-1", description.into())
    }
}

/// The secret of the vectors.
pub(crate) fn secret() -> Secret {
    Secret::new("0123456789abcdef").unwrap()
}

/// What the plugin of the vectors offers to prove.
pub(crate) fn key() -> Key {
    Key::new("edge-key", secret(), *b" !\"#$%&'()*+,-./0123456789:;<=>?").unwrap()
}

/// A call without deadline, trace id and metadata.
pub(crate) fn call(method: u32, input: &'static str) -> Call {
    Call { method, payload: Bytes::from_static(input.as_bytes()), ..Call::default() }
}

/// The first call of the page, with this metadata.
pub(crate) fn first_call(metadata: &[(&str, &str)]) -> Call {
    Call {
        timeout: Some(Duration::from_secs(30)),
        trace: "t-1".to_owned(),
        metadata: metadata.iter().copied().collect(),
        ..call(0, r#"{"n":1}"#)
    }
}

fn sent<T>(connection: &mut Connection<T>, now: Instant) -> Vec<u8> {
    let (mut out, mut bytes) = (WriteBuffer::new(), Vec::new());
    loop {
        connection.poll_transmit(&mut out, now);
        if out.is_empty() {
            return bytes;
        }
        let count = out.remaining();
        bytes.extend_from_slice(&out.copy_to_bytes(count));
        connection.handle_written(count, false, now);
    }
}
