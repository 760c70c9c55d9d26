//! Plugins in a process of their own.

use std::sync::Arc;
use std::time::Duration;

use brpc::{AsyncHook, Backoff, Plugin, RunState};
use tokio::task::JoinSet;

use crate::mutual;
use crate::process::{BACKOFF, COUNT, EAGER, HEARTBEAT, HUB, NAME, USUAL, limits, say};
use crate::record::{Record, STARTED, answer};

pub struct Answerer {
    record: Arc<Record>,
    hook: AsyncHook,
}

impl Answerer {
    pub fn new(record: Arc<Record>) -> Self {
        Self { record, hook: AsyncHook::default() }
    }
}

#[brpc::plugin]
impl Answerer {
    #[brpc(hook)]
    fn take_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }

    /// Answers some in place, and some later.
    pub async fn answer(&self, n: u64) -> u64 {
        self.record.note(&n.to_string());
        if n.is_multiple_of(4) {
            tokio::time::sleep(Duration::from_millis(n % 50)).await;
        }
        answer(n)
    }

    /// Takes 1 to 5 s.
    pub async fn job(&self, n: u64) -> u64 {
        self.record.note(&n.to_string());
        tokio::time::sleep(Duration::from_millis(1_000 + answer(n) % 4_001)).await;
        answer(n)
    }

    /// The length of a text.
    #[allow(clippy::unused_self)] // Without `&self`, a method is not exposed.
    pub fn length(&self, text: String) -> usize {
        text.len()
    }

    /// Never answers.
    #[allow(clippy::unused_self)]
    pub async fn hang(&self) {
        std::future::pending::<()>().await;
    }

    /// Blocks the plugin's thread, which it must not.
    #[allow(clippy::unused_self)]
    pub fn block(&self) {
        std::thread::sleep(Duration::from_hours(1));
    }

    /// Sends so many events of 1 KiB.
    pub async fn emit(&self, count: usize) {
        let text = "x".repeat(1 << 10);
        for _ in 0..count {
            self.hook.emit(&text).await.unwrap();
        }
    }
}

/// The usual one; or where there is a fault after the other, one with which a plugin is there most of
/// the time.
fn backoff() -> Backoff {
    match &*std::env::var(BACKOFF).unwrap() {
        USUAL => Backoff::default(),
        EAGER => Backoff::constant(Duration::from_millis(100)),
        _ => Backoff::constant(Duration::from_secs(1)),
    }
}

pub async fn be() {
    let (hub, name) = (std::env::var(HUB).unwrap(), std::env::var(NAME).unwrap());
    let count: usize = std::env::var(COUNT).unwrap().parse().unwrap();
    let record = Arc::new(Record::of(STARTED));
    let tls = mutual::of_plugins(&name);
    let mut runs = JoinSet::new();
    for number in 0..count {
        let name = format!("{name}{number}");
        let plugin =
            Plugin::new(Answerer::new(record.clone())).name(&name).limits(limits(HEARTBEAT));
        let plugin = match &tls {
            Some(tls) => plugin.tls(tls.clone()),
            None => plugin,
        };
        let run = plugin.run(&hub[..]).backoff(backoff());
        let mut states = run.states();
        runs.spawn(run.into_future());
        tokio::spawn(async move {
            while let Some(state) = states.next().await {
                match state {
                    RunState::Connected { .. } => say(&format!("connected {name}")),
                    RunState::Away { reason, .. } => say(&format!("away {name} {reason:?}")),
                    _ => {}
                }
            }
        });
    }
    // They run until the process is killed, unless a hub refuses one for good.
    while let Some(end) = runs.join_next().await {
        say(&format!("ended {end:?}"));
    }
    std::future::pending::<()>().await;
}
