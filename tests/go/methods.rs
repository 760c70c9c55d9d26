//! The methods of a Go plugin, as a hub of this crate calls them.

use brpc::{CallErrorKind, DisconnectReason, Execution, ProtocolError, Socket};
use brpc_gob::Reader;
use bytes::BytesMut;
use serde_json::{Value, json};

use crate::good::{Good, serve};
use crate::program::Program;
use crate::twin::{Kept, Point, Text};
use crate::{go_plugin, toolchain};

/// A hub with a Go plugin on it, by the name of `go`.
async fn hub_and_plugin() -> (Socket, Program) {
    let (hub, address) = serve(Socket::builder()).await;
    let program = go_plugin::connect(&hub, address, "go").await;
    (hub, program)
}

async fn finish((hub, program): (Socket, Program)) {
    assert!(hub.shutdown().await.is_clean());
    go_plugin::assert_left(program).await;
}

pub async fn every_method_of_a_go_plugin() {
    let (hub, program) = hub_and_plugin().await;
    let greeting = hub.call("go", "Greet", &json!({"name": "Ada & Größe \u{1F600}"})).await;
    assert_eq!(greeting, Ok(Text { text: "Hello, Ada & Größe \u{1F600}!".to_owned() }));
    assert_eq!(hub.call("go", "Add", &json!({"a": -7, "b": 9})).await, Ok(2));
    let points = json!({"points": [{"x": 0, "y": 0}, {"x": 2.0, "y": 4.5}]});
    assert_eq!(hub.call("go", "Centre", &points).await, Ok(Point { x: 1.0, y: 2.25 }));
    let all = json!({"text": "ä\u{0}\u{2028}", "list": [1, -2.5, null, true], "of": {"": {}}});
    assert_eq!(hub.call("go", "Echo", &all).await, Ok(all));
    assert_eq!(hub.call::<()>("go", "Nothing", &()).await, Ok(()));
    assert_eq!(hub.call("go", "Who", &()).await, Ok("go".to_owned()));
    assert_eq!(hub.call("go", "Sleep", &json!({"ms": 1})).await, Ok(1));
    assert_eq!(hub.call("go", "Big", &json!({"size": 5})).await, Ok("xxxxx".to_owned()));
    assert_eq!(hub.call("go", "Emit", &json!({"count": 0})).await, Ok(0));
    // What is nil in Go is `null`, and bytes are in base64.
    assert_eq!(hub.call("go", "Keep", &json!({})).await, Ok(Kept::default()));
    let kept = || Kept { bytes: vec![1, 2], ..Kept::default() };
    assert_eq!(hub.call("go", "Keep", &kept()).await, Ok(kept()));
    // A field that is missing has its zero value in Go.
    assert_eq!(hub.call("go", "Add", &json!({"b": 9})).await, Ok(9));
    finish((hub, program)).await;
}

pub async fn errors_of_a_go_plugin() {
    let (hub, program) = hub_and_plugin().await;
    let error = hub.call::<()>("go", "Fail", &json!({"text": "no: ä"})).await.unwrap_err();
    let CallErrorKind::Method(failed) = error.kind() else { panic!("{error:?}") };
    assert_eq!((failed.code(), failed.message(), failed.data()), ("error", "no: ä", None));
    assert_eq!(error.execution(), Execution::Unknown);

    let error = hub.call::<()>("go", "Panic", &json!({"text": "oh no"})).await.unwrap_err();
    assert_eq!(error, CallErrorKind::Panicked { message: "oh no".to_owned() });
    assert_eq!(error.execution(), Execution::Completed);

    // What Go's decoder of JSON says, as it is.
    let error = hub.call::<Value>("go", "Greet", &json!({"name": 5})).await.unwrap_err();
    let said = error.method_error().unwrap().message();
    assert!(said.starts_with("json: cannot unmarshal number into Go struct field"), "{said}");
    assert_eq!(error.execution(), Execution::Unknown);

    // The hub knows the methods, and doesn't ask.
    let error = hub.call::<()>("go", "Missing", &()).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::MethodNotFound { .. }), "{error:?}");
    assert_eq!(error.execution(), Execution::Never);

    // An error without a text looks like an output without a value.
    assert_eq!(hub.call::<()>("go", "Fail", &json!({"text": ""})).await, Ok(()));
    finish((hub, program)).await;
}

