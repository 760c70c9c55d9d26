//! A hub that has no descriptors left.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::bench::{BACK, Bench};

const DESCRIPTORS: &str = "64";

/// Those that it has are served, and when there are descriptors again, so are others.
pub async fn all(is_long: bool) -> bool {
    let time = Duration::from_secs(if is_long { 60 } else { 3 });
    let mut bench = Bench::with_descriptors("files", DESCRIPTORS).await;
    let _first = bench.plugins(None, &bench.address, "first", 1).await;
    bench.hub.order("load 100").await;
    let mut idle = Vec::new();
    for _ in 0..128 {
        idle.push(TcpStream::connect(&bench.address).await.unwrap());
    }
    // The load takes its share as well.
    let before = bench.hub.processor_time();
    sleep(time).await;
    let with_load = bench.hub.processor_time().saturating_sub(before);
    bench.rest().await;
    let before = bench.hub.processor_time();
    sleep(time).await;
    let used = bench.hub.processor_time().saturating_sub(before);
    assert!(bench.hub.said(0, "down").is_empty(), "a plugin was lost");
    let freed = Instant::now();
    drop(idle);
    let _second = bench.start_plugins(None, &bench.address, "second", 1);
    let up = bench.hub.says(0, "up second", 1, BACK).await.swap_remove(0).0 - freed;
    println!(
        "no descriptors for {time:?}: {used:?} of a processor, {with_load:?} with 100 calls/s; \
         the next plugin is there {up:.1?} after there were some"
    );
    assert!(used <= time / 50, "{used:?}");
    // The longest pause between two attempts to accept, and the start of a process.
    assert!(up <= Duration::from_millis(1_500), "{up:?}");
    bench.all_back(2).await;
    bench.finish().await;
    true
}
