//! The fault laboratory: hubs and plugins as users build them, as processes of their own, with what
//! breaks in the field between them. `tests/lab/run.sh` says how to run it.
//!
//! Whatever is broken, each call must end once, and what ended it must be true: `record` compares what
//! the hubs got with what the plugins did. When nothing is broken any more, all plugins are back.

#![allow(unreachable_pub)] // Methods of plugins are `pub` to be exposed.
#![allow(clippy::unwrap_used)] // All of this is tests.

mod bench;
mod churn;
mod files;
mod flood;
mod hostile;
mod hub;
mod jobs;
mod leaving;
mod links;
mod mutual;
mod namespaces;
mod overload;
mod plugins;
mod process;
mod processes;
mod proxy;
mod reader;
mod record;
mod soak;

use std::time::Duration;

/// The experiments, as a whole some minutes long if they are slices.
const ALL: [&str; 13] = [
    "links",
    "losses",
    "half-open",
    "stopped",
    "killed",
    "jobs",
    "never-reads",
    "unread-events",
    "files",
    "hostile",
    "leaving",
    "churn",
    "soak",
];

/// What a process is to be; set only in those that the laboratory starts.
const ROLE: &str = "BRPC_LAB_ROLE";

#[tokio::main]
async fn main() {
    match std::env::var(ROLE).as_deref() {
        Ok("hub") => return hub::be().await,
        Ok("plugins") => return plugins::be().await,
        Ok("guarded") => return hostile::be_guarded().await,
        Ok("hostile") => return hostile::be_hostile().await,
        Ok("reader") => return reader::be().await,
        Ok(other) => panic!("no such role: {other}"),
        Err(_) => {}
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["proxy", listen, target, fault @ ..] => proxy::be(listen, target, &fault.join(" ")).await,
        [] => experiment(&ALL, false).await,
        ["all"] => experiment(&ALL, true).await,
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
            "links" => links::all().await,
            "losses" => {
                namespaces::l12_losses(Duration::from_secs(if is_long { 300 } else { 6 })).await
            }
            "half-open" => half_open(is_long).await,
            "stopped" => processes::stopped(is_long).await,
            "killed" => processes::killed(is_long).await,
            "jobs" => jobs::all(is_long).await,
            "never-reads" => overload::never_reads(is_long).await,
            "unread-events" => overload::unread_events(is_long).await,
            "files" => files::all(is_long).await,
            "hostile" => hostile::all(is_long).await,
            "leaving" => leaving::all(is_long).await,
            "churn" => churn::c21_come_and_go(is_long).await,
            "soak" => soak::all(duration(is_long)).await,
            other => panic!("no experiment `{other}`: {}", ALL.join(", ")),
        };
        if is_done { passed += 1 } else { skipped += 1 }
    }
    println!("{passed} passed, 0 failed, {skipped} skipped");
}

/// How soon is a peer found out that can't be heard, with the shortest interval of heartbeats and with
/// the usual one? False if a part was skipped.
async fn half_open(is_long: bool) -> bool {
    let mut is_whole = true;
    for heartbeat in if is_long { &[1, 5][..] } else { &[1] } {
        println!("-- with an interval of {heartbeat} s");
        links::silent(*heartbeat, is_long).await;
        is_whole &= namespaces::silent(*heartbeat, is_long).await;
    }
    is_whole
}

/// How long a soak takes: `BRPC_LAB_SECONDS`, or an hour at full length.
fn duration(is_long: bool) -> Duration {
    let default = if is_long { 3_600 } else { 15 };
    let seconds = std::env::var("BRPC_LAB_SECONDS").map_or(default, |it| it.parse().unwrap());
    Duration::from_secs(seconds)
}
