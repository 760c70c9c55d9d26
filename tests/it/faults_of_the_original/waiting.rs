use std::time::Duration;

use brpc::Socket;

use crate::support::worker::worker;
use crate::support::{LONG, plug, settle};

#[tokio::test(start_paused = true)]
async fn c18_wait_for_a_plugin_already_there_times_out() {
    let hub = Socket::default();
    plug(&hub, &worker("worker").0).await;
    hub.wait_for("worker", Duration::ZERO).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c18_a_second_waiter_replaces_the_first() {
    let hub = Socket::default();
    let waiters = [(); 3].map(|()| {
        let hub = hub.clone();
        tokio::spawn(async move { hub.wait_for("worker", LONG).await })
    });
    settle().await;
    plug(&hub, &worker("worker").0).await;
    for waiter in waiters {
        waiter.await.unwrap().unwrap();
    }
}
