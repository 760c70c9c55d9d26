//! The plugin alone; a script plays the hub.

use brpc::{AsyncHook, Plugin};
use brpc_proto::json;
use gungraun::{library_benchmark, library_benchmark_group};
use tokio::runtime::Runtime;

use crate::load::{Load, Message, OPERATIONS, runtime};
use crate::script::{self, Remote};

/// A registered plugin.
struct Plugged {
    runtime: Runtime,
    hub: Remote,
    hook: AsyncHook,
    /// The calls to be made, as frames; those that are in flight at the same time are one text.
    calls: Vec<Vec<u8>>,
    message: Message,
    load: Load,
}

/// A method, by its number on the wire: its place in the block below.
#[derive(Clone, Copy)]
enum Method {
    Echo,
    Sync,
    Ready,
    Waiting,
}

#[derive(Default)]
struct Worker {
    hook: AsyncHook,
}

#[brpc::plugin]
impl Worker {
    #[brpc(hook)]
    fn take_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }

    pub fn echo(&self, message: Message) -> Message {
        message
    }

    pub fn sync(&self) {}

    pub async fn ready(&self) {
        std::future::ready(()).await;
    }

    pub async fn waiting(&self) {
        tokio::task::yield_now().await;
    }
}

impl Plugged {
    fn new(load: Load) -> Self {
        let runtime = runtime();
        let plugin = Plugin::new(Worker::default());
        let (stream, hub) = script::hub();
        runtime.block_on(async {
            let session = plugin.serve(stream).await.expect("the hub lets it in");
            tokio::spawn(session.run());
        });
        let hook = plugin.receiver().hook.clone();
        Self { runtime, hub, hook, calls: Vec::new(), message: Message::new(load.bytes), load }
    }

    /// Prepares calls, and makes them once.
    fn asked(load: Load, method: Method) -> Self {
        let mut plugged = Self::new(load);
        let input = match method {
            Method::Echo => json::encode(&plugged.message).expect("it encodes").to_vec(),
            Method::Sync | Method::Ready | Method::Waiting => Vec::new(),
        };
        let mut last_id = 0;
        let mut calls = || {
            let ids = (last_id + 1..).take(OPERATIONS);
            last_id += OPERATIONS as u64;
            let calls: Vec<_> = ids.map(|id| script::call(id, method as u64, &input)).collect();
            calls.chunks(load.in_flight).map(<[_]>::concat).collect()
        };
        plugged.calls = calls();
        plugged = plugged.answer();
        plugged.calls = calls();
        plugged
    }

    fn called(load: Load) -> Self {
        Self::asked(load, Method::Echo)
    }

    fn dispatched(method: Method) -> Self {
        Self::asked(Load::many(0), method)
    }

    fn emitted(load: Load) -> Self {
        Self::new(load).emit()
    }

    fn answer(self) -> Self {
        self.runtime.block_on(async {
            let mut heard = self.hub.heard();
            for calls in &self.calls {
                self.hub.say(calls);
                heard += self.load.in_flight;
                self.hub.hear(heard).await;
            }
        });
        self
    }

    fn emit(self) -> Self {
        self.runtime.block_on(async {
            let mut heard = self.hub.heard();
            for _ in 0..self.load.rounds() {
                for _ in 0..self.load.in_flight {
                    self.hook.emit(&self.message).await.expect("it is connected");
                }
                heard += self.load.in_flight;
                self.hub.hear(heard).await;
            }
        });
        self
    }
}

#[library_benchmark(setup = Plugged::called)]
#[bench::one_64_b(Load::one(64))]
#[bench::one_1_kib(Load::one(1024))]
#[bench::many_64_b(Load::many(64))]
#[bench::many_1_kib(Load::many(1024))]
fn call_plugin(plugin: Plugged) -> Plugged {
    plugin.answer()
}

// Calls without input and output, so that finding and running the method is most of it.
#[library_benchmark(setup = Plugged::dispatched)]
#[bench::sync(Method::Sync)]
#[bench::ready(Method::Ready)]
#[bench::waiting(Method::Waiting)]
fn dispatch(plugin: Plugged) -> Plugged {
    plugin.answer()
}

#[library_benchmark(setup = Plugged::emitted)]
#[bench::one_64_b(Load::one(64))]
#[bench::many_64_b(Load::many(64))]
fn event_plugin(plugin: Plugged) -> Plugged {
    plugin.emit()
}

library_benchmark_group!(name = plugin_alone, benchmarks = [call_plugin, dispatch, event_plugin]);
