//! Calls to a Go plugin that are given up. It doesn't hear of it, so it answers all the same.

use std::time::Duration;

use brpc::{CallErrorKind, Execution, Limits, Socket};
use serde_json::json;
use tokio::time::timeout;

use crate::go_plugin;
use crate::good::serve;
use crate::program::Program;
use crate::scenario::within;

/// A hub where one call may be in progress on a connection, and a Go plugin.
async fn hub_of_one_call() -> (Socket, Program) {
    let mut limits = Limits::default();
    limits.max_calls = 1;
    let (hub, address) = serve(Socket::builder().limits(limits)).await;
    let program = go_plugin::connect(&hub, address, "go").await;
    (hub, program)
}

pub async fn a_call_that_is_too_late_keeps_its_place_until_it_is_answered() {
    let (hub, program) = hub_of_one_call().await;
    let sleep = hub.call::<u64>("go", "Sleep", &json!({"ms": 1_000}));
    let error = sleep.timeout(Duration::from_millis(20)).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::DeadlineExceeded { .. }), "{error:?}");
    assert_eq!(error.execution(), Execution::Unknown);
    // The next one gets the place when the answer has come, and an answer of its own.
    assert_eq!(hub.call("go", "Who", &()).queue().await, Ok("go".to_owned()));
    assert_eq!(hub.call("go", "Who", &()).await, Ok("go".to_owned()));
    assert!(hub.shutdown().await.is_clean());
    go_plugin::assert_left(program).await;
}

pub async fn a_call_that_is_dropped_keeps_its_place_until_it_is_answered() {
    let (hub, program) = hub_of_one_call().await;
    // So it doesn't answer before this test wants it to.
    program.signal("STOP").await;
    // Until it was sent it can be taken back, and then leaves no trace.
    let error = within("a call that was sent", async {
        loop {
            let call = hub.call::<String>("go", "Who", &());
            // Dropped when the time is over.
            if let Ok(answer) = timeout(Duration::from_millis(5), call).await {
                break answer.unwrap_err();
            }
        }
    });
    let error = error.await;
    assert!(matches!(error.kind(), CallErrorKind::Overloaded { .. }), "{error:?}");
    program.signal("CONT").await;
    assert_eq!(hub.call("go", "Add", &json!({"a": 1, "b": 2})).queue().await, Ok(3));
    assert!(hub.shutdown().await.is_clean());
    go_plugin::assert_left(program).await;
}
