//! The plugin that the tests call, and what they record of its handlers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use brpc::Plugin;
use tokio::sync::watch;

use crate::random::scramble;

/// What a test sees and does of the handlers of a [`Worker`].
#[derive(Default)]
pub struct Desk {
    /// Handlers wait until it is open.
    gate: watch::Sender<bool>,
    /// Handlers that wait at the gate: async ones, and those that block a thread.
    pub waiting: AtomicUsize,
    pub blocking: AtomicUsize,
    /// The most of the async ones at the same time, and how many there were in all.
    pub most_waiting: AtomicUsize,
    pub waited: AtomicUsize,
    /// How often the handler of a numbered call has started.
    pub started: Mutex<HashMap<u64, u32>>,
    /// How many numbered calls have started.
    pub served: AtomicUsize,
}

impl Desk {
    /// Lets all handlers go on, those to come too.
    pub fn open(&self) {
        self.gate.send_replace(true);
    }

    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    pub fn blocking(&self) -> usize {
        self.blocking.load(Ordering::SeqCst)
    }

    async fn opened(&self) {
        let _ = self.gate.subscribe().wait_for(|is_open| *is_open).await;
    }

    fn start(&self, number: u64) {
        *self.started.lock().unwrap().entry(number).or_default() += 1;
        self.served.fetch_add(1, Ordering::SeqCst);
    }
}

/// Counts a handler as long as it lives, however it ends.
struct Present<'a>(&'a AtomicUsize);

impl<'a> Present<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A plugin whose every answer fits one call only.
pub struct Worker {
    desk: Arc<Desk>,
}

impl Worker {
    /// A plugin of this name, and what is seen of it.
    pub fn plugin(name: &str) -> (Arc<Desk>, Plugin<Self>) {
        let desk = Arc::new(Desk::default());
        (desk.clone(), Plugin::new(Self { desk }).name(name))
    }
}

#[allow(clippy::unused_self)] // Without `&self`, a method is not exposed.
#[brpc::plugin]
impl Worker {
    /// Answers in place.
    pub fn scramble(&self, n: u64) -> u64 {
        scramble(n)
    }

    /// Answers from a task of its own, so that answers overtake each other.
    pub async fn scramble_later(&self, n: u64) -> u64 {
        for _ in 0..n % 4 {
            tokio::task::yield_now().await;
        }
        scramble(n)
    }

    /// The same, and keeps a record.
    pub async fn recorded(&self, n: u64) -> u64 {
        self.desk.start(n);
        self.scramble_later(n).await
    }

    /// Waits at the gate.
    pub async fn wait(&self, n: u64) -> u64 {
        let _present = Present::new(&self.desk.waiting);
        self.desk.most_waiting.fetch_max(self.desk.waiting(), Ordering::SeqCst);
        self.desk.waited.fetch_add(1, Ordering::SeqCst);
        self.desk.opened().await;
        scramble(n)
    }

    /// Blocks a thread at the gate.
    #[brpc(blocking)]
    pub fn block(&self, n: u64) -> u64 {
        let _present = Present::new(&self.desk.blocking);
        tokio::runtime::Handle::current().block_on(self.desk.opened());
        scramble(n)
    }

    /// Blocks the connection for so long, which it must not.
    pub fn nap(&self, ms: u64) {
        std::thread::sleep(std::time::Duration::from_millis(ms));
    }

    /// How many wait at the gate.
    pub fn waiting(&self) -> usize {
        self.desk.waiting()
    }

    /// A text of so many bytes.
    pub fn text(&self, bytes: usize) -> String {
        "x".repeat(bytes)
    }

    /// Ends the process, as a panic does where it isn't caught.
    pub fn abort(&self) {
        std::process::abort();
    }
}
