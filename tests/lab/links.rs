//! A link that fails in each way, between a hub and a plugin, beside a plugin whose link is good.

use std::time::Duration;

use tokio::time::sleep;

use crate::bench::Bench;
use crate::proxy::{Fault, Proxy};

/// Faults that end connections or only make them slow, and how long they last.
const PASSING: [(&str, u64); 8] = [
    ("delay 200 200", 2),
    ("throttle 20000", 2),
    ("drip", 2),
    ("cut 2000", 1),
    ("cut 0", 1),
    ("reset 1000", 1),
    ("half-close 1000", 1),
    ("stop 1000", 5),
];

pub async fn all() -> bool {
    passing().await;
    flipping().await;
    true
}

async fn passing() {
    let mut bench = Bench::new("links", 1, None, "127.0.0.1:0").await;
    let proxy = Proxy::new("127.0.0.1:0", bench.address.clone()).await;
    let _good = bench.plugins(None, &bench.address, "good", 1).await;
    let _bad = bench.plugins(None, &proxy.address.to_string(), "bad", 3).await;
    bench.hub.order("load 400").await;
    for (fault, seconds) in PASSING {
        let from = bench.hub.lines();
        proxy.set(Fault::parse(fault).unwrap());
        sleep(Duration::from_secs(seconds)).await;
        proxy.set(Fault::None);
        let back = bench.all_back(4).await;
        let downs = bench.hub.said(from, "down bad").len();
        println!("{fault:<44} {downs:>3} connections lost, all back after {back:.1?}");
    }
    assert!(bench.hub.said(0, "down good").is_empty(), "a good link was cut");
    bench.finish().await;
}

/// Bits that change on the way may change numbers as well, and nobody can tell; but they harm nobody
/// else, and no process.
async fn flipping() {
    let mut bench = Bench::new("flips", 1, None, "127.0.0.1:0").await;
    let proxy = Proxy::new("127.0.0.1:0", bench.address.clone()).await;
    let _good = bench.plugins(None, &bench.address, "good", 1).await;
    let bad = bench.plugins(None, &proxy.address.to_string(), "bad", 3).await;
    bench.hub.order("load 400").await;
    proxy.set(Fault::Flip);
    sleep(Duration::from_secs(3)).await;
    let lost = bench.hub.said(0, "down bad").len();
    // As for a description that isn't one.
    let refused = bad.said(0, "ended").len();
    println!("flip: {lost} connections lost, {refused} plugins refused for good");
    assert!(bench.hub.said(0, "down good").is_empty(), "a good link was cut");
    bench.rest().await;
    std::fs::remove_dir_all(&bench.folder).unwrap();
}

/// Nothing passes in one direction or both, with calls, without, and with more than fits between.
pub async fn silent(heartbeat: u64, is_long: bool) {
    let mut bench = Bench::new("silent", heartbeat, None, "127.0.0.1:0").await;
    let proxy = Proxy::new("127.0.0.1:0", bench.address.clone()).await;
    let plugin = bench.plugins(None, &proxy.address.to_string(), "lone", 1).await;
    for traffic in ["no calls", "calls", "a full buffer"] {
        for fault in ["stall-up", "stall-down", "stall"] {
            if fault == "stall" && !is_long {
                continue;
            }
            let break_link = || proxy.set(Fault::parse(fault).unwrap());
            bench.both_find(&plugin, (fault, traffic), break_link).await;
            proxy.set(Fault::None);
            bench.rest().await;
        }
    }
    bench.finish().await;
}
