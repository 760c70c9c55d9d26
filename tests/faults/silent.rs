//! Processes that are stopped for longer than anybody may be silent.

use std::time::Duration;

use brpc::{DisconnectReason, Limits, Side, Socket};

use crate::good::{LONG, serve};
use crate::process::Child;
use crate::random::scramble;
use crate::scenario::{scenario, within};
use crate::slow::reason_of;

#[test]
fn l18_a_plugin_that_is_stopped_is_cut_off_and_its_name_is_free() {
    let mut limits = Limits::default();
    limits.heartbeat = Some(Duration::from_secs(1));
    scenario(async move {
        let (hub, address) = serve(Socket::builder().limits(limits)).await;
        let mut events = hub.events();
        let stopped = Child::plugin("worker", address);
        hub.wait_for("worker", LONG).await.unwrap();
        let plugin = hub.connected().pop().unwrap();
        let hanging = tokio::spawn(hub.call::<u64>("worker", "wait", &1).timeout(None));
        // It lives as long as it runs.
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert!(plugin.end().is_none() && plugin.round_trip().is_some());
        stopped.pause().await;
        let reason = reason_of(&mut events, "worker").await;
        let DisconnectReason::HeartbeatTimeout { side: Side::Peer, silent } = reason else {
            panic!("{reason:?}")
        };
        assert!(silent >= Duration::from_secs(3), "{silent:?}");
        assert!(within("the call", hanging).await.unwrap().unwrap_err().is_disconnected());
        // Another process takes its place, and the first one doesn't come between when it goes on.
        let next = Child::plugin("worker", address);
        hub.wait_for("worker", LONG).await.unwrap();
        stopped.resume().await;
        for n in 0..100 {
            assert_eq!(hub.call::<u64>("worker", "scramble", &n).await, Ok(scramble(n)));
        }
        stopped.kill().await;
        next.kill().await;
        hub.shutdown().await;
    });
}
