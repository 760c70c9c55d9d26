//! Panics of the user's code end their call and nothing else.

use std::time::Duration;

use brpc::middleware::plugin::{Incoming, Middleware, Next};
use brpc::{Answer, CallErrorKind, Context, Execution, PanicText, Plugin, Socket};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};

use crate::support::traced::{logged, trace};
use crate::support::{Plugged, plug};

/// Panics when it is dropped.
#[derive(Deserialize, JsonSchema)]
struct Grenade {
    is_armed: bool,
}

impl Drop for Grenade {
    fn drop(&mut self) {
        assert!(!self.is_armed, "in drop");
    }
}

/// Panics when it is serialized.
struct Mine;

impl Serialize for Mine {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("in the serializer")
    }
}

impl JsonSchema for Mine {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mine".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}

/// Panics when it is deserialized.
struct Trap;

impl<'de> Deserialize<'de> for Trap {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("in the deserializer")
    }
}

impl JsonSchema for Trap {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Trap".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}

struct Fragile;

#[brpc::plugin]
impl Fragile {
    pub fn sync(&self) {
        panic!("in a sync handler")
    }

    #[brpc(blocking)]
    pub fn blocking(&self) {
        panic!("in a {} handler", "blocking")
    }

    pub async fn at_once(&self) {
        panic!("in place")
    }

    pub async fn later(&self) {
        tokio::task::yield_now().await;
        panic!("in a task")
    }

    #[brpc(no_cancel)]
    pub async fn with_a_number(&self) {
        tokio::task::yield_now().await;
        std::panic::panic_any(5_u8)
    }

    pub fn dropping(&self, _grenade: Grenade) -> u8 {
        1
    }

    pub async fn dropping_later(&self, grenade: Grenade) -> u8 {
        tokio::task::yield_now().await;
        u8::from(grenade.is_armed)
    }

    /// Dropped before its end, it drops its input.
    pub async fn never(&self, grenade: Grenade) {
        std::future::pending::<()>().await;
        drop(grenade);
    }

    pub fn serializing(&self) -> Mine {
        Mine
    }

    pub async fn serializing_later(&self) -> Mine {
        tokio::task::yield_now().await;
        Mine
    }

    pub fn deserializing(&self, _trap: Trap) {}

