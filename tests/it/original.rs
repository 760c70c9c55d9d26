//! The original's own table of tests (`brpc_test.go`), case by case.
//!
//! Its methods that can't be called (inputs and outputs that are channels, functions or
//! interfaces, and an unsuitable signature) are left out in silence there; here each is a compile
//! error, and has its test in `tests/ui/fail`.

use std::collections::HashMap;

use brpc::{CallError, CallErrorKind, Execution, Plugin, Socket};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::peer::{Peer, Writer, kind};
use crate::support::{LONG, Plugged, ROOM, plug};

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct StringParams {
    a: String,
    b: String,
}

struct TestType;

#[brpc::plugin(name = "TestPlugin", version = "v0.0.0", rename_all = "PascalCase")]
impl TestType {
    pub fn builtin(&self, number: i64) -> String {
        number.to_string()
    }

    pub fn array(&self, words: [String; 3]) -> Vec<String> {
        words.into()
    }

    pub fn slice(&self, words: Vec<String>) -> Vec<String> {
        words
    }

    pub fn r#struct(&self, params: StringParams) -> StringParams {
        StringParams { a: params.a.to_uppercase(), b: params.b.to_uppercase() }
    }

    pub fn map(&self, mut map: HashMap<String, String>) -> HashMap<String, String> {
        map.insert("C".to_owned(), "test".to_owned());
        map
    }

    pub fn interface(&self, mut any: Value) -> Result<Value, &'static str> {
        any.as_object_mut().ok_or("not an object")?.insert("C".to_owned(), "test".into());
        Ok(any)
    }

    pub fn nil(&self, params: Option<StringParams>) -> Option<StringParams> {
        params
    }

    pub fn panic(&self, params: Option<StringParams>) -> String {
        params.expect("parameters").a
    }

    pub fn no_input(&self) -> &'static str {
        "called"
    }

    #[expect(dead_code)]
    fn private_method(&self) {}
}

async fn test_plugin() -> (Socket, Plugged) {
    let hub = Socket::default();
    let plugged = plug(&hub, &Plugin::new(TestType)).await;
    (hub, plugged)
}

async fn call<I: Serialize + ?Sized>(method: &str, input: &I) -> Result<Value, CallError> {
    let (hub, _plugged) = test_plugin().await;
    hub.call("TestPlugin", method, input).await
}

#[tokio::test]
async fn the_plugin_is_found_with_its_name_and_version() {
    let (hub, plugged) = test_plugin().await;
    hub.wait_for("TestPlugin", LONG).await.unwrap();
    let connected = hub.connected();
    assert_eq!((connected[0].name(), connected[0].version()), ("TestPlugin", "v0.0.0"));
    let info = hub.plugin_info("TestPlugin").unwrap();
    let names: Vec<_> = info.functions.iter().map(|function| &*function.name).collect();
    let expected =
        ["Builtin", "Array", "Slice", "Struct", "Map", "Interface", "Nil", "Panic", "NoInput"];
    assert_eq!(names, expected);
    hub.unplug("TestPlugin").await.unwrap();
    assert!(plugged.end().await.is_graceful());
}

#[tokio::test]
async fn builtin_type() {
    assert_eq!(call("Builtin", &123).await.unwrap(), "123");
}

/// The original cuts it to the array's length. Here nothing of an input is dropped in silence.
#[tokio::test]
async fn an_array_given_too_many_elements() {
    let five = ["word a", "word b", "word c", "word d", "word e"];
    let error = call("Array", &five).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::InvalidInput { .. }), "{error:?}");
    assert_eq!(error.execution(), Execution::Never);
    let error = call("Array", &five[..2]).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::InvalidInput { .. }), "{error:?}");
    assert_eq!(call("Array", &five[..3]).await.unwrap(), json!(["word a", "word b", "word c"]));
}

#[tokio::test]
async fn slice() {
    let words = json!(["word a", "word b"]);
    assert_eq!(call("Slice", &words).await.unwrap(), words);
}

#[tokio::test]
async fn a_struct() {
    let output = call("Struct", &json!({"A": "word a", "B": "word b"})).await.unwrap();
    assert_eq!(output, json!({"A": "WORD A", "B": "WORD B"}));
}

#[tokio::test]
async fn a_map_given_a_struct() {
    let params = StringParams { a: "12.5".to_owned(), b: "1.25".to_owned() };
    let output = call("Map", &params).await.unwrap();
    assert_eq!(output, json!({"A": "12.5", "B": "1.25", "C": "test"}));
}

#[tokio::test]
async fn any() {
    let params = StringParams { a: "12.5".to_owned(), b: "1.25".to_owned() };
    let output = call("Interface", &params).await.unwrap();
    assert_eq!(output, json!({"A": "12.5", "B": "1.25", "C": "test"}));
    let error = call("Interface", &[1]).await.unwrap_err();
    assert_eq!(error.method_error().unwrap().message(), "not an object");
}

#[tokio::test]
async fn null_in_and_null_out() {
    assert_eq!(call("Nil", &Value::Null).await.unwrap(), Value::Null);
    assert_eq!(call("Nil", &()).await.unwrap(), Value::Null);
}

#[tokio::test]
async fn a_panic() {
    let error = call("Panic", &Value::Null).await.unwrap_err();
    assert_eq!(error, CallErrorKind::Panicked { message: "parameters".to_owned() });
    assert_eq!(error.execution(), Execution::Completed);
}

#[tokio::test]
async fn a_private_method() {
    for name in ["PrivateMethod", "privateMethod", "private_method"] {
        let error = call(name, &()).await.unwrap_err();
        assert!(
            matches!(error.kind(), CallErrorKind::MethodNotFound { method, .. } if method == name)
        );
        assert_eq!(error.execution(), Execution::Never);
    }
}

#[tokio::test]
async fn an_unknown_plugin() {
    let error = Socket::default().call::<Value>("UnavailablePlugin", "Builtin", &1).await;
    assert_eq!(
        error.unwrap_err(),
        CallErrorKind::NoPlugin { name: "UnavailablePlugin".to_owned() }
    );
}

/// A peer need not send `null` where there is nothing to send.
#[tokio::test]
async fn an_absent_payload_for_a_method_without_input() {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let serving = tokio::spawn(async move { Plugin::new(TestType).serve(theirs).await });
    let mut hub = Peer::new(ours);
    hub.let_in("TestPlugin").await;
    let session = serving.await.unwrap().unwrap();
    let run = tokio::spawn(session.run());
    for (id, input) in [(1, ""), (2, "null")] {
        let header = Writer::default().number(id).number(8).number(0).text("").number(0).0;
        hub.send_frame(kind::CALL, &[&header, input.as_bytes()].concat()).await;
        let reply = hub.expect(kind::REPLY).await;
        let mut fields = reply.fields();
        assert_eq!((fields.number(), fields.0), (id, &b"\"called\""[..]));
    }
    drop(hub);
    assert!(!run.await.unwrap().is_graceful());
}

#[tokio::test]
async fn a_payload_for_a_method_without_input() {
    let error = call("NoInput", &1).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::InvalidInput { .. }), "{error:?}");
    assert_eq!(call("NoInput", &()).await.unwrap(), "called");
}
