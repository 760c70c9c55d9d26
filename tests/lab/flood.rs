//! What a hub does to show what overload costs others: a steady load on plugins that are well, and
//! more than one that isn't well can take.

use std::task::Poll;
use std::time::{Duration, Instant};

use brpc::{CallErrorKind, Execution, Socket};
use futures_util::poll;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval};

use crate::process::Growth;

/// How many plugins that are well there are, and how often one of them is called.
pub const WELL: usize = 4;
const EVERY: Duration = Duration::from_millis(1);

/// Calls one well plugin after the other, and returns how long each call took. The calls have their
/// times: one that is late because of the one before took as much longer.
pub async fn steady(hub: Socket, time: Duration) -> Vec<Duration> {
    let handle = Handle::current();
    // On a thread of its own, which can wait for less than a millisecond.
    let calling = tokio::task::spawn_blocking(move || {
        let (start, mut times) = (Instant::now(), Vec::new());
        let mut begin = start;
        while begin < start + time {
            let wait = begin.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                std::thread::sleep(wait);
                begin = Instant::now();
            }
            let plugin = format!("well{}", times.len() % WELL);
            let length: usize = handle.block_on(hub.call(&plugin, "length", "a text")).unwrap();
            assert_eq!(length, 6);
            times.push(begin.elapsed());
            begin = start + EVERY * u32::try_from(times.len()).unwrap();
        }
        times
    });
    calling.await.unwrap()
}

/// Makes ten thousand calls of 16 KiB a second to a plugin until it is gone; returns how many were
/// sent, how many were not, and how many were refused at once.
pub async fn flood(hub: Socket, plugin: &str) -> [usize; 3] {
    let input = "x".repeat(16 << 10);
    let mut calls = FuturesUnordered::new();
    let (mut ended, mut is_gone) = ([0; 3], false);
    let mut clock = interval(Duration::from_millis(1));
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while !is_gone || !calls.is_empty() {
        clock.tick().await;
        // If it is late, the next ticks are at once, and others have their turn in between.
        tokio::task::yield_now().await;
        if !is_gone {
            calls
                .extend((0..10).map(|_| hub.call::<usize>(plugin, "length", &input).timeout(None)));
        }
        while let Poll::Ready(Some(outcome)) = poll!(calls.next()) {
            let error: brpc::CallError = outcome.expect_err("nobody answers");
            match error.kind() {
                CallErrorKind::Overloaded { .. } => ended[2] += 1,
                CallErrorKind::Disconnected { .. } => {
                    ended[usize::from(error.execution() == Execution::Never)] += 1;
                }
                CallErrorKind::NoPlugin { .. } => is_gone = true,
                other => panic!("{other:?}"),
            }
        }
    }
    ended
}

/// Has a plugin send so many events that nobody reads, whatever becomes of those that are too many.
/// Returns how much the memory has grown meanwhile, and how many calls the plugin has answered.
pub async fn unread(hub: &Socket, plugin: &str, count: usize) -> (usize, usize) {
    // Once with a reader: what that takes is there.
    let mut events = hub.events().wait();
    let reading = tokio::spawn(async move { while events.next().await.is_some() {} });
    calls_during_events(hub, plugin, 20_000).await;
    reading.abort();
    let _ = reading.await;
    let _unread = (hub.events(), hub.events().drop_newest(), hub.events().close_on_lag());
    let growth = Growth::begin();
    let calls = calls_during_events(hub, plugin, count).await;
    (growth.so_far(), calls)
}

async fn calls_during_events(hub: &Socket, plugin: &str, count: usize) -> usize {
    let mut emitting = Box::pin(hub.call::<()>(plugin, "emit", &count).timeout(None).into_future());
    let mut calls = 0;
    while poll!(&mut emitting).is_pending() {
        let length: usize = hub.call(plugin, "length", "a text").await.unwrap();
        assert_eq!(length, 6);
        calls += 1;
    }
    calls
}
