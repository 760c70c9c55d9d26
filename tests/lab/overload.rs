//! More than somebody takes, and what it costs others.

use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::flood::WELL;
use crate::reader;

/// Long enough for anything here.
const LONG: Duration = Duration::from_mins(5);

/// A plugin that never reads is called ten thousand times a second until it is cut off.
pub async fn never_reads(is_long: bool) -> bool {
    let mut bench = Bench::new("never", 5, None, "127.0.0.1:0").await;
    let _well = bench.plugins(None, &bench.address, "well", WELL).await;
    let deaf = reader::start(&bench, "deaf", 0).await;
    let (from, since) = (bench.hub.lines(), Instant::now());
    bench.hub.order("flood deaf").await;
    let down = bench.hub.says(from, "down deaf", 1, LONG).await.swap_remove(0);
    let flooded = bench.hub.says(from, "flooded", 1, LONG).await.swap_remove(0).1;
    let ([grown, sent, queued, refused], took) = (numbers(&flooded), down.0 - since);
    println!(
        "{} after {took:.1?}; {grown} KiB more; {sent} calls sent, {queued} not, {refused} refused",
        down.1
    );
    assert!(down.1.ends_with("SlowConsumer"), "{}", down.1);
    assert!(took < Duration::from_secs(11), "{took:?}");
    assert!(grown < 8 << 10, "{grown} KiB");
    assert!(refused > sent + queued, "most are refused");
    deaf.kill().await;
    beside(&mut bench, if is_long { 60 } else { 5 }).await;
    bench.finish().await;
    true
}

/// What it costs the others: in turns, they are called alone, and while such a plugin is called as
/// well. Whatever else the machine does is in both.
async fn beside(bench: &mut Bench, turns: usize) {
    let (mut alone, mut beside, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..turns {
        let [_, before] = steady(bench).await;
        let deaf = reader::start(bench, "deaf", 0).await;
        let from = bench.hub.lines();
        bench.hub.order("flood deaf").await;
        let [_, meanwhile] = steady(bench).await;
        deaf.kill().await;
        bench.hub.says(from, "flooded", 1, LONG).await;
        ratios.push(1_000 * meanwhile / before);
        alone.push(before);
        beside.push(meanwhile);
    }
    let [alone, beside, ratio] = [alone, beside, ratios].map(|mut all| {
        all.sort_unstable();
        all[turns / 2]
    });
    println!(
        "the others' p99, medians of {turns} turns: {alone} µs alone, {beside} µs beside it, {}.{:03} \
         times as long",
        ratio / 1_000,
        ratio % 1_000
    );
    // A few turns say little.
    assert!(turns < 20 || ratio <= 2_000, "{ratio}");
}

/// The p50 and p99 of calls to the plugins that are well, for a second, in microseconds.
async fn steady(bench: &mut Bench) -> [u64; 2] {
    numbers(&bench.hub.ask("steady", "steady", LONG).await)
}

pub async fn unread_events(is_long: bool) -> bool {
    let count = if is_long { 1_000_000 } else { 100_000 };
    let mut bench = Bench::new("unread", 5, None, "127.0.0.1:0").await;
    let _plugin = bench.plugins(None, &bench.address, "p", 1).await;
    let unread = bench.hub.ask(&format!("unread p0 {count}"), "unread", LONG).await;
    let [grown, calls] = numbers(&unread);
    println!(
        "{count} events of 1 KiB that nobody reads: {grown} KiB more, {calls} calls meanwhile"
    );
    assert!(grown < 4 << 10, "{grown} KiB");
    assert!(calls > 100, "{calls} calls");
    bench.finish().await;
    true
}

/// What follows the first word of a line.
fn numbers<const N: usize>(line: &str) -> [u64; N] {
    let numbers: Vec<u64> = line.split(' ').skip(1).map(|it| it.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}
