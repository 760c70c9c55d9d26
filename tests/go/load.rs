//! Many calls at once: no answer is another's.

use std::time::Instant;

use brpc::Socket;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::go_hub::GoHub;
use crate::go_plugin;
use crate::good::serve;
use crate::scenario::note;
use crate::twin::twin;

const CALLERS: u64 = 64;

/// The calls of each.
const CALLS: u64 = 5_000;

pub async fn many_callers_of_one_go_plugin() {
    let (hub, address) = serve(Socket::builder()).await;
    let program = go_plugin::connect(&hub, address, "go").await;
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let hub = hub.clone();
        callers.spawn(async move {
            for n in 0..CALLS {
                let sent = json!({"caller": caller, "n": n});
                assert_eq!(hub.call::<Value>("go", "Echo", &sent).await.as_ref(), Ok(&sent));
            }
        });
    }
    callers.join_all().await;
    note(&format!("{} calls of a Go plugin: {:?}", CALLERS * CALLS, start.elapsed()));
    assert!(hub.shutdown().await.is_clean());
    go_plugin::assert_left(program).await;
}

pub async fn many_callers_of_a_plugin_on_a_go_hub() {
    let mut hub = GoHub::start().await;
    let session = twin("twin").0.gob().connect(hub.address).await.unwrap();
    let run = tokio::spawn(session.run());
    hub.wait_for("twin").await;
    let payload = json!({"text": "ä", "n": u64::MAX, "list": [1, 2.5, null]});
    let order = json!({
        "do": "load", "name": "twin", "method": "Echo", "payload": payload,
        "calls": 16_000, "callers": 8,
    });
    let report = hub.orders().ask(order).await;
    note(&format!("calls of a Go hub: {report}"));
    assert_eq!((&report["calls"], &report["errors"]), (&json!(16_000), &json!(0)));
    hub.shutdown().await;
    assert!(run.await.unwrap().is_graceful());
}
