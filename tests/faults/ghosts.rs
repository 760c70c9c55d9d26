//! A hub that is stopped for so long that its plugins dial again, in vain, and more than once.
//!
//! `BRPC_GHOSTS=50` makes it so many plugins, `BRPC_GHOSTS_DOWN=30` stops the hub for so many seconds;
//! it prints how long it took until all were back.

use std::time::{Duration, Instant};

use crate::process::Child;
use crate::random::scramble;
use crate::scenario::scenario;

/// The dials that were given up take no name from the one that counts, nor use up its takeovers.
#[test]
fn plugins_are_back_soon_after_their_hub_was_stopped() {
    let number = |name: &str| std::env::var(name).ok().map(|number| number.parse().unwrap());
    let count: usize = number("BRPC_GHOSTS").unwrap_or(3);
    let down = Duration::from_secs(number("BRPC_GHOSTS_DOWN").unwrap_or(30) as u64);
    scenario(async move {
        let (mut hub, address) = Child::hub("4096").await;
        let plugins: Vec<_> =
            (0..count).map(|number| Child::staying(&format!("worker-{number}"), address)).collect();
        for number in 0..count {
            comes(&mut hub, number).await;
        }
        hub.pause().await;
        tokio::time::sleep(down).await;
        hub.resume().await;
        let begun = Instant::now();
        for number in 0..count {
            comes(&mut hub, number).await;
        }
        println!("{count} plugins, hub stopped for {down:?}: all back after {:?}", begun.elapsed());
        hub.order("refused").await;
        assert_eq!(hub.line().await, "0", "a plugin was refused");
        hub.kill().await;
        for plugin in plugins {
            plugin.kill().await;
        }
    });
}

/// Returns when this plugin answers.
async fn comes(hub: &mut Child, number: usize) {
    loop {
        hub.order(&format!("call worker-{number} scramble 7")).await;
        if hub.line().await == scramble(7).to_string() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
