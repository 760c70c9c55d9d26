//! A hub that shuts down, and plugins that are unplugged, whatever they do: in time.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::sleep;

use crate::bench::{BACK, Bench};
use crate::process::Process;
use crate::proxy::{Fault, Proxy};
use crate::reader;

/// How much later than its grace either may be back.
const SLACK: u64 = 250;

/// A hub and plugins of every kind that doesn't leave when it is asked to.
struct Unwilling {
    bench: Bench,
    processes: Vec<Process>,
    _cut: Proxy,
}

/// How they are called.
const NAMES: [&str; 6] = ["deaf", "slow", "stopped0", "mute0", "blocked0", "away0"];

impl Unwilling {
    async fn new(name: &str) -> Self {
        let mut bench = Bench::new(name, 5, None, "127.0.0.1:0").await;
        let address = bench.address.clone();
        let cut = Proxy::new("127.0.0.1:0", address.clone()).await;
        let far = cut.address.to_string();
        let mut processes =
            vec![reader::start(&bench, "deaf", 0).await, reader::start(&bench, "slow", 100).await];
        for (name, address) in [
            ("stopped", &address),
            ("mute", &address),
            ("blocked", &address),
            ("away", &far),
            // Dials again and again, as the one before, and nothing comes of it.
            ("restless", &far),
        ] {
            processes.push(bench.plugins(None, address, name, 1).await);
        }
        for name in ["deaf", "slow"] {
            bench.hub.order(&format!("fill {name}")).await;
        }
        for name in ["stopped0", "mute0", "away0"] {
            bench.hub.order(&format!("begin {name} hang")).await;
        }
        bench.hub.order("begin blocked0 block").await;
        bench.hub.order("wait nobody").await;
        sleep(Duration::from_millis(500)).await;
        processes[2].signal(Signal::STOP);
        cut.set(Fault::Cut(0));
        // Finds that out, and waits for it to come back.
        bench.hub.order("begin away0 hang").await;
        sleep(Duration::from_millis(500)).await;
        Self { bench, processes, _cut: cut }
    }
}

pub async fn all(is_long: bool) -> bool {
    let graces: &[u64] = if is_long { &[0, 100, 1_000, 5_000] } else { &[1_000] };
    for grace in graces {
        let mut all = Unwilling::new("leaving").await;
        let order = format!("shutdown {grace}");
        let shut = all.bench.hub.ask(&order, "shut", BACK).await;
        let took: u64 = shut.split(' ').nth(1).unwrap().parse().unwrap();
        println!("shutdown with {grace} ms of grace: back after {took} ms; {shut}");
        assert!(took <= grace + SLACK, "{shut}");
        end(all).await;
    }
    let mut all = Unwilling::new("unplugged").await;
    for name in NAMES {
        let unplugged = all.bench.hub.ask(&format!("unplug {name} 300"), "unplugged", BACK).await;
        let took: u64 = unplugged.split(' ').nth(1).unwrap().parse().unwrap();
        println!("unplug of {name} with 300 ms of grace: {unplugged}");
        assert!(took <= 300 + SLACK, "{unplugged}");
    }
    end(all).await;
    true
}

async fn end(all: Unwilling) {
    let Unwilling { bench, processes, .. } = all;
    for process in processes {
        process.kill().await;
    }
    bench.hub.kill().await;
    std::fs::remove_dir_all(&bench.folder).unwrap();
}
