//! A plugin of this crate on a hub in Go: how its run ends.

use brpc::{DisconnectReason, EndReason, RefusalCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::go_hub::GoHub;
use crate::on_go_hub::hub_and_twin;
use crate::scenario::{GUARD, within};
use crate::twin::twin;

/// Has a hub begin a call that waits at the plugin's gate, and then a moment more.
fn wait_at_gate(hub: &GoHub) -> JoinHandle<Value> {
    let orders = hub.orders();
    tokio::spawn(async move { orders.call("twin", "Wait", json!(MOMENT)).await })
}

/// In milliseconds: long enough for what was said before the gate was opened to arrive first.
const MOMENT: u64 = 100;

pub async fn unplugged_with_a_trace() {
    let (hub, gate, run) = hub_and_twin().await;
    let call = wait_at_gate(&hub);
    gate.has_waiting(1).await;
    let unplug = json!({"do": "unplug", "name": "twin", "trace": "t-3"});
    let unplug = hub.orders().tell(unplug).await;
    // Until it asks the plugin to leave, it goes on calling it.
    while hub.call("twin", "Nothing", json!(null)).await["error"] != "connection is shut down" {}
    gate.open();
    assert_eq!(call.await.unwrap()["payload"], MOMENT);
    assert_eq!(within("the answer", unplug).await.unwrap()["ok"], json!(true));
    let end = within("the plugin's end", run).await.unwrap();
    assert_eq!(end, EndReason::Unplugged { trace: "t-3".to_owned(), retry_after: None });
    assert_eq!(hub.shutdown().await, [json!({"disconnected": "twin", "graceful": true})]);
}

/// Over this wire a shutdown looks like being unplugged.
pub async fn a_shutdown_waits_for_the_call_that_runs() {
    let (hub, gate, run) = hub_and_twin().await;
    let call = wait_at_gate(&hub);
    gate.has_waiting(1).await;
    let (rest, ()) = tokio::join!(hub.shutdown(), async { gate.open() });
    assert_eq!(call.await.unwrap()["payload"], MOMENT);
    let end = within("the plugin's end", run).await.unwrap();
    assert_eq!(end, EndReason::Unplugged { trace: String::new(), retry_after: None });
    assert_eq!(rest, [json!({"disconnected": "twin", "graceful": true})]);
}

pub async fn refused_because_its_name_is_taken() {
    let (mut hub, _, run) = hub_and_twin().await;
    let second = twin("twin").0.gob().connect(hub.address).await.unwrap();
    let end = within("the second one's end", second.run()).await;
    let EndReason::Refused(refusal) = end else { panic!("{end:?}") };
    assert_eq!(refusal.code, RefusalCode::NameTaken);
    assert!(refusal.message.starts_with("handshake (conflict)"), "{refusal}");
    assert_eq!(hub.notice().await, json!({"refused": "twin"}));
    assert_eq!(hub.call("twin", "Who", json!(null)).await["payload"], "twin");
    hub.shutdown().await;
    assert!(run.await.unwrap().is_graceful());
}

pub async fn a_go_hub_that_is_killed() {
    let (hub, gate, run) = hub_and_twin().await;
    let call = json!({"do": "call", "name": "twin", "method": "Wait", "payload": 0});
    // Nobody will answer it.
    drop(hub.orders().tell(call).await);
    gate.has_waiting(1).await;
    hub.kill().await;
    // The handler that still waits is dropped: nobody wants its answer.
    let end = within("the plugin's end", run).await.unwrap();
    let EndReason::Lost(reason) = end else { panic!("{end:?}") };
    assert!(matches!(reason, DisconnectReason::Unclean | DisconnectReason::Reset), "{reason:?}");
}

pub async fn a_plugin_that_stops_by_itself_answers_first() {
    let mut hub = GoHub::start().await;
    let (plugin, gate) = twin("twin");
    let session = plugin.gob().connect(hub.address).await.unwrap();
    let handle = session.handle();
    let run = tokio::spawn(session.run());
    hub.wait_for("twin").await;
    let call = wait_at_gate(&hub);
    gate.has_waiting(1).await;
    handle.stop(GUARD);
    gate.open();
    assert_eq!(call.await.unwrap()["payload"], MOMENT);
    assert_eq!(within("the plugin's end", run).await.unwrap(), EndReason::Stopped);
    // Nobody had asked it to.
    assert_eq!(hub.notice().await, json!({"disconnected": "twin", "graceful": false}));
    hub.shutdown().await;
}
