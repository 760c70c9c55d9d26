//! The fault laboratory: hubs and plugins as users build them, as processes of their own, with what
//! breaks in the field between them. `tests/lab/run.sh` says how to run it.
//!
//! Whatever is broken, each call must end once, and what ended it must be true: `record` compares what
//! the hubs got with what the plugins did. When nothing is broken any more, all plugins are back.

#![allow(unreachable_pub)] // Methods of plugins are `pub` to be exposed.
#![allow(clippy::unwrap_used)] // All of this is tests.

mod bench;
mod churn;
mod hub;
mod links;
mod namespaces;
mod plugins;
mod process;
mod processes;
mod proxy;
mod record;
mod soak;

use std::time::Duration;

/// What a process is to be; set only in those that the laboratory starts.
const ROLE: &str = "BRPC_LAB_ROLE";

#[tokio::main]
async fn main() {
    match std::env::var(ROLE).as_deref() {
        Ok("hub") => return hub::be().await,
        Ok("plugins") => return plugins::be().await,
        Ok(other) => panic!("no such role: {other}"),
        Err(_) => {}
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["proxy", listen, target, fault @ ..] => proxy::be(listen, target, &fault.join(" ")).await,
        [] => experiment(&["links", "namespaces", "processes", "churn", "soak"], false).await,
        ["all"] => experiment(&["links", "namespaces", "processes", "churn", "soak"], true).await,
        ["long", chosen @ ..] => experiment(chosen, true).await,
        chosen => experiment(chosen, false).await,
    }
}

/// Runs the experiments of these names, as a slice or at full length.
async fn experiment(names: &[&str], is_long: bool) {
    let (mut passed, mut skipped) = (0, 0);
    for name in names {
        println!("== {name}{}", if is_long { ", at full length" } else { "" });
        let is_done = match *name {
            "links" => links::all(is_long).await,
            "namespaces" => namespaces::all(is_long).await,
            "processes" => processes::all(is_long).await,
            "churn" => churn::all(is_long).await,
            "soak" => soak::all(duration(is_long)).await,
            other => panic!("no experiment `{other}`: links, namespaces, processes, churn, soak"),
        };
        if is_done { passed += 1 } else { skipped += 1 }
    }
    println!("{passed} passed, 0 failed, {skipped} skipped");
}

/// How long a soak takes: `BRPC_LAB_SECONDS`, or an hour at full length.
fn duration(is_long: bool) -> Duration {
    let default = if is_long { 3_600 } else { 15 };
    let seconds = std::env::var("BRPC_LAB_SECONDS").map_or(default, |it| it.parse().unwrap());
    Duration::from_secs(seconds)
}
