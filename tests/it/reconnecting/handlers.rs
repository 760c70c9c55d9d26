//! What becomes of handlers when their connection is lost.

use std::time::Duration;

use brpc::testing::{Link, run_through};
use brpc::{Limits, OnLoss, Socket};

use super::{SECOND, Staying, stay};
use crate::support::worker::worker;
use crate::support::{eventually, settle};

/// A handle is told that its run has ended only when the handlers of all connections have.
#[tokio::test(start_paused = true)]
async fn finished_waits_for_the_handlers_of_each_connection() {
    let (hub, link) = (Socket::default(), Link::new());
    let mut staying = stay(&hub, &link);
    for handlers in 1..=3 {
        staying.connected().await;
        let _call = tokio::spawn(hub.call::<()>("worker", "stay", &()).into_future());
        eventually(|| staying.journal.started() == handlers).await;
        link.cut();
        staying.away().await;
    }
    let (handle, journal) = (staying.handle.clone(), staying.journal.clone());
    let mut finished = std::pin::pin!(handle.finished());
    assert!(tokio::time::timeout(SECOND, &mut finished).await.is_err());
    handle.stop(Duration::ZERO);
    staying.ended().await.unwrap();
    for _ in 0..3 {
        settle().await;
        assert!(tokio::time::timeout(SECOND, &mut finished).await.is_err());
        journal.release(1);
    }
    tokio::time::timeout(SECOND, finished).await.unwrap();
}

/// By default handlers end with their connection, and else they run to their end; nothing of either
/// reaches the next one.
#[tokio::test(start_paused = true)]
async fn the_plugin_chooses_what_becomes_of_running_handlers() {
    for on_loss in [OnLoss::Cancel, OnLoss::Finish] {
        let (hub, link) = (Socket::default(), Link::new());
        let (plugin, journal) = worker("worker");
        let plugin = plugin.on_loss(on_loss);
        let mut staying = Staying::start(run_through(&hub, &plugin, &link), journal);
        staying.connected().await;
        let call = tokio::spawn(hub.call::<u64>("worker", "sleep", &60_000_u64).into_future());
        eventually(|| staying.journal.running() == 1).await;
        link.cut();
        staying.away().await;
        call.await.unwrap().unwrap_err();
        staying.connected().await;
        let is_left = on_loss == OnLoss::Finish;
        assert_eq!(staying.journal.running(), usize::from(is_left));
        tokio::time::sleep(61 * SECOND).await;
        let ends = (staying.journal.finished(), staying.journal.dropped());
        assert_eq!(ends, if is_left { (1, 0) } else { (0, 1) });
        assert_eq!(hub.call::<u8>("worker", "echo", &7).await, Ok(7));
        // One that is told to stop cancels them in any case.
        let call = tokio::spawn(hub.call::<u64>("worker", "sleep", &60_000_u64).into_future());
        eventually(|| staying.journal.running() == 1).await;
        staying.handle.stop(SECOND);
        let handle = staying.handle.clone();
        staying.ended().await.unwrap();
        call.await.unwrap().unwrap_err();
        tokio::time::timeout(SECOND, handle.finished()).await.unwrap();
    }
}

/// A hub that makes a plugin lose one connection after the other can't make it run ever more.
#[tokio::test(start_paused = true)]
async fn handlers_of_lost_connections_are_limited() {
    let mut limits = Limits::default();
    limits.max_calls = 10;
    let (hub, link) = (Socket::default(), Link::new());
    let (plugin, journal) = worker("worker");
    let plugin = plugin.on_loss(OnLoss::Finish).limits(limits);
    let mut staying = Staying::start(run_through(&hub, &plugin, &link), journal);
    for _ in 0..20 {
        staying.connected().await;
        let before = staying.journal.started();
        let calls =
            (0..10).map(|_| tokio::spawn(hub.call::<()>("worker", "wait", &()).into_future()));
        let calls: Vec<_> = calls.collect();
        eventually(|| staying.journal.started() == before + 10).await;
        link.cut();
        staying.away().await;
        settle().await;
        assert!(staying.journal.running() <= 10, "{}", staying.journal.running());
        drop(calls);
    }
    assert_eq!(staying.journal.running(), 10);
}
