//! The independent plugin in Python, as a process that is called, cancelled and stopped.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use brpc::{CallError, DisconnectReason, Event, Socket};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::good::{LONG, serve};
use crate::scenario::{scenario, within};
use crate::slow::reason_of;

#[test]
fn a_plugin_in_another_language_answers_and_leaves() {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3 here");
        return;
    }
    scenario(async {
        let (hub, address) = serve(Socket::builder()).await;
        let mut events = hub.events();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/plugin.py");
        let mut python = Command::new("python3");
        python.arg(script).arg("127.0.0.1").arg(address.port().to_string()).arg("python");
        let mut python = python.stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        hub.wait_for("python", LONG).await.unwrap();
        let Some(Event::Connected(_)) = events.next().await else { panic!() };
        let Some(Event::Message(hello)) = within("its event", events.next()).await else {
            panic!()
        };
        assert_eq!(hello.decode::<Value>().unwrap(), json!({"hello": "python"}));

        // As many at once as it takes.
        let answers = (0..1_000).map(|n| hub.call::<Value>("python", "echo", &json!([n])).queue());
        for (n, answer) in join_all(answers).await.into_iter().enumerate() {
            assert_eq!(answer.unwrap(), json!([n]));
        }
        let given = json!({"code": "busy", "message": "later", "data": [1]});
        let error = hub.call::<Value>("python", "fail", &given).await.unwrap_err();
        let error = error.method_error().unwrap();
        assert_eq!(
            (error.code(), error.message(), error.data()),
            ("busy", "later", Some(&json!([1])))
        );
        let call = hub.call::<Value>("python", "sleep", &600_000);
        let error = call.timeout(Duration::from_millis(50)).await.unwrap_err();
        assert!(matches!(error, CallError::DeadlineExceeded { .. }), "{error:?}");
        // Its place is free again, or these would not fit.
        let sleeps = (0..64).map(|n| hub.call::<u64>("python", "sleep", &n).queue());
        for (n, slept) in (0..).zip(join_all(sleeps).await) {
            assert_eq!(slept, Ok(n));
        }

        let id = python.id().unwrap().to_string();
        assert!(Command::new("kill").arg(id).status().await.unwrap().success());
        assert_eq!(reason_of(&mut events, "python").await, DisconnectReason::Clean);
        assert!(within("its end", python.wait()).await.unwrap().success());
        hub.shutdown().await;
    });
}
