//! A hub that has no descriptors left.

use std::time::{Duration, Instant};

use crate::good::{connect_at_last, run_worker};
use crate::process::Child;
use crate::random::scramble;
use crate::raw::Raw;
use crate::scenario::{eventually, scaled, scenario, within};
use crate::worker::Worker;

#[test]
fn l19_a_hub_without_descriptors_serves_whom_it_has_and_takes_more_later() {
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
        let (begin, used) = (Instant::now(), hub.processor_time());
        // `BRPC_FAULTS_SCALE=20` for a minute.
        tokio::time::sleep(Duration::from_secs(scaled(3) as u64)).await;
        let (lasted, used) = (begin.elapsed(), hub.processor_time().saturating_sub(used));
        hub.order("warnings").await;
        let warnings: u64 = hub.line().await.parse().unwrap();
        println!("no descriptors for {lasted:.1?}: {used:?} of a processor, {warnings} warnings");
        assert!(used < lasted / 50, "{used:?} of {lasted:?}");
        assert!((1..lasted.as_secs() + 10).contains(&warnings), "{warnings} in {lasted:?}");

        let second = tokio::spawn(async move {
            let (_, plugin) = Worker::plugin("second");
            connect_at_last(&plugin, address).await.run().await
        });
        let begin = Instant::now();
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
        println!("and {:.1?} after there were some, the next plugin answers", begin.elapsed());
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
