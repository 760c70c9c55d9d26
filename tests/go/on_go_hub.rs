//! A plugin of this crate on a hub in Go: what it says, and what it answers.

use brpc::EndReason;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::go_hub::GoHub;
use crate::go_plugin;
use crate::twin::{Gate, Tick, twin};

/// A Go hub, and a plugin of this crate on it, by the name of `twin`.
pub async fn hub_and_twin() -> (GoHub, Gate, JoinHandle<EndReason>) {
    let mut hub = GoHub::start().await;
    let (plugin, gate) = twin("twin");
    let session = plugin.gob().connect(hub.address).await.unwrap();
    let run = tokio::spawn(session.run());
    hub.wait_for("twin").await;
    (hub, gate, run)
}

/// Ends both; what the hub had said by then, besides that the plugin has left.
async fn finish((hub, run): (GoHub, JoinHandle<EndReason>)) -> Vec<Value> {
    let mut rest = hub.shutdown().await;
    assert_eq!(rest.pop(), Some(json!({"disconnected": "twin", "graceful": true})));
    assert_eq!(
        run.await.unwrap(),
        EndReason::Unplugged { trace: String::new(), retry_after: None }
    );
    rest
}

pub async fn the_description_is_that_of_the_go_plugin() {
    let (mut hub, _, run) = hub_and_twin().await;
    let go = go_plugin::start(hub.address, "go", &[]);
    hub.wait_for("go").await;
    let info = async |name| hub.orders().ask(json!({"do": "info", "name": name})).await;
    let (ours, theirs) = (info("twin").await, info("go").await);
    assert_eq!(ours["info"]["version"], theirs["info"]["version"]);
    for method in ["Greet", "Add", "Centre", "Fail", "Keep", "Panic", "Nothing", "Who"] {
        let theirs = &theirs["info"]["functions"][method];
        assert_eq!(theirs["name"], method);
        assert_eq!(&ours["info"]["functions"][method], theirs);
    }
    let unplugged = hub.orders().ask(json!({"do": "unplug", "name": "go"})).await;
    assert_eq!(unplugged, json!({"ok": true}));
    assert_eq!(hub.notice().await, json!({"disconnected": "go", "graceful": true}));
    go_plugin::assert_left(go).await;
    finish((hub, run)).await;
}

pub async fn calls_and_their_errors() {
    let (hub, _, run) = hub_and_twin().await;
    let big = json!({"n": u64::MAX, "text": "x".repeat(900_000)});
    let points = json!({"points": [{"x": 0, "y": 0}, {"x": 2.0, "y": 4.5}]});
    let calls = [
        ("Greet", json!({"name": "Größe \u{1F600}"}), json!({"text": "Hello, Größe \u{1F600}!"})),
        ("Add", json!({"a": i64::MAX - 1, "b": 1}), json!(i64::MAX)),
        ("Centre", points, json!({"x": 1.0, "y": 2.25})),
        ("Echo", big.clone(), big),
        ("Who", Value::Null, json!("twin")),
        ("Who", json!({}), json!("twin")),
        (
            "Keep",
            json!({"list": null, "bytes": "AQI=", "of": null}),
            json!({"list": [], "bytes": [1, 2], "of": {}}),
        ),
    ];
    for (seq, (method, input, output)) in calls.into_iter().enumerate() {
        let answer = hub.call("twin", method, input).await;
        assert_eq!(answer, json!({"seq": seq, "trace": "", "method": method, "payload": output}));
    }
    let order = json!({"do": "call", "name": "twin", "method": "Nothing", "trace": "t-5 ä"});
    let nothing = hub.orders().ask(order).await;
    // There is an output where Go sends none; its decoder takes it for nothing all the same.
    let expected = json!({"seq": 7, "trace": "t-5 ä", "method": "Nothing", "payload": null});
    assert_eq!(nothing, expected);

    let error = async |method, input| hub.call("twin", method, input).await["error"].clone();
    assert_eq!(error("Fail", json!({"text": "no: ä"})).await, "no: ä");
    assert_eq!(error("Panic", json!({"text": "oh no"})).await, "panic: oh no");
    assert_eq!(error("Centre", json!({"points": []})).await, "no points");
    assert_eq!(error("Missing", json!({})).await, "method not found");
    let invalid = error("Greet", json!({"name": 5})).await;
    let said = "the input is not valid at `name`: invalid type: integer `5`, expected a string";
    assert_eq!(invalid, said);
    // Go's error without a text would look like an output.
    assert_ne!(error("Fail", json!({"text": ""})).await, Value::Null);
    assert_eq!(finish((hub, run)).await, [json!(null); 0]);
}

pub async fn events_come_in_order() {
    let (mut hub, _, run) = hub_and_twin().await;
    let answer = hub.call("twin", "Emit", json!({"count": 5_000, "text": "tick"})).await;
    assert_eq!(answer["payload"], 5_000);
    for n in 0..5_000 {
        let tick = Tick { n, text: "tick".to_owned() };
        assert_eq!(hub.notice().await, json!({"event": "twin", "payload": tick}));
    }
    assert!(finish((hub, run)).await.is_empty());
}

/// The original counts its calls so that two that are made at once can get one number.
pub async fn calls_with_the_same_number_are_both_answered() {
    let (hub, gate, run) = hub_and_twin().await;
    let calls: Vec<_> = [0, 1]
        .map(|ms| {
            let orders = hub.orders();
            let order = json!({
                "do": "call", "name": "twin", "method": "Wait", "payload": ms, "seq": 7,
            });
            tokio::spawn(async move { orders.ask(order).await })
        })
        .into();
    gate.has_waiting(2).await;
    gate.open();
    let mut answers = Vec::new();
    for call in calls {
        let answer = call.await.unwrap();
        assert_eq!((&answer["seq"], &answer["error"]), (&json!(7), &Value::Null));
        answers.push(answer["payload"].as_u64().unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, [0, 1]);
    assert!(finish((hub, run)).await.is_empty());
}
