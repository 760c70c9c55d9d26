//! What becomes of handlers when their connection is lost.

use std::time::Duration;

use brpc::testing::{Link, run_through};
use brpc::{CallErrorKind, Execution, Limits, OnLoss, Socket};

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

/// Those that run on are waited for by a run that is told to stop, connected or not, and cancelled when
/// its grace period is over.
#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_handlers_that_run_on_and_then_cancels_them() {
    for (is_connected, millis, ends) in [
        (true, 5_000, (1, 0)),
        (true, 60_000, (0, 1)),
        (false, 5_000, (1, 0)),
        (false, 60_000, (0, 1)),
    ] {
        let (hub, link) = (Socket::default(), Link::new());
        let (plugin, journal) = worker("worker");
        let plugin = plugin.on_loss(OnLoss::Finish);
        let mut staying = Staying::start(run_through(&hub, &plugin, &link), journal.clone());
        staying.connected().await;
        let call = tokio::spawn(hub.call::<u64>("worker", "sleep", &millis).into_future());
        eventually(|| journal.running() == 1).await;
        link.cut();
        staying.away().await;
        call.await.unwrap().unwrap_err();
        if is_connected {
            staying.connected().await;
        } else {
            link.stall();
        }
        let begun = tokio::time::Instant::now();
        staying.handle.stop(10 * SECOND);
        staying.ended().await.unwrap();
        assert!(begun.elapsed() <= 10 * SECOND, "{:?}", begun.elapsed());
        settle().await;
        assert_eq!((journal.finished(), journal.dropped()), ends, "{is_connected} {millis}");
    }
}

/// A hub that makes a plugin lose one connection after the other can't make it run ever more: what
/// runs on takes up the places of calls, whether it is left to finish or can't be cut short.
#[tokio::test(start_paused = true)]
async fn handlers_that_run_on_take_up_places() {
    for (on_loss, method) in [(OnLoss::Finish, "wait"), (OnLoss::Cancel, "stay")] {
        let mut limits = Limits::default();
        limits.max_calls = 10;
        let (hub, link) = (Socket::default(), Link::new());
        let (plugin, journal) = worker("worker");
        let plugin = plugin.limits(limits).on_loss(on_loss);
        let mut staying = Staying::start(run_through(&hub, &plugin, &link), journal.clone());
        let mut refused = 0;
        for round in 0..20 {
            staying.connected().await;
            let calls =
                (0..4).map(|_| tokio::spawn(hub.call::<()>("worker", method, &()).into_future()));
            let calls: Vec<_> = calls.collect();
            let most = (4 * (round + 1)).min(10);
            eventually(|| journal.running() == most).await;
            settle().await;
            link.cut();
            staying.away().await;
            for call in calls {
                let error = call.await.unwrap().unwrap_err();
                if let CallErrorKind::Overloaded { .. } = error.kind() {
                    assert_eq!(error.execution(), Execution::Never);
                    refused += 1;
                }
            }
        }
        assert_eq!((journal.started(), journal.running(), refused), (10, 10, 70));
        // Their ends make room.
        journal.release(3);
        eventually(|| journal.running() == 7).await;
        staying.connected().await;
        assert_eq!(hub.call::<u8>("worker", "echo", &7).await, Ok(7));
    }
}
