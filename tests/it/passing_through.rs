//! JSON that is passed on as it is, without being decoded.

use brpc::{CallErrorKind, Plugin, Socket};
use serde_json::value::RawValue;

use crate::support::plug;

/// Forwards calls to the plugins of another hub.
struct Gateway {
    inner: Socket,
}

#[brpc::plugin(client)]
impl Gateway {
    pub async fn forward(
        &self,
        plugin: String,
        method: String,
        input: Box<RawValue>,
    ) -> Result<Box<RawValue>, String> {
        let call = self.inner.call::<Box<RawValue>>(&plugin, &method, &input);
        call.await.map_err(|error| error.to_string())
    }

    pub fn same(&self, input: Box<RawValue>) -> Box<RawValue> {
        input
    }
}

/// A value that no number type of Rust and no order of keys would let through unchanged.
const ODD: &str = r#"{ "b" : 1e400, "a":123456789012345678901234567890, "b":[ null,  "\u00e9" ] }"#;

#[tokio::test(start_paused = true)]
async fn what_is_not_looked_into_arrives_as_it_was() {
    let hub = Socket::default();
    let _plugged = plug(&hub, &Plugin::new(Gateway { inner: Socket::default() })).await;
    let odd = RawValue::from_string(ODD.to_owned()).unwrap();
    let same = GatewayClient::new(&hub, "gateway").same(odd).await.unwrap();
    assert_eq!(same.get(), ODD);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_forwards_without_knowing_what() {
    let (outer, inner) = (Socket::default(), Socket::default());
    let _echo = plug(&inner, &Plugin::new(Gateway { inner: Socket::default() }).name("echo")).await;
    let _gateway = plug(&outer, &Plugin::new(Gateway { inner: inner.clone() })).await;
    let gateway = GatewayClient::new(&outer, "gateway");
    let forward = |plugin: &str| {
        let odd = RawValue::from_string(ODD.to_owned()).unwrap();
        gateway.forward(plugin.to_owned(), "same".to_owned(), odd)
    };
    assert_eq!(forward("echo").await.unwrap().get(), ODD);
    let error = forward("nobody").await.unwrap_err();
    assert!(
        matches!(error.kind(), CallErrorKind::Method(error) if error.message().contains("nobody"))
    );
}

/// Nothing is built of it, so only the frame limits it.
#[tokio::test(start_paused = true)]
async fn it_may_be_as_deep_and_have_as_many_values_as_a_frame_holds() {
    let hub = Socket::default();
    let _plugged = plug(&hub, &Plugin::new(Gateway { inner: Socket::default() })).await;
    let gateway = GatewayClient::new(&hub, "gateway");
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for text in [deep, format!("[{}]", vec!["1"; 200_000].join(",")), "[1,2]".to_owned()] {
        let value = RawValue::from_string(text.clone()).unwrap();
        assert!(gateway.same(value).await.unwrap().get() == text);
    }
}
