//! Processes that are killed or stopped while calls run.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use brpc::{
    Backoff, CallError, CallErrorKind, DisconnectReason, EndReason, Execution, RunState, Socket,
    Stage,
};
use futures_util::future::join_all;
use tokio::task::JoinSet;

use crate::good::{LONG, run_worker, serve};
use crate::process::Child;
use crate::random::scramble;
use crate::scenario::{eventually, scaled, scenario, within};
use crate::worker::Worker;

#[test]
fn c01_every_call_ends_when_its_plugin_is_killed() {
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

/// As it does where panics abort: no goodbye is said, and nothing is known of what has run.
#[test]
fn c04_a_plugin_whose_panics_abort_ends_as_if_it_were_killed() {
    scenario(async {
        let (hub, address) = serve(Socket::builder()).await;
        let plugin = Child::plugin("aborting", address);
        hub.wait_for("aborting", LONG).await.unwrap();
        let hanging = tokio::spawn(hub.call::<u64>("aborting", "wait", &1).timeout(None));
        while hub.call::<usize>("aborting", "waiting", &()).await.unwrap() == 0 {}
        let aborting = hub.call::<()>("aborting", "abort", &()).timeout(None);
        for error in [
            within("the call that aborts", aborting).await.unwrap_err(),
            within("a hanging call", hanging).await.unwrap().unwrap_err(),
        ] {
            assert!(is_cut(&error), "{error:?}");
            assert_eq!(error.execution(), Execution::Unknown);
        }
        eventually("the name is free", || hub.plugin_info("aborting").is_none()).await;
        plugin.kill().await;
        hub.shutdown().await;
    });
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

/// As often as it is killed: whatever calls ran then, the plugin is there for the next hub.
#[test]
fn c02_c20_a_plugin_comes_back_to_a_hub_that_is_killed() {
    const HANGING: usize = 8;
    let kills = scaled(10);
    scenario(async move {
        let (mut hub, address) = Child::hub("256").await;
        let (desk, plugin) = Worker::plugin("worker");
        let run = plugin.run(address).backoff(Backoff::constant(Duration::from_millis(10)));
        let (handle, mut states) = (run.handle(), run.states());
        let running = tokio::spawn(run.into_future());
        let mut epochs = HashSet::new();
        for _ in 0..kills {
            let connected = async {
                loop {
                    let state = states.next().await.expect("it goes on");
                    if let RunState::Connected { epoch, generation, .. } = state {
                        break (epoch, generation);
                    }
                }
            };
            let (epoch, generation) = within("it is back", connected).await;
            assert!(epochs.insert(epoch), "each hub has an epoch of its own");
            assert_eq!(generation, 1, "and counts anew");
            for _ in 0..HANGING {
                hub.order("begin worker wait").await;
            }
            assert_eq!(hub.call("worker", "scramble", 1).await, scramble(1));
            eventually("the handlers run", || desk.waiting() == HANGING).await;
            hub.kill().await;
            eventually("the handlers end", || desk.waiting() == 0).await;
            hub = Child::hub_at(&address.to_string(), "256").await.0;
        }
        handle.stop(LONG);
        within("the run", running).await.unwrap().unwrap();
        hub.kill().await;
    });
}

/// The hub sees a plugin of its own come back, however often its process is stopped or killed.
#[test]
fn a_staying_plugin_in_a_process_of_its_own() {
    scenario(async {
        let (hub, address) = serve(Socket::builder()).await;
        for _ in 0..3 {
            let plugin = Child::staying("worker", address);
            hub.wait_for("worker", LONG).await.unwrap();
            plugin.pause().await;
            plugin.resume().await;
            assert_eq!(hub.call::<u64>("worker", "scramble", &1).await, Ok(scramble(1)));
            let unplug = hub.unplug("worker").retry_after(Duration::ZERO);
            assert!(unplug.await.unwrap().is_clean());
            hub.wait_for("worker", LONG).await.unwrap();
            assert_eq!(hub.call::<u64>("worker", "scramble", &1).await, Ok(scramble(1)));
            plugin.kill().await;
            eventually("it is gone", || hub.plugin_info("worker").is_none()).await;
        }
        hub.shutdown().await;
    });
}
