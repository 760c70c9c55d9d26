//! Long calls that outlive their link, while it breaks every second, and their process once.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::bench::Bench;
use crate::process::EAGER;
use crate::proxy::{Fault, Proxy};
use crate::record;

const PLUGINS: usize = 4;
/// Far more than the calls take if all goes well.
const LIMIT: Duration = Duration::from_mins(20);

pub async fn all(is_long: bool) -> bool {
    let calls = if is_long { 10_000 } else { 500 };
    // No call is lost with a link.
    let sums = broken(calls, false).await;
    assert_eq!(sums.ok(), calls, "{sums}");
    // What a process runs is lost with it; the rest goes on.
    broken(calls / 2, true).await;
    true
}

/// Makes so many calls of 1 to 5 s, and breaks the link every second; if it says so, the process too.
async fn broken(calls: usize, kills: bool) -> record::Sums {
    let mut bench = Bench::new("jobs", 1, None, "127.0.0.1:0").await;
    bench.backoff = EAGER;
    let proxy = Proxy::new("127.0.0.1:0", bench.address.clone()).await;
    let address = proxy.address.to_string();
    let mut plugins = bench.plugins(None, &address, "p", PLUGINS).await;
    let start = Instant::now();
    let from = bench.hub.lines();
    bench.hub.order(&format!("jobs {calls}")).await;
    bench.hub.order("rest").await;
    let (mut seed, mut breaks) = (u64::from(std::process::id()), 0);
    while bench.hub.said(from, "resting").is_empty() {
        assert!(start.elapsed() < LIMIT, "calls are left");
        sleep(Duration::from_millis(700)).await;
        seed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        let bytes = usize::try_from((seed >> 33) % 60_000).unwrap();
        proxy.set(match seed >> 61 {
            0 | 1 => Fault::Cut(0),
            2 => Fault::Reset(bytes),
            3 => Fault::HalfClose(bytes),
            4 => Fault::Stop(bytes),
            _ => Fault::Cut(bytes),
        });
        breaks += 1;
        sleep(Duration::from_millis(300)).await;
        if kills && breaks == 2 {
            let next = bench.start_plugins(None, &address, "p", PLUGINS);
            std::mem::replace(&mut plugins, next).kill().await;
        }
        proxy.set(Fault::None);
    }
    let what = if kills { "and its process was killed" } else { "and nothing else" };
    println!("{calls} calls in {:.1?}; the link broke {breaks} times, {what}", start.elapsed());
    bench.finish().await
}