    pub fn fine(&self, cx: &Context) -> bool {
        cx.is_cancelled()
    }
}

async fn fragile() -> (Socket, Plugged) {
    let hub = Socket::default();
    let plugged = plug(&hub, &Plugin::new(Fragile)).await;
    (hub, plugged)
}

async fn panics_with<I: Serialize>(method: &str, input: &I, text: &str) {
    let (hub, plugged) = fragile().await;
    let error = hub.call::<()>("fragile", method, input).await.unwrap_err();
    assert_eq!(error, CallErrorKind::Panicked { message: text.to_owned() });
    assert_eq!(error.execution(), Execution::Completed);
    assert_eq!(hub.call::<bool>("fragile", "fine", &()).await, Ok(false));
    assert!(hub.unplug("fragile").await.unwrap().is_clean());
    assert!(plugged.end().await.is_graceful());
}

#[tokio::test]
async fn c03_in_a_sync_handler() {
    panics_with("sync", &(), "in a sync handler").await;
}

#[tokio::test]
async fn in_a_blocking_handler() {
    panics_with("blocking", &(), "in a blocking handler").await;
}

#[tokio::test]
async fn in_an_async_handler_before_it_waits() {
    panics_with("at_once", &(), "in place").await;
}

#[tokio::test]
async fn c03_in_an_async_handler_after_it_waited() {
    panics_with("later", &(), "in a task").await;
}

/// Panics around a method.
struct Panicking;

impl Middleware<Incoming> for Panicking {
    async fn handle(&self, call: Incoming, next: Next) -> Answer {
        next.run(call).await.map(|_| panic!("in the middleware"))
    }
}

/// The number of an incident says nothing about the panic, and is found in the plugin's log with its text.
#[tokio::test]
async fn c03_a22_a_panics_text_is_kept_where_it_should_be() {
    trace();
    let kept = Plugin::new(Fragile).panic_text(PanicText::Kept);
    let around = Plugin::new(Fragile).panic_text(PanicText::Kept).middleware(Panicking);
    let cases = [
        (&kept, "sync", "in a sync handler"),
        (&kept, "blocking", "in a blocking handler"),
        (&kept, "at_once", "in place"),
        (&kept, "later", "in a task"),
        (&kept, "serializing_later", "in the serializer"),
        (&around, "later", "in a task"),
        (&around, "fine", "in the middleware"),
    ];
    for (plugin, method, text) in cases {
        let hub = Socket::default();
        let plugged = plug(&hub, plugin).await;
        for call in [
            hub.call::<bool>("fragile", method, &()),
            hub.call("fragile", method, &()).resumable(Duration::from_secs(1)),
        ] {
            let error = call.await.unwrap_err();
            let CallErrorKind::Panicked { message } = error.kind() else { panic!("{error:?}") };
            let incident = message.strip_prefix("incident ").unwrap();
            let digits = incident.bytes().filter(u8::is_ascii_hexdigit).count();
            assert_eq!((digits, incident.len()), (16, 16), "{message}");
            let [line] = &logged("incident", format!("{incident:?}"))[..] else {
                panic!("{incident}")
            };
            assert!(line.contains(text), "{line}");
        }
        assert!(hub.unplug("fragile").await.unwrap().is_clean());
        plugged.end().await;
    }
}

#[tokio::test]
async fn without_a_text() {
    panics_with("with_a_number", &(), "a panic without a text").await;
}

#[derive(Serialize)]
struct Armed {
    is_armed: bool,
}

const ARMED: Armed = Armed { is_armed: true };

#[tokio::test]
async fn c03_in_the_drop_of_an_input() {
    panics_with("dropping", &ARMED, "in drop").await;
    panics_with("dropping_later", &ARMED, "in drop").await;
}

#[tokio::test]
async fn in_the_drop_of_the_input_of_a_handler_that_is_cancelled() {
    let (hub, plugged) = fragile().await;
    let mut call = hub.call::<()>("fragile", "never", &ARMED);
    let handle = call.cancel_handle();
    let call = tokio::spawn(call);
    crate::support::settle().await;
    handle.cancel();
    assert!(matches!(call.await.unwrap().unwrap_err().kind(), CallErrorKind::Cancelled { .. }));
    assert_eq!(hub.call::<bool>("fragile", "fine", &()).await, Ok(false));
    // All that ran has ended, or this would not be clean.
    assert!(hub.unplug("fragile").await.unwrap().is_clean());
    assert!(plugged.end().await.is_graceful());
}

#[tokio::test]
async fn c03_in_the_serializer_of_an_output() {
    panics_with("serializing", &(), "in the serializer").await;
    panics_with("serializing_later", &(), "in the serializer").await;
}

#[tokio::test]
async fn in_the_deserializer_of_an_input() {
    panics_with("deserializing", &(), "in the deserializer").await;
}

/// Panics when it is dropped, as what a panic throws.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in the drop of what was thrown");
    }
}

#[tokio::test]
async fn in_the_drop_of_what_a_panic_throws() {
    struct Thrower;

    #[brpc::plugin]
    impl Thrower {
        pub fn at_once(&self) {
            std::panic::panic_any(Bomb);
        }

        pub async fn in_place(&self) {
            std::panic::panic_any(Bomb);
        }

        pub async fn later(&self) {
            tokio::task::yield_now().await;
            std::panic::panic_any(Bomb);
        }

        #[brpc(blocking)]
        pub fn on_a_thread(&self) {
            std::panic::panic_any(Bomb);
        }
    }

    let hub = Socket::default();
    let plugged = plug(&hub, &Plugin::new(Thrower)).await;
    for method in ["at_once", "in_place", "later", "on_a_thread"] {
        let result = hub.call::<()>("thrower", method, &()).timeout(None).await;
        assert!(
            matches!(result.as_ref().unwrap_err().kind(), CallErrorKind::Panicked { .. }),
            "{method}: {result:?}"
        );
    }
    assert!(hub.unplug("thrower").await.unwrap().is_clean());
    assert!(plugged.end().await.is_graceful());
}
