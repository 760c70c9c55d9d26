//! Hub and plugin together, in one thread, over a pipe in memory.

use brpc::{AsyncHook, Event, Events, Plugin, Socket};
use gungraun::{library_benchmark, library_benchmark_group};
use tokio::runtime::Runtime;

use crate::load::{Load, Message, runtime};

/// Bytes that the pipe holds; more than are ever in flight.
const ROOM: usize = 256 * 1024;

/// A hub and a plugin.
struct Pair {
    runtime: Runtime,
    hub: Socket,
    events: Events,
    hook: AsyncHook,
    message: Message,
    load: Load,
}

#[derive(Default)]
struct Echo {
    hook: AsyncHook,
}

#[brpc::plugin]
impl Echo {
    #[brpc(hook)]
    fn take_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }

    pub fn echo(&self, message: Message) -> Message {
        message
    }
}

impl Pair {
    fn new(load: Load) -> Self {
        let runtime = runtime();
        let hub = Socket::default();
        let plugin = Plugin::new(Echo::default());
        let mut events = hub.events();
        runtime.block_on(async {
            let (ours, theirs) = tokio::io::duplex(ROOM);
            hub.attach(ours);
            let session = plugin.serve(theirs).await.expect("the hub lets it in");
            tokio::spawn(session.run());
            assert!(matches!(events.next().await, Some(Event::Connected(_))));
        });
        let hook = plugin.receiver().hook.clone();
        Self { runtime, hub, events, hook, message: Message::new(load.bytes), load }
    }

    fn called(load: Load) -> Self {
        Self::new(load).call()
    }

    fn emitted(load: Load) -> Self {
        Self::new(load).emit()
    }

    fn call(self) -> Self {
        self.runtime.block_on(self.load.run(async || {
            let output = self.hub.call::<Message>("echo", "echo", &self.message).await;
            assert_eq!(output.expect("an answer").data.len(), self.load.bytes);
        }));
        self
    }

    fn emit(mut self) -> Self {
        self.runtime.block_on(async {
            for _ in 0..self.load.rounds() {
                for _ in 0..self.load.in_flight {
                    self.hook.emit(&self.message).await.expect("it is connected");
                }
                for _ in 0..self.load.in_flight {
                    assert!(matches!(self.events.next().await, Some(Event::Message(_))));
                }
            }
        });
        self
    }
}

#[library_benchmark(setup = Pair::called)]
#[bench::one_64_b(Load::one(64))]
#[bench::one_1_kib(Load::one(1024))]
#[bench::many_64_b(Load::many(64))]
#[bench::many_1_kib(Load::many(1024))]
fn call(pair: Pair) -> Pair {
    pair.call()
}

#[library_benchmark(setup = Pair::emitted)]
#[bench::one_64_b(Load::one(64))]
#[bench::many_64_b(Load::many(64))]
fn event(pair: Pair) -> Pair {
    pair.emit()
}

library_benchmark_group!(name = both_sides, benchmarks = [call, event]);
