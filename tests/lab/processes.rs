//! Processes that are stopped, continued, killed and started again.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::time::sleep;

use crate::bench::{BACK, Bench, finds, goal};
use crate::process::{HASTY, USUAL};

/// For less than the other side waits, and for more.
pub async fn stopped(is_long: bool) -> bool {
    plugin_is_stopped().await;
    if is_long {
        hub_is_stopped(5, 1_000, Duration::from_secs(12)).await;
        hub_is_stopped(5, 1_000, Duration::from_mins(1)).await;
    } else {
        hub_is_stopped(5, 100, Duration::from_secs(10)).await;
        hub_is_stopped(1, 100, Duration::from_secs(10)).await;
    }
    true
}

pub async fn killed(is_long: bool) -> bool {
    if is_long {
        hub_is_killed(10_000, Link::Plain, HASTY, Duration::from_secs(5)).await;
        hub_is_killed(10_000, Link::Plain, USUAL, Duration::from_secs(35)).await;
        hub_is_killed(10_000, Link::MutualTls, HASTY, Duration::from_secs(15)).await;
    } else {
        hub_is_killed(500, Link::Plain, USUAL, Duration::from_secs(35)).await;
        hub_is_killed(500, Link::MutualTls, HASTY, Duration::from_secs(15)).await;
    }
    true
}

async fn plugin_is_stopped() {
    let mut bench = Bench::new("stopped", 1, None, "127.0.0.1:0").await;
    let plugin = bench.plugins(None, &bench.address, "p", 1).await;
    bench.hub.order("load 100").await;
    sleep(Duration::from_millis(500)).await;
    let (hub_from, plugin_from) = (bench.hub.lines(), plugin.lines());
    let since = Instant::now();
    plugin.signal(Signal::STOP);
    finds("a plugin is stopped: the hub", &bench.hub, hub_from, "down", since, goal(1)).await;
    let since = Instant::now();
    plugin.signal(Signal::CONT);
    finds("it goes on: the plugin", &plugin, plugin_from, "away", since, goal(1)).await;
    bench.all_back(1).await;

    let (from, since) = (bench.hub.lines(), Instant::now());
    plugin.kill().await;
    finds("a plugin is killed: the hub", &bench.hub, from, "down", since, goal(1)).await;
    bench.finish().await;
}

/// A hub that was stopped judges nobody by it.
async fn hub_is_stopped(heartbeat: u64, count: usize, time: Duration) {
    let mut bench = Bench::new("stall", heartbeat, None, "127.0.0.1:0").await;
    let plugins = bench.plugins(None, &bench.address, "p", count).await;
    bench.hub.order("load 200").await;
    sleep(Duration::from_secs(1)).await;
    let (from, plugins_from) = (bench.hub.lines(), plugins.lines());
    bench.hub.signal(Signal::STOP);
    sleep(time).await;
    bench.hub.signal(Signal::CONT);
    // Each that has left comes back; and none is cut off for what was before, later.
    let start = Instant::now();
    sleep(Duration::from_secs(4 * heartbeat)).await;
    // Beside these, each dial in vain is told.
    let away = plugins.said(plugins_from, "away");
    let left = away.iter().filter(|(_, line)| line.contains("Ended(")).count();
    plugins.says(plugins_from, "connected", left, BACK).await;
    bench.all_back(count).await;
    let back = start.elapsed();
    // Those that heard nothing of the hub have left; the hub has cut off nobody.
    let downs = bench.hub.said(from, "down");
    let of = |reason: &str| downs.iter().filter(|(_, line)| line.contains(reason)).count();
    let (cut, left) = (of("side: Peer"), of("side: This"));
    println!(
        "hub stopped for {time:?}, {count} plugins: it cut off {cut}; {left} had heard nothing of it \
         and left; of their dials in vain, {} were replaced and {} found to be gone; all there after \
         {back:.1?}",
        of("Replaced"),
        of("Unclean") + of("Reset")
    );
    // And none ended for another reason.
    assert_eq!(downs.len(), left + of("Replaced") + of("Unclean") + of("Reset"), "{downs:?}");
    assert_eq!(cut, 0, "{downs:?}");
    bench.finish().await;
}

/// How plugins and hub talk.
#[derive(Clone, Copy, Debug)]
enum Link {
    Plain,
    MutualTls,
}

/// All plugins come back to a hub that was killed, and no call is answered twice.
async fn hub_is_killed(count: usize, link: Link, backoff: &'static str, goal: Duration) {
    let mut bench = match link {
        Link::Plain => Bench::new("storm", 5, None, "127.0.0.1:0").await,
        Link::MutualTls => Bench::with_mutual_tls("storm", 5, "a b").await,
    };
    bench.backoff = backoff;
    let one = bench.plugins(None, &bench.address, "a", count / 2).await;
    let other = bench.plugins(None, &bench.address, "b", count / 2).await;
    bench.hub.order("load 400").await;
    sleep(Duration::from_secs(1)).await;
    let since = [(&one, one.lines()), (&other, other.lines())];
    bench.restart_hub().await;
    let start = Instant::now();
    bench.hub.order("load 400").await;
    let back = bench.all_back(count).await;
    let connected = since.iter().flat_map(|(plugins, from)| plugins.said(*from, "connected"));
    let mut times: Vec<_> = connected.map(|(at, _)| at.saturating_duration_since(start)).collect();
    times.sort_unstable();
    let half = times[times.len() / 2];
    println!(
        "hub killed and started again, {count} plugins, {link:?}, {backoff} back-off: half are back after \
         {half:.1?}, all after {back:.1?}"
    );
    assert!(back <= goal, "{back:?}");
    bench.finish().await;
}
