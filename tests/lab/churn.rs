//! Plugins that come and go, in this process: nothing of them stays.

use std::time::Duration;

use brpc::{Plugin, Socket};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::process::{files, memory};

struct Visitor;

#[allow(clippy::unused_self)] // Without `&self`, a method is not exposed.
#[brpc::plugin]
impl Visitor {
    pub fn ping(&self) -> bool {
        true
    }
}

pub async fn c21_come_and_go(is_long: bool) -> bool {
    let count = if is_long { 100_000 } else { 4_000 };
    let hub = Socket::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = hub.serve(listener);
    // What is kept for reuse is there afterwards, and what a hub remembers of those who have gone: of
    // 1,024 that were unplugged, for one.
    come_and_go(&hub, &address.to_string(), 4_000).await;
    let before = baseline().await;
    come_and_go(&hub, &address.to_string(), count).await;
    let after = baseline().await;
    println!("{count} plugins came and went: tasks, files, KiB {before:?}, then {after:?}");
    assert!(after.0 <= before.0 && after.1 <= before.1, "tasks or files are left");
    // 5 %, and what the allocator may do with a little.
    assert!(after.2 <= before.2 + before.2 / 20 + 1_024, "memory is left");
    hub.shutdown().await;
    serving.await.unwrap();
    true
}

async fn come_and_go(hub: &Socket, address: &str, count: usize) {
    const AT_ONCE: usize = 50;
    for round in 0..count / AT_ONCE {
        let visits = (0..AT_ONCE).map(|number| {
            let (hub, address) = (hub.clone(), address.to_owned());
            tokio::spawn(async move {
                let name = format!("v{number}-{round}");
                let session = Plugin::new(Visitor).name(&name).connect(address).await.unwrap();
                let handle = session.handle();
                let run = tokio::spawn(session.run());
                hub.call::<bool>(&name, "ping", &()).await.unwrap();
                match number % 3 {
                    0 => handle.stop(Duration::ZERO),
                    1 => run.abort(),
                    _ => drop(hub.unplug(&name).await.unwrap()),
                }
                let _ = run.await;
            })
        });
        for visit in visits.collect::<Vec<_>>() {
            visit.await.unwrap();
        }
    }
}

/// The tasks, open files and memory of this process, when they don't change any more.
async fn baseline() -> (usize, usize, usize) {
    let mut last = (0, 0);
    loop {
        let now = (Handle::current().metrics().num_alive_tasks(), files());
        if now == last {
            return (now.0, now.1, memory());
        }
        last = now;
        // Longer than a connection takes to be closed.
        sleep(Duration::from_secs(2)).await;
    }
}
