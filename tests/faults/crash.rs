//! Processes that are killed or stopped while calls run.

use std::net::SocketAddr;
use std::time::Duration;

use brpc::{CallError, CallErrorKind, DisconnectReason, EndReason, Execution, Socket, Stage};
use futures_util::future::join_all;
use tokio::task::JoinSet;

use crate::good::{LONG, run_worker, serve};
use crate::process::Child;
use crate::random::scramble;
use crate::scenario::{eventually, scaled, scenario, within};

#[test]
fn every_call_ends_when_its_plugin_is_killed() {
    /// Processes at the same time.
    const LANES: usize = 4;
    let kills = scaled(200) / LANES;
    scenario(async move {
        let (hub, address) = serve(Socket::builder()).await;
        let mut lanes = JoinSet::new();
        for lane in 0..LANES {
            let hub = hub.clone();
            lanes.spawn(async move {
                for _ in 0..kills {
                    kill_in_mid_call(&hub, &format!("lane{lane}"), address).await;
                }
            });
        }
        while let Some(lane) = lanes.join_next().await {
            lane.unwrap();
        }
        println!("{} plugins killed", LANES * kills);
        assert!(hub.connected().is_empty());
        hub.shutdown().await;
    });
}

/// Starts a plugin, calls it in all ways, and kills it.
async fn kill_in_mid_call(hub: &Socket, name: &str, address: SocketAddr) {
    const HANGING: usize = 8;
    let plugin = Child::plugin(name, address);
    hub.wait_for(name, LONG).await.unwrap();
    let hanging: Vec<_> = (0..HANGING as u64)
        .map(|n| tokio::spawn(hub.call::<u64>(name, "wait", &n).timeout(None)))
        .collect();
    // The kill hits calls on the wire as well as calls in a handler.
    let busy: Vec<_> = ["scramble", "scramble_later"]
        .map(|method| {
            let (hub, name) = (hub.clone(), name.to_owned());
            tokio::spawn(async move {
                for n in 0.. {
                    match hub.call::<u64>(&name, method, &n).timeout(None).await {
                        Ok(answer) => assert_eq!(answer, scramble(n)),
                        Err(error) => return error,
                    }
                }
                unreachable!("the plugin is killed some time")
            })
        })
        .into();
    while within("a call", hub.call::<usize>(name, "waiting", &())).await.unwrap() < HANGING {}

    plugin.kill().await;
    for call in hanging {
        let error = within("a hanging call", call).await.unwrap().unwrap_err();
        assert!(is_cut(&error), "{error:?}");
        assert_eq!(error.execution(), Execution::Unknown);
    }
    for call in busy {
        let error = within("a busy call", call).await.unwrap();
        let is_too_late = matches!(error.kind(), CallErrorKind::NoPlugin { .. });
        assert!(is_too_late || is_cut(&error) || error.execution() == Execution::Never);
    }
    eventually("the name is free", || hub.plugin_info(name).is_none()).await;
}

/// Whether a call that was sent was cut off by the plugin's end.
fn is_cut(error: &CallError) -> bool {
    match *error.kind() {
        CallErrorKind::Disconnected { stage, reason, .. } => {
            stage == Stage::Sent && is_of_a_kill(reason)
        }
        _ => false,
    }
}

/// What a process that is killed leaves for its peer to see.
fn is_of_a_kill(reason: DisconnectReason) -> bool {
    use DisconnectReason::{MidFrame, Reset, Unclean};
    matches!(reason, Unclean | Reset | MidFrame)
}

#[test]
fn a_stopped_plugin_delays_nobody_and_goes_on_later() {
    scenario(async {
        let (hub, address) = serve(Socket::builder()).await;
        let (_, other) = run_worker("other", address).await;
        let plugin = Child::plugin("stopped", address);
        hub.wait_for_all(["stopped", "other"], LONG).await.unwrap();
        let generation = hub.plugin_info("stopped").unwrap().generation;

        plugin.pause().await;
        let in_vain = (0..100).map(|n| {
            let call = hub.call::<u64>("stopped", "scramble", &n);
            call.timeout(Duration::from_millis(100))
        });
        for result in join_all(in_vain).await {
            let error = result.unwrap_err();
            assert_eq!(error, CallErrorKind::DeadlineExceeded { stage: Stage::Sent });
        }
        let answer: u64 = hub.call("other", "scramble", &1).await.unwrap();
        assert_eq!(answer, scramble(1));

        plugin.resume().await;
        // The late answers reach none of these.
        let calls = (1_000..1_100).map(|n| hub.call::<u64>("stopped", "scramble", &n));
        for (n, answer) in (1_000..).zip(join_all(calls).await) {
            assert_eq!(answer.unwrap(), scramble(n));
        }
        assert_eq!(hub.plugin_info("stopped").unwrap().generation, generation);
        hub.shutdown().await;
        other.await.unwrap();
        plugin.kill().await;
    });
}

#[test]
fn a_run_ends_when_its_hub_is_killed() {
    const HANGING: usize = 8;
    scenario(async {
        let (mut hub, address) = Child::hub("256").await;
        let (desk, running) = run_worker("worker", address).await;
        for _ in 0..HANGING {
            hub.order("begin worker wait").await;
        }
        assert_eq!(hub.call("worker", "scramble", 1).await, scramble(1));
        eventually("the handlers run", || desk.waiting() == HANGING).await;
        hub.kill().await;
        let end = within("the run", running).await.unwrap();
        assert!(matches!(end, EndReason::Lost(reason) if is_of_a_kill(reason)), "{end:?}");
        eventually("the handlers end", || desk.waiting() == 0).await;
    });
}
