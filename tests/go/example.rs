//! The `plugin` example, as a process, on a hub in Go.
//!
//! `cargo test` builds the examples; with `--test go` alone, `cargo build --examples` first.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::go_hub::GoHub;
use crate::program::Program;

const NAME: &str = "your_plugin_name";

/// A Go hub with the example on it.
async fn hub_and_example() -> (GoHub, Program) {
    let test = std::env::current_exe().unwrap();
    let examples = test.ancestors().nth(2).unwrap().join("examples");
    let path = examples.join("plugin").with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{} is missing; `cargo build --examples` makes it", path.display());
    let mut hub = GoHub::start().await;
    let address = hub.address.to_string();
    let mut command = Command::new(path);
    command.args(["--gob", &address]);
    let mut program = Program::start(command);
    program.expect(&format!("connected as {NAME}")).await;
    hub.wait_for(NAME).await;
    (hub, program)
}

fn event(text: &str) -> Value {
    json!({"event": NAME, "payload": text})
}

pub async fn the_example_plugin_on_a_go_hub() {
    let (mut hub, mut program) = hub_and_example().await;
    let connected = hub.orders().ask(json!({"do": "connected"})).await;
    let info = json!({
        "name": NAME,
        "version": "your_plugin_version",
        "functions": {
            "ExampleMethod": {"name": "ExampleMethod", "output": {"type": "string"}},
        },
    });
    assert_eq!(connected, json!({"connected": [info]}));

    let call = json!({"do": "call", "name": NAME, "method": "ExampleMethod", "trace": "t-1"});
    let answer = hub.orders().ask(call).await;
    let expected =
        json!({"seq": 0, "trace": "t-1", "method": "ExampleMethod", "payload": "Message"});
    assert_eq!(answer, expected);
    assert_eq!(hub.notice().await, event("ExampleMethod started"));
    assert_eq!(hub.notice().await, event("ExampleMethod ended"));

    let unplug = json!({"do": "unplug", "name": NAME, "trace": "1"});
    assert_eq!(hub.orders().ask(unplug).await, json!({"ok": true}));
    // A Go hub says that when it restarts, too, so the program waits for the next one.
    program.expect("away: unplugged by the hub").await;
    program.kill().await;
    let first = json!({"disconnected": NAME, "graceful": true});
    assert_eq!(hub.shutdown().await[0], first);
}

pub async fn a_go_hub_that_shuts_down_waits_for_the_example() {
    let (mut hub, mut program) = hub_and_example().await;
    let orders = hub.orders();
    let call = tokio::spawn(async move { orders.call(NAME, "ExampleMethod", Value::Null).await });
    assert_eq!(hub.notice().await, event("ExampleMethod started"));
    let rest = hub.shutdown().await;
    assert_eq!(call.await.unwrap()["payload"], json!("Message"));
    let disconnected = json!({"disconnected": NAME, "graceful": true});
    assert_eq!(rest, [event("ExampleMethod ended"), disconnected]);
    program.expect("away: unplugged by the hub").await;
    program.kill().await;
}
