//! The hub alone; scripts play the plugins.

use brpc::{Event, Events, Socket};
use brpc_proto::json;
use gungraun::{library_benchmark, library_benchmark_group};
use tokio::runtime::Runtime;

use crate::load::{Load, Message, OPERATIONS, runtime};
use crate::script::{self, Remote};

/// A hub with plugins.
struct Hub {
    runtime: Runtime,
    socket: Socket,
    events: Events,
    /// The other end of each plugin's connection.
    plugins: Vec<Remote>,
    message: Message,
    load: Load,
    /// The frames that a plugin sends at a time for a subscriber.
    sent: Vec<u8>,
}

impl Hub {
    fn new(load: Load, plugins: usize) -> Self {
        let runtime = runtime();
        let socket = Socket::default();
        let mut events = socket.events();
        let message = Message::new(load.bytes);
        let payload = json::encode(&message).expect("it encodes");
        let connect = |index| {
            let (stream, remote) = script::plugin(&name(index), payload.to_vec());
            socket.attach(stream);
            remote
        };
        let plugins = runtime.block_on(async {
            let remotes: Vec<Remote> = (0..plugins).map(connect).collect();
            for _ in 0..plugins {
                assert!(matches!(events.next().await, Some(Event::Connected(_))));
            }
            remotes
        });
        let sent = script::event(&payload).repeat(load.in_flight);
        Self { runtime, socket, events, plugins, message, load, sent }
    }

    fn called(load: Load) -> Self {
        Self::new(load, 1).call()
    }

    fn called_among(plugins: usize) -> Self {
        Self::new(Load::one(64), plugins).call()
    }

    fn heard(load: Load) -> Self {
        Self::new(load, 1).hear()
    }

    fn asked_all(load: Load) -> Self {
        Self::new(load, OPERATIONS).ask_all()
    }

    fn call(self) -> Self {
        let plugin = name(0);
        self.runtime.block_on(self.load.run(async || {
            let output = self.socket.call::<Message>(&plugin, "work", &self.message).await;
            assert_eq!(output.expect("an answer").data.len(), self.load.bytes);
        }));
        self
    }

    fn hear(mut self) -> Self {
        self.runtime.block_on(async {
            for _ in 0..self.load.rounds() {
                self.plugins[0].say(&self.sent);
                for _ in 0..self.load.in_flight {
                    assert!(matches!(self.events.next().await, Some(Event::Message(_))));
                }
            }
        });
        self
    }

    fn ask_all(self) -> Self {
        self.runtime.block_on(async {
            let mut answers = self.socket.broadcast::<Message>("work", &self.message);
            while let Some((_, answer)) = answers.next().await {
                assert_eq!(answer.expect("an answer").data.len(), self.load.bytes);
            }
        });
        self
    }
}

fn name(index: usize) -> String {
    format!("plugin-{index}")
}

#[library_benchmark(setup = Hub::called)]
#[bench::one_64_b(Load::one(64))]
#[bench::one_1_kib(Load::one(1024))]
#[bench::many_64_b(Load::many(64))]
#[bench::many_1_kib(Load::many(1024))]
fn call_hub(hub: Hub) -> Hub {
    hub.call()
}

// Must take as many as `call_hub one_64_b`, since a call doesn't look at other plugins; but the
// allocator may make a difference of some per cent.
#[library_benchmark(setup = Hub::called_among)]
#[bench::a_thousand(1_000)]
fn call_among_plugins(hub: Hub) -> Hub {
    hub.call()
}

#[library_benchmark(setup = Hub::heard)]
#[bench::one_64_b(Load::one(64))]
#[bench::many_64_b(Load::many(64))]
fn event_hub(hub: Hub) -> Hub {
    hub.hear()
}

// To as many plugins as other benchmarks have calls.
#[library_benchmark(setup = Hub::asked_all)]
#[bench::many_64_b(Load::many(64))]
fn broadcast(hub: Hub) -> Hub {
    hub.ask_all()
}

library_benchmark_group!(
    name = hub_alone,
    benchmarks = [call_hub, call_among_plugins, event_hub, broadcast]
);
