//! A hub that has no descriptors left.

use crate::good::{connect_at_last, run_worker};
use crate::process::Child;
use crate::random::scramble;
use crate::raw::Raw;
use crate::scenario::{eventually, scenario, within};
use crate::worker::Worker;

#[test]
fn a_hub_without_descriptors_serves_whom_it_has_and_takes_more_later() {
    const DESCRIPTORS: usize = 64;
    scenario(async {
        let (mut hub, address) = Child::hub(&DESCRIPTORS.to_string()).await;
        let (_, first) = run_worker("first", address).await;
        let mut idle = Vec::new();
        for _ in 0..2 * DESCRIPTORS {
            idle.push(Raw::connect(address).await);
        }
        let hub_id = hub.id();
        eventually("no descriptor is left", || is_full(hub_id, DESCRIPTORS)).await;
        for n in 0..100 {
            assert_eq!(hub.call("first", "scramble", n).await, scramble(n));
        }

        let second = tokio::spawn(async move {
            let (_, plugin) = Worker::plugin("second");
            connect_at_last(&plugin, address).await.run().await
        });
        drop(idle);
        // It may have to wait for more than one attempt to connect.
        let answers = async {
            loop {
                hub.order("call second scramble 7").await;
                if hub.line().await == scramble(7).to_string() {
                    return;
                }
            }
        };
        within("the second plugin answers", answers).await;
        assert_eq!(hub.call("first", "scramble", 8).await, scramble(8));
        hub.kill().await;
        first.await.unwrap();
        second.await.unwrap();
    });
}

/// Whether a process has all descriptors below a number. It may have inherited others above.
fn is_full(process: u32, descriptors: usize) -> bool {
    let path = |number: usize| format!("/proc/{process}/fd/{number}");
    (0..descriptors).all(|number| std::fs::symlink_metadata(path(number)).is_ok())
}
