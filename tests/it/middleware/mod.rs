//! Middleware, of a hub and of a plugin.

mod ends;
mod hub;
mod plugin;
mod tower;

use std::time::Duration;

use brpc::Socket;
use tokio::time::sleep;

use crate::support::worker::Journal;

/// Six calls of a second each, of which two run at once.
async fn two_at_once(hub: &Socket, journal: &Journal) {
    let calls = (0..6).map(|_| hub.call::<u64>("w", "sleep", &1000));
    let watching = async {
        for second in 0..3 {
            sleep(Duration::from_millis(500)).await;
            assert_eq!((journal.started(), journal.running()), (2 * second + 2, 2));
            sleep(Duration::from_millis(500)).await;
        }
    };
    let (answers, ()) = tokio::join!(futures_util::future::join_all(calls), watching);
    assert!(answers.into_iter().all(|answer| answer == Ok(1000)));
}
