//! One call to many plugins: all of them, some of them, or as many as needed.
//!
//! ```console
//! $ cargo run --example broadcast
//! ```

#[path = "support/report.rs"]
mod report;

use std::time::Duration;

use brpc::testing::plug;
use brpc::{Context, Plugin, Selector, Socket};
use report::Report;

/// Keeps a copy of each object.
struct Replica {
    is_slow: bool,
}

#[brpc::plugin(client)]
impl Replica {
    /// How many objects it has.
    pub fn count(&self) -> u32 {
        42
    }

    /// Stores an object; returns where.
    pub async fn store(&self, cx: &Context, object: String) -> String {
        if self.is_slow {
            tokio::time::sleep(Duration::from_hours(1)).await;
        }
        format!("{object} for {}", cx.trace())
    }
}

#[tokio::main]
async fn main() -> Result<(), Report> {
    let hub = Socket::default();
    let replicas = [("a", "eu", false), ("b", "eu", true), ("c", "us", false), ("d", "us", false)];
    for (name, region, is_slow) in replicas {
        let plugin = Plugin::new(Replica { is_slow }).name(name).label("region", region);
        plug(&hub, &plugin).await?;
    }

    // All of them; each has an outcome.
    let counts = ReplicaClient::all(&hub).count().await;
    println!("asked: {}", counts.into_keys().collect::<Vec<_>>().join(", "));

    // Some of them.
    let american = Selector::all().label("region", "us");
    let counts = ReplicaClient::select(&hub, american).count().await;
    println!("in the US: {}", counts.into_keys().collect::<Vec<_>>().join(", "));

    // A majority: it doesn't wait for the other calls, but cancels them.
    let stored = ReplicaClient::all(&hub).store("photo".into()).trace("t-1").quorum();
    for (replica, place) in stored.try_collect().await? {
        println!("stored by {replica}: {place}");
    }

    // The first that answers, and no more.
    let mut first = ReplicaClient::all(&hub).count().first(1);
    println!("the first says {:?}", first.next().await.and_then(|(_, count)| count.ok()));
    println!("and then: {:?}", first.next().await);
    Ok(())
}
