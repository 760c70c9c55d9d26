//! Many calls at once over one connection.

use crate::good::{LONG, run_worker, serve};
use crate::random::scramble;
use crate::scenario::{scaled, scenario};
use brpc::Socket;

/// The original gave callers other calls' answers when they called concurrently.
#[test]
fn each_of_64_tasks_gets_its_own_answers() {
    const TASKS: u64 = 64;
    let calls = scaled(10_000) as u64;
    scenario(async move {
        let (hub, address) = serve(Socket::builder()).await;
        let (_, plugin) = run_worker("worker", address).await;
        hub.wait_for("worker", LONG).await.unwrap();
        let callers: Vec<_> = (0..TASKS)
            .map(|task| {
                let hub = hub.clone();
                tokio::spawn(async move {
                    for number in 0..calls {
                        let n = (task << 32) | number;
                        // Answers from tasks overtake those that are given in place.
                        let method = if number % 2 == 0 { "scramble" } else { "scramble_later" };
                        let answer: u64 = hub.call("worker", method, &n).await.unwrap();
                        assert_eq!(answer, scramble(n), "call {number} of task {task}");
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        println!("{} calls, each with its own answer", TASKS * calls);
        assert!(hub.shutdown().await.is_clean());
        plugin.await.unwrap();
    });
}