pub async fn integers_of_64_bits_arrive_as_they_are() {
    let (hub, program) = hub_and_plugin().await;
    for n in [u64::MAX, (1 << 53) + 1, 0] {
        assert_eq!(hub.call::<u64>("go", "Echo", &n).await, Ok(n));
    }
    for (a, b) in [(i64::MAX - 1, 1), (i64::MIN, 0), ((1 << 53) + 1, 0)] {
        assert_eq!(hub.call::<i64>("go", "Add", &json!({"a": a, "b": b})).await, Ok(a + b));
    }
    finish((hub, program)).await;
}

const MIB: usize = 1 << 20;

/// What a message with an answer of `Big` takes besides its text: the number of its type, the call's
/// number, the method, and the text's quotes and length, each with its field's number.
const AROUND: usize = 2 + 2 + 5 + 2 + 5 + 1;

pub async fn answers_up_to_the_limit_of_a_frame() {
    let (hub, program) = hub_and_plugin().await;
    for size in [0, 1, 127, 128, 65_536, MIB - AROUND] {
        let text: String = hub.call("go", "Big", &json!({"size": size})).await.unwrap();
        assert_eq!(text.len(), size);
        assert!(text.bytes().all(|byte| byte == b'x'));
    }
    // The same the other way; the hub doesn't even send what is larger, and says so.
    let text = "x".repeat(MIB - 1_000);
    assert_eq!(hub.call("go", "Echo", &text).await, Ok(text));
    let error = hub.call::<Value>("go", "Echo", &"x".repeat(MIB)).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::InputTooLarge { limit: MIB, .. }), "{error:?}");
    finish((hub, program)).await;
}

/// A native plugin is told the limit beforehand and answers with an error. This one can't be, and
/// the rest of a message that isn't read can't be skipped without reading it.
pub async fn an_answer_beyond_the_limit_of_a_frame_ends_the_connection() {
    let good = Good::new(Socket::builder()).await;
    for size in [MIB - AROUND + 1, 2 * MIB, 100 * MIB] {
        let program = go_plugin::connect(&good.hub, good.address, "go").await;
        let error = good.hub.call::<String>("go", "Big", &json!({"size": size})).await.unwrap_err();
        let CallErrorKind::Disconnected { reason, .. } = error.kind() else { panic!("{error:?}") };
        let DisconnectReason::Protocol(ProtocolError::FrameTooLarge { size: announced, limit }) =
            reason
        else {
            panic!("{reason:?}")
        };
        assert_eq!(*limit, MIB);
        // Longer texts have longer lengths.
        assert!((size + AROUND - 1..=size + AROUND + 4).contains(announced), "{announced}");
        assert_eq!(error.execution(), Execution::Unknown);
        // It is told why, if it listens before it has sent all that nobody reads.
        let (lines, code) = program.finish().await;
        assert!(matches!(code, Some(1 | 3)), "{code:?}: {lines:?}");
        assert_eq!(lines.last().unwrap(), "closed");
    }
    good.finish().await;
}

/// The Go program repeats it in the answer, of which it keeps a copy.
pub async fn the_trace_arrives() {
    let (hub, address) = serve(Socket::builder()).await;
    let copy = toolchain::scratch("sent.bin");
    let program = go_plugin::start(address, "go", &["-capture", copy.to_str().unwrap()]);
    hub.wait_for("go", crate::scenario::GUARD).await.unwrap();
    let call = hub.call::<u64>("go", "Echo", &1).trace("t-17 ä").metadata("key", "value");
    assert_eq!(call.await, Ok(1));
    assert_eq!(hub.call::<u64>("go", "Echo", &2).await, Ok(2));
    assert!(hub.shutdown().await.is_clean());
    assert_eq!(program.finish().await.1, Some(0));

    let (mut reader, mut sent) = (Reader::new(), BytesMut::from(&std::fs::read(copy).unwrap()[..]));
    reader.plugin_info(&mut sent, MIB).unwrap().unwrap();
    for trace in ["t-17 ä", ""] {
        let answer = reader.envelope(&mut sent, MIB).unwrap().unwrap();
        assert_eq!((&*answer.method, &*answer.trace), ("Echo", trace));
    }
}
