//! A fault a second, for long.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::time::sleep;

use crate::bench::{BACK, Bench};
use crate::proxy::{Fault, Proxy};

/// In how many processes, each behind a link of its own, and how many plugins in each.
const PROCESSES: usize = 8;
const EACH: usize = 25;
const CALLS: usize = 2_000;
/// How many seconds a fault lasts.
const LASTING: usize = 4;

/// What happens to one of them, and for how long it does.
const FAULTS: [&str; 11] = [
    "cut 0",
    "cut 5000",
    "reset 1000",
    "half-close 100",
    "stop 2000",
    "stall",
    "stall-up",
    "stall-down",
    "delay 100 100",
    "SIGSTOP",
    "SIGKILL",
];

pub async fn all(time: Duration) -> bool {
    let mut bench = Bench::new("soak", 1, None, "127.0.0.1:0").await;
    let mut groups = Vec::new();
    for number in 0..PROCESSES {
        let proxy = Proxy::new("127.0.0.1:0", bench.address.clone()).await;
        let plugins = bench.plugins(None, &proxy.address.to_string(), &name(number), EACH).await;
        groups.push((proxy, plugins));
    }
    bench.all_back(PROCESSES * EACH).await;
    bench.hub.order(&format!("load {CALLS}")).await;
    let (start_of_all, mut memory) = (Instant::now(), Vec::new());
    let mut turn = 0;
    while start_of_all.elapsed() < time {
        // Another fault for another process each second, for so long that silence is found out.
        let (fault, number) = (FAULTS[turn * 5 % FAULTS.len()], turn % PROCESSES);
        groups[(number + PROCESSES - LASTING) % PROCESSES].0.set(Fault::None);
        let (proxy, plugins) = &mut groups[number];
        match fault {
            "SIGSTOP" => {
                plugins.signal(Signal::STOP);
                sleep(Duration::from_millis(500)).await;
                plugins.signal(Signal::CONT);
            }
            "SIGKILL" => {
                let next =
                    bench.start_plugins(None, &proxy.address.to_string(), &name(number), EACH);
                std::mem::replace(plugins, next).kill().await;
            }
            link => proxy.set(Fault::parse(link).unwrap()),
        }
        turn += 1;
        sleep(
            (start_of_all + Duration::from_secs(turn as u64))
                .saturating_duration_since(Instant::now()),
        )
        .await;
        let look = bench.hub.ask("look", "look", BACK).await;
        memory.push(look.split(' ').nth(2).unwrap().parse::<usize>().unwrap());
        if turn % 60 == 0 {
            println!("{turn} faults: plugins, KiB, files, tasks {look}");
        }
    }
    for (proxy, _) in &groups {
        proxy.set(Fault::None);
    }
    let back = bench.all_back(PROCESSES * EACH).await;
    println!("{turn} faults in {time:?}: all back after {back:.1?}");
    flat(&memory);
    bench.finish().await;
    true
}

/// How the plugins of a process are named, but for their numbers.
fn name(process: usize) -> String {
    format!("p{process}-")
}

/// The last third takes no more than the second, but for a mebibyte.
fn flat(memory: &[usize]) {
    let third = memory.len() / 3;
    let most = |part: &[usize]| part.iter().copied().max().unwrap_or(0);
    let (second, last) = (most(&memory[third..2 * third]), most(&memory[2 * third..]));
    println!("memory of the hub at most: {second} KiB in the second third, {last} KiB in the last");
    if memory.len() >= 120 {
        assert!(last <= second + second / 20 + 1_024, "it grows");
    }
}
