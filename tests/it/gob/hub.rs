//! The hub, with a plugin that sends by hand what a Go program would, or wouldn't.

use std::collections::HashMap;

use brpc::{
    CallError, CallErrorKind, DisconnectReason, Event, InterfaceError, ProtocolError, Socket, Wire,
};
use brpc_gob::{Entity, EnvelopeRef, Function, PluginInfo};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::raw::{Raw, call, event, info, serve};
use crate::support::peer::{Hello, Peer, kind};
use crate::support::{LONG, settle};

/// A hub, and a plugin on it with these methods.
async fn hub_and_plugin(methods: &[&str]) -> (Socket, Raw) {
    let hub = Socket::default();
    let raw = Raw::plugin(&serve(&hub), &info("go", methods)).await;
    hub.wait_for("go", LONG).await.unwrap();
    (hub, raw)
}

#[tokio::test(start_paused = true)]
async fn what_a_call_looks_like() {
    let (hub, mut raw) = hub_and_plugin(&["Greet"]).await;
    let greeting = hub.call::<Value>("go", "Greet", &json!({"name": "Ada"})).trace("t");
    let greeting = tokio::spawn(greeting.into_future());
    let heard = raw.hear().await.unwrap();
    assert_eq!((&*heard.trace, &*heard.method, &*heard.error), ("t", "Greet", ""));
    assert_eq!(heard.payload, r#"{"name":"Ada"}"#);
    raw.say(EnvelopeRef { payload: b"\"hi\"", ..heard.as_ref() }).await;
    assert_eq!(greeting.await.unwrap().unwrap(), json!("hi"));
}

/// The original leaves the input in the answer of a method that panicked.
#[tokio::test(start_paused = true)]
async fn an_error_counts_whatever_else_is_there() {
    let (hub, mut raw) = hub_and_plugin(&["Panic"]).await;
    let panicked = tokio::spawn(hub.call::<Value>("go", "Panic", &1).into_future());
    let heard = raw.hear().await.unwrap();
    raw.say(EnvelopeRef { error: "panic: boom", ..heard.as_ref() }).await;
    let error = panicked.await.unwrap().unwrap_err();
    assert_eq!(error, CallErrorKind::Panicked { message: "boom".to_owned() });
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_payload_is_nothing() {
    let (hub, mut raw) = hub_and_plugin(&["Nothing"]).await;
    let nothing = tokio::spawn(hub.call::<()>("go", "Nothing", &()).into_future());
    let heard = raw.hear().await.unwrap();
    raw.say(EnvelopeRef { payload: b"", ..heard.as_ref() }).await;
    nothing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_json_fails_its_call_alone() {
    let (hub, mut raw) = hub_and_plugin(&["Greet"]).await;
    for payload in [&b"{"[..], &"[".repeat(100_000).into_bytes(), b"\xFF"] {
        let garbled = tokio::spawn(hub.call::<Value>("go", "Greet", &()).into_future());
        let heard = raw.hear().await.unwrap();
        raw.say(EnvelopeRef { payload, ..heard.as_ref() }).await;
        let error = garbled.await.unwrap().unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::InvalidOutput { .. }), "{error:?}");
    }
    assert_eq!(hub.connected().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_no_call_ends_the_connection_with_its_reason() {
    let hub = Socket::default();
    let mut events = hub.events();
    let mut raw = Raw::plugin(&serve(&hub), &info("go", &["Greet"])).await;
    events.next().await;
    raw.say(call(5, "Greet", b"1")).await;
    let Some(Event::Disconnected(_, reason)) = events.next().await else { panic!() };
    assert_eq!(reason, DisconnectReason::Protocol(ProtocolError::UnknownCall));
    assert!(raw.refusal().await.contains("never sent"), "a Go program logs it");
}

/// What a Go program writes for nothing, for a slice or a map that is nil, and for bytes.
#[tokio::test(start_paused = true)]
async fn outputs_and_events_are_decoded_as_go_writes_them() {
    async fn output<T: serde::de::DeserializeOwned + Send + 'static>(
        hub: &Socket,
        raw: &mut Raw,
        payload: &str,
    ) -> Result<T, CallError> {
        let call = tokio::spawn(hub.call::<T>("go", "Get", &()).into_future());
        let seq = raw.expect("Get").await.seq;
        raw.say(EnvelopeRef { payload: payload.as_bytes(), ..super::raw::call(seq, "Get", b"") })
            .await;
        call.await.unwrap()
    }
    let (hub, mut raw) = hub_and_plugin(&["Get"]).await;
    assert_eq!(output(&hub, &mut raw, "{}").await, Ok(()));
    assert_eq!(output(&hub, &mut raw, "null").await, Ok(Vec::<String>::new()));
    assert_eq!(output(&hub, &mut raw, "null").await, Ok(None::<Vec<u8>>));
    assert_eq!(
        output(&hub, &mut raw, r#"{"a":null}"#).await,
        Ok(HashMap::from([('a', Vec::<u8>::new())]))
    );
    assert_eq!(output(&hub, &mut raw, r#""AQI=""#).await, Ok(vec![1_u8, 2]));
    // Who asks for anything gets what is there.
    let all = json!([{}, null, "AQI="]);
    assert_eq!(output(&hub, &mut raw, &all.to_string()).await, Ok(all));
    let error = output::<Vec<u64>>(&hub, &mut raw, r#""AQI=""#).await.unwrap_err();
    assert!(error.to_string().contains("expected a sequence"), "{error}");

    let mut events = hub.events();
    raw.say(event(b"null")).await;
    let Some(Event::Message(message)) = events.next().await else { panic!() };
    assert_eq!(message.decode(), Ok(Vec::<u8>::new()));
}

/// A Go string holds any bytes, and an error's text is often that of another system.
#[tokio::test(start_paused = true)]
async fn an_error_that_is_not_utf8_fails_its_call_alone() {
    let (hub, mut raw) = hub_and_plugin(&["Fail"]).await;
    let fail = || tokio::spawn(hub.call::<()>("go", "Fail", &()).into_future());
    let (first, second) = (fail(), fail());
    for (seq, text) in [(1, &b"caf\xE9"[..]), (2, b"panic: \xFF")] {
        raw.expect("Fail").await;
        raw.fail(seq, text).await;
    }
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(error.method_error().unwrap().message(), "caf\u{FFFD}");
    let error = second.await.unwrap().unwrap_err();
    assert_eq!(error, CallErrorKind::Panicked { message: "\u{FFFD}".to_owned() });
    assert_eq!(hub.connected().len(), 1);
}

/// What the two reserved words mean on the wire, a method of that name could never be called.
#[tokio::test(start_paused = true)]
async fn methods_that_the_wire_has_other_uses_for_are_left_out() {
    let (hub, mut raw) = hub_and_plugin(&["Async", "Greet", "Shutdown"]).await;
    let functions = hub.plugin_info("go").unwrap().functions;
    assert_eq!(functions.iter().map(|function| &*function.name).collect::<Vec<_>>(), ["Greet"]);
    for method in ["Async", "Shutdown"] {
        let error = hub.call::<()>("go", method, &()).await.unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::MethodNotFound { .. }));
    }
    drop(tokio::spawn(hub.call::<()>("go", "Greet", &()).into_future()));
    raw.expect("Greet").await;
}

#[tokio::test(start_paused = true)]
async fn descriptions_become_schemas() {
    let input: Entity = serde_json::from_value(json!({
        "type": "struct",
        "fields": [
            {"name": "name", "type": "string", "mandatory": true},
            {"name": "tags", "type": "[]string"},
        ],
    }))
    .unwrap();
    let output: Entity = serde_json::from_value(json!({"type": "int"})).unwrap();
    let hub = Socket::default();
    let count = Function::new("Count", Some(input), Some(output));
    let _raw = Raw::plugin(&serve(&hub), &PluginInfo::new("go", "v1 β", [count])).await;
    hub.wait_for("go", LONG).await.unwrap();
    let info = hub.plugin_info("go").unwrap();
    assert_eq!(info.version, "v1 β");
    let (input, output) = (info.functions[0].input.clone(), info.functions[0].output.clone());
    let (input, output) = (input.unwrap().to_value(), output.unwrap().to_value());
    assert_eq!(input["type"], "object");
    assert_eq!(input["required"], json!(["name"]));
    assert_eq!(input["properties"]["name"], json!({"type": "string"}));
    assert_eq!(output["type"], "integer");
}

#[brpc::client(rename_all = "PascalCase")]
trait Shop {
    async fn find(&self, item: Item) -> Vec<Item>;
    async fn list(&self) -> Vec<Item>;
    async fn stamp(&self, bytes: Vec<u8>) -> Vec<u8>;
}

#[brpc::client(rename_all = "PascalCase")]
trait OtherShop {
    async fn find(&self, item: u64) -> Vec<Item>;
}

#[derive(serde::Deserialize, schemars::JsonSchema, serde::Serialize)]
struct Item {
    name: String,
}

/// Once the Go package has described a `[]Item`, it describes an `Item` as that, too.
#[tokio::test(start_paused = true)]
async fn what_a_go_plugin_may_have_described_wrongly_is_no_difference() {
    let of = |kind: &str| -> Option<Entity> {
        let fields = json!([{"name": "name", "type": "string", "mandatory": true}]);
        let fields = if kind.ends_with("struct") { fields } else { json!([]) };
        serde_json::from_value(json!({"type": kind, "fields": fields})).unwrap()
    };
    let shop = |item| {
        let functions = [
            Function::new("Find", of(item), of("[]struct")),
            Function::new("List", None, of("[]struct")),
            Function::new("Stamp", of("[]uint8"), of("[]uint8")),
        ];
        PluginInfo::new("shop", "", functions)
    };
    for (item, is_told) in [("struct", true), ("[]struct", false), ("[][]struct", false)] {
        let hub = Socket::default();
        let _raw = Raw::plugin(&serve(&hub), &shop(item)).await;
        hub.wait_for("shop", LONG).await.unwrap();
        assert_eq!(hub.plugin_info("shop").unwrap().wire, Wire::Gob);
        match ShopClient::new(&hub, "shop").check_interface() {
            Ok(()) => assert!(is_told, "{item}"),
            Err(error) => {
                assert!(!is_told, "{item}: {error}");
                let InterfaceError::Untold(differences) = &error else { panic!("{error}") };
                assert!(differences.iter().all(|one| one.method == "Find"), "{error}");
                assert!(error.mismatches().is_empty());
            }
        }
        let error = OtherShopClient::new(&hub, "shop").check_interface().unwrap_err();
        assert_eq!(error.mismatches().len(), 1, "neither is a number: {error}");
    }
}

/// A Go program knows no such limits, and is worth more undescribed than not at all.
#[tokio::test(start_paused = true)]
async fn a_description_too_large_for_schemas_leaves_the_names() {
    let fields: Vec<_> =
        (0..15_000).map(|n| json!({"name": format!("field {n}"), "type": "[]string"})).collect();
    let large: Entity =
        serde_json::from_value(json!({"type": "struct", "fields": fields})).unwrap();
    let hub = Socket::default();
    let large = Function::new("Large", Some(large), None);
    let _raw = Raw::plugin(&serve(&hub), &PluginInfo::new("go", "", [large])).await;
    hub.wait_for("go", LONG).await.unwrap();
    let info = hub.plugin_info("go").unwrap();
    assert_eq!(info.functions[0].name, "Large");
    assert_eq!(info.functions[0].input.clone().unwrap().to_value(), json!(true));
}

/// Types are expanded wherever they are used.
#[tokio::test(start_paused = true)]
async fn many_fields_are_left_out_and_not_refused() {
    let fields: Vec<_> =
        (0..200).map(|n| json!({"name": format!("F{n}"), "type": "int"})).collect();
    let large: Entity =
        serde_json::from_value(json!({"type": "struct", "fields": fields})).unwrap();
    let methods = (0..100).map(|n| Function::new(format!("M{n:0>3}"), Some(large.clone()), None));
    let hub = Socket::default();
    let _raw = Raw::plugin(&serve(&hub), &PluginInfo::new("go", "", methods)).await;
    hub.wait_for("go", LONG).await.unwrap();
    let functions = hub.plugin_info("go").unwrap().functions;
    let inputs = functions.iter().map(|function| function.input.clone().unwrap().to_value());
    let described = inputs.filter(|input| input["type"] == "object").count();
    assert_eq!(functions.len(), 100);
    assert!((1..100).contains(&described), "{described}");
}

/// The native wire has a stricter rule for names, whoever else has such a description.
#[tokio::test(start_paused = true)]
async fn a_native_plugin_can_not_have_the_names_of_a_go_program() {
    let name = "brpc.\u{202e}x";
    let mut function = brpc::Function::new(name);
    (function.input, function.output) = (Some(true.into()), Some(true.into()));
    let description =
        brpc_proto::Description::with_names(&[function], &brpc_proto::NameRules::FREE).unwrap();
    let hub = Socket::default();
    let connector = serve(&hub);
    let _go = Raw::plugin(&connector, &info("go", &[name])).await;
    hub.wait_for("go", LONG).await.unwrap();
    let mut peer = Peer::dial(&hub);
    peer.say_hello(&Hello { digest: *description.digest(), ..Hello::new("native") }).await;
    peer.hear_preface().await;
    // The hub knows a description of this digest, and wants to see it all the same.
    assert_eq!(peer.expect(kind::ACCEPTED).await.body, [1]);
}

#[tokio::test(start_paused = true)]
async fn introductions_that_break_a_rule_are_refused_with_it() {
    let hub = Socket::default();
    let connector = serve(&hub);
    for (broken, rule) in [
        (info("", &["Greet"]), "a name is"),
        (info("a\nb", &["Greet"]), "a name is"),
        (info(&"x".repeat(129), &["Greet"]), "a name is"),
        (PluginInfo::new("go", "\u{1b}[31m", []), "a version is"),
        (info("go", &["a\0b"]), "method number 0"),
    ] {
        let mut raw = Raw::plugin(&connector, &broken).await;
        let said = raw.refusal().await;
        assert!(said.contains(rule), "{said}");
    }
    let many: Vec<_> = (0..1_025).map(|n| format!("m{n}")).collect();
    let many: Vec<_> = many.iter().map(|name| &**name).collect();
    let mut raw = Raw::plugin(&connector, &info("go", &many)).await;
    assert!(raw.refusal().await.contains("1024 functions"));
    assert!(hub.connected().is_empty());
}

/// The hub takes as many events as there is room for and reads no more, so answers behind them wait
/// too; nothing is lost, and nothing grows.
#[tokio::test(start_paused = true)]
async fn a_flood_of_events_is_held_back() {
    let mut limits = brpc::Limits::default();
    limits.event_credit = 8;
    let hub = Socket::builder().limits(limits).build();
    let mut events = hub.events().capacity(4).wait();
    let mut raw = Raw::plugin(&serve(&hub), &info("go", &["Greet"])).await;
    hub.wait_for("go", LONG).await.unwrap();
    let greeting = tokio::spawn(hub.call::<u64>("go", "Greet", &()).into_future());
    let seq = raw.expect("Greet").await.seq;
    let flood = tokio::spawn(async move {
        for number in 0..50_000_u32 {
            raw.say(event(format!("{number:>100}").as_bytes())).await;
        }
        raw.say(call(seq, "Greet", b"7")).await;
        raw
    });
    settle().await;
    // Far longer than a peer may take for the rest of a message: nothing is due from a peer that is
    // held back.
    tokio::time::sleep(LONG / 120).await;
    assert!(!flood.is_finished(), "the transport is full");
    assert_eq!(hub.connected().len(), 1);
    let Some(Event::Connected(_)) = events.next().await else { panic!() };
    for number in 0..50_000_u32 {
        let Some(Event::Message(message)) = events.next().await else { panic!() };
        assert_eq!(message.decode(), Ok(number));
    }
    assert!(greeting.await.unwrap().is_err(), "its time was over meanwhile");
    let _raw = flood.await.unwrap();
    settle().await;
    assert_eq!(hub.connected().len(), 1);
}

/// Every byte at which a real conversation can end.
#[tokio::test(start_paused = true)]
async fn cut_at_every_byte() {
    let mut writer = brpc_gob::Writer::new();
    let mut bytes = Vec::new();
    writer.plugin_info(&info("go", &["Greet"]), &mut bytes);
    let introduced = bytes.len();
    writer.envelope(event(b"1"), &mut bytes);
    writer.envelope(event(b"2"), &mut bytes);
    for cut in 0..=bytes.len() {
        let hub = Socket::default();
        let mut events = hub.events();
        let mut stream = serve(&hub).connect().await.unwrap();
        stream.write_all(&bytes[..cut]).await.unwrap();
        stream.shutdown().await.unwrap();
        settle().await;
        if cut >= introduced {
            let Some(Event::Connected(_)) = events.next().await else { panic!("{cut}") };
            loop {
                match events.next().await {
                    Some(Event::Message(_)) => {}
                    Some(Event::Disconnected(_, reason)) => {
                        use DisconnectReason::{MidFrame, Unclean};
                        assert!(matches!(reason, Unclean | MidFrame), "{cut}: {reason:?}");
                        break;
                    }
                    other => panic!("{cut}: {other:?}"),
                }
            }
        }
        assert!(hub.connected().is_empty(), "{cut}");
    }
}
