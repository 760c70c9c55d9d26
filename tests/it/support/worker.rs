//! A plugin that does what the test asks for, and records what it did.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brpc::{AsyncHook, Context, Plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Semaphore;

/// What a worker's handlers did; a cheap clone.
#[derive(Clone)]
pub struct Journal(Arc<Counts>);

struct Counts {
    started: AtomicUsize,
    finished: AtomicUsize,
    dropped: AtomicUsize,
    cancelled: AtomicUsize,
    /// Lets handlers of `wait` and `stay` go on, one a permit.
    gate: Semaphore,
}

impl Journal {
    pub fn started(&self) -> usize {
        self.0.started.load(Ordering::SeqCst)
    }

    pub fn finished(&self) -> usize {
        self.0.finished.load(Ordering::SeqCst)
    }

    /// Handlers that were dropped before their end.
    pub fn dropped(&self) -> usize {
        self.0.dropped.load(Ordering::SeqCst)
    }

    /// Handlers that saw that they were cancelled.
    pub fn cancelled(&self) -> usize {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Handlers that run.
    pub fn running(&self) -> usize {
        self.started() - self.finished() - self.dropped()
    }

    /// Lets so many waiting handlers go on.
    pub fn release(&self, handlers: usize) {
        self.0.gate.add_permits(handlers);
    }

    fn start(&self) -> Running {
        self.0.started.fetch_add(1, Ordering::SeqCst);
        Running { journal: self.clone(), is_finished: false }
    }

    async fn pass(&self) {
        self.0.gate.acquire().await.unwrap().forget();
    }
}

/// Notes how a handler ends.
struct Running {
    journal: Journal,
    is_finished: bool,
}

impl Running {
    fn finish(mut self) {
        self.is_finished = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let counts = &self.journal.0;
        let count = if self.is_finished { &counts.finished } else { &counts.dropped };
        count.fetch_add(1, Ordering::SeqCst);
    }
}

/// The context of a call.
#[derive(Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Seen {
    pub trace: String,
    pub metadata: Vec<(String, String)>,
    pub remaining: Option<Duration>,
}

pub struct Worker {
    journal: Journal,
    hook: AsyncHook,
}

/// A worker of this name, and what it did.
pub fn worker(name: &str) -> (Plugin<Worker>, Journal) {
    let journal = Journal(Arc::new(Counts {
        started: AtomicUsize::new(0),
        finished: AtomicUsize::new(0),
        dropped: AtomicUsize::new(0),
        cancelled: AtomicUsize::new(0),
        gate: Semaphore::new(0),
    }));
    let worker = Worker { journal: journal.clone(), hook: AsyncHook::default() };
    (Plugin::new(worker).name(name), journal)
}

/// The numbers of methods on the wire: their places below.
pub const ECHO: u64 = 1;
pub const WAIT: u64 = 3;
pub const TEXT: u64 = 6;

#[brpc::plugin]
impl Worker {
    #[brpc(hook)]
    fn take_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }

    pub fn nothing(&self) {
        self.journal.start().finish();
    }

    pub fn echo(&self, value: Value) -> Value {
        self.journal.start().finish();
        value
    }

    pub async fn sleep(&self, millis: u64) -> u64 {
        let running = self.journal.start();
        tokio::time::sleep(Duration::from_millis(millis)).await;
        running.finish();
        millis
    }

    /// Waits until the test releases it.
    pub async fn wait(&self) {
        let running = self.journal.start();
        self.journal.pass().await;
        running.finish();
    }

    /// The same, even if the call is cancelled.
    #[brpc(no_cancel)]
    pub async fn stay(&self, cx: &Context) {
        let running = self.journal.start();
        tokio::select! {
            () = cx.cancelled() => {
                assert!(cx.is_cancelled());
                self.journal.0.cancelled.fetch_add(1, Ordering::SeqCst);
                self.journal.pass().await;
            }
            () = self.journal.pass() => {}
        }
        running.finish();
    }

    pub fn seen(&self, cx: &Context) -> Seen {
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        Seen {
            trace: cx.trace().to_owned(),
            metadata: cx.metadata().iter().map(owned).collect(),
            remaining: cx.remaining(),
        }
    }

    /// A text of so many bytes.
    pub fn text(&self, bytes: usize) -> String {
        self.journal.start().finish();
        "x".repeat(bytes)
    }

    /// Emits the numbers from `from` up to and without `to`, and returns.
    pub async fn emit(&self, from: u64, to: u64) -> Result<(), String> {
        for number in from..to {
            self.hook.emit(&number).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Emits a text of so many bytes.
    pub async fn emit_text(&self, bytes: usize) -> Result<(), String> {
        self.hook.emit(&"x".repeat(bytes)).await.map_err(|error| error.to_string())
    }
}
