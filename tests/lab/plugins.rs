//! Plugins in a process of their own.

use std::sync::Arc;
use std::time::Duration;

use brpc::{Backoff, Plugin, RunState};
use tokio::task::JoinSet;

use crate::process::{BACKOFF, COUNT, EAGER, HEARTBEAT, HUB, NAME, USUAL, limits, say};
use crate::record::{Record, STARTED, answer};

struct Answerer(Arc<Record>);

#[brpc::plugin]
impl Answerer {
    /// Answers some in place, and some later.
    pub async fn answer(&self, n: u64) -> u64 {
        self.0.note(&n.to_string());
        if n.is_multiple_of(4) {
            tokio::time::sleep(Duration::from_millis(n % 50)).await;
        }
        answer(n)
    }

    /// Takes 1 to 5 s.
    pub async fn job(&self, n: u64) -> u64 {
        self.0.note(&n.to_string());
        tokio::time::sleep(Duration::from_millis(1_000 + answer(n) % 4_001)).await;
        answer(n)
    }

    /// The length of a text.
    #[allow(clippy::unused_self)] // Without `&self`, a method is not exposed.
    pub fn length(&self, text: String) -> usize {
        text.len()
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
    let mut runs = JoinSet::new();
    for number in 0..count {
        let name = format!("{name}{number}");
        let plugin = Plugin::new(Answerer(record.clone())).name(&name).limits(limits(HEARTBEAT));
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
