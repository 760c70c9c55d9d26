//! Wakers that panic: whoever wakes them goes on, and so do all others that wait.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as TaskContext, Wake};
use std::time::Duration;

use brpc::middleware::hub::{Middleware, Next, Outcome, Outgoing};
use brpc::{AsyncHook, CallErrorKind, Context, Event, Limits, MemoryListener, Plugin, Socket};
use tokio::time::timeout;

use crate::support::peer::{Peer, kind};
use crate::support::worker::worker;
use crate::support::{LONG, plug, settle};

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("in a waker");
    }
}

/// Polls a future that must wait, in a task that panics when it is woken.
fn poll_badly<F: Future>(future: Pin<&mut F>) {
    let waker = Arc::new(Panics).into();
    assert!(future.poll(&mut TaskContext::from_waker(&waker)).is_pending());
}

/// A middleware that changes nothing.
struct Passes;

impl Middleware<Outgoing> for Passes {
    async fn handle(&self, call: Outgoing, next: Next) -> Outcome {
        next.run(call).await
    }
}

/// One that doesn't let a call through for an hour.
struct Delays;

impl Middleware<Outgoing> for Delays {
    async fn handle(&self, call: Outgoing, next: Next) -> Outcome {
        tokio::time::sleep(LONG).await;
        next.run(call).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_neither_stops_the_hub_nor_other_subscribers() {
    let hub = Socket::default();
    let (mut bad, mut good) = (hub.events(), hub.events());
    poll_badly(pin!(bad.next()));
    let plugged = plug(&hub, &worker("worker").0).await;
    assert!(matches!(good.next().await, Some(Event::Connected(_))));
    assert!(matches!(bad.next().await, Some(Event::Connected(_))), "its own events stay");
    poll_badly(pin!(bad.next()));
    plugged.kill().await;
    assert!(matches!(good.next().await, Some(Event::Disconnected(..))));
    settle().await;
    let again = plug(&hub, &worker("worker").0).await;
    assert_eq!(again.name, "worker", "the name is free");
    while bad.next().await.is_some_and(|event| !matches!(event, Event::Connected(_))) {}
    poll_badly(pin!(bad.next()));
    hub.shutdown().await;
    let rest = async { while good.next().await.is_some() {} };
    timeout(LONG, rest).await.expect("the stream ends");
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_a_plugin_stops_neither_it_nor_others() {
    let hub = Socket::default();
    let mut bad = pin!(hub.wait_for("worker", LONG));
    poll_badly(bad.as_mut());
    let others: Vec<_> = (0..32)
        .map(|_| {
            let hub = hub.clone();
            tokio::spawn(async move { hub.wait_for("worker", LONG).await })
        })
        .collect();
    settle().await;
    let begin = tokio::time::Instant::now();
    let _plugged = plug(&hub, &worker("worker").0).await;
    for other in others {
        other.await.unwrap().unwrap();
    }
    bad.await.unwrap();
    assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1));
    assert!(begin.elapsed() < LONG, "nobody waited for the end of the wait");
}

#[tokio::test(start_paused = true)]
async fn a_call_in_middleware_is_cancelled_all_the_same() {
    let hub = Socket::builder().middleware(Passes).build();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let mut call = hub.call::<u8>("peer", "work", &());
    let handle = call.cancel_handle();
    let mut call = pin!(call);
    poll_badly(call.as_mut());
    peer.call().await;
    handle.cancel();
    assert!(matches!(call.await.unwrap_err().kind(), CallErrorKind::Cancelled { .. }));
    peer.expect(kind::CANCEL).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_in_middleware_does_not_stop_a_shutdown() {
    let hub = Socket::builder().middleware(Delays).build();
    let (connector, listener) = MemoryListener::new();
    let serving = hub.serve(listener);
    let mut bad = pin!(hub.call::<u8>("peer", "work", &()).timeout(None));
    poll_badly(bad.as_mut());
    let others: Vec<_> =
        (0..32).map(|_| tokio::spawn(hub.call::<u8>("peer", "work", &()).timeout(None))).collect();
    settle().await;
    let begin = tokio::time::Instant::now();
    assert!(hub.shutdown().await.is_clean());
    for other in others {
        assert_eq!(other.await.unwrap().unwrap_err(), CallErrorKind::ShuttingDown);
    }
    assert_eq!(bad.await.unwrap_err(), CallErrorKind::ShuttingDown);
    serving.await.unwrap();
    assert!(connector.connect().await.is_err());
    assert!(begin.elapsed() < LONG, "nobody waited for the middleware");
}

/// Gives its hook to the test.
struct Talker {
    hook: AsyncHook,
}

#[brpc::plugin]
impl Talker {
    #[brpc(hook)]
    fn take_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }

    pub async fn emit(&self, number: u64) {
        self.hook.emit(&number).await.unwrap();
    }

    /// The hub's one event of credit is spent. Waits for more in a task that panics.
    pub async fn emit_badly(&self) {
        let mut emit = pin!(self.hook.emit(&0));
        poll_badly(emit.as_mut());
        std::future::pending::<()>().await;
    }

    /// Waits to be cancelled in a task that panics.
    #[brpc(no_cancel)]
    pub async fn stay_badly(&self, cx: &Context) {
        let mut cancelled = pin!(cx.cancelled());
        poll_badly(cancelled.as_mut());
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(cx.is_cancelled());
    }

    /// Adds to the metadata of the answer with a key that adds to it as well.
    pub fn add(&self, cx: &Context) {
        struct Key<'a>(&'a Context);

        impl From<Key<'_>> for String {
            fn from(key: Key<'_>) -> Self {
                key.0.add_response_metadata("first", "1").unwrap();
                "second".to_owned()
            }
        }

        cx.add_response_metadata(Key(cx), "2").unwrap();
    }
}

fn talker() -> Plugin<Talker> {
    Plugin::new(Talker { hook: AsyncHook::default() })
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_credit_does_not_stop_the_plugin() {
    let mut limits = Limits::default();
    limits.event_credit = 1;
    let hub = Socket::builder().limits(limits).build();
    let mut events = hub.events().wait();
    let _plugged = plug(&hub, &talker()).await;
    hub.call::<()>("talker", "emit", &1).await.unwrap();
    let _bad = tokio::spawn(hub.call::<()>("talker", "emit_badly", &()).timeout(None));
    settle().await;
    let good: Vec<_> =
        (2..5).map(|number| tokio::spawn(hub.call::<()>("talker", "emit", &number))).collect();
    settle().await;
    let read = tokio::spawn(async move { while events.next().await.is_some() {} });
    for good in good {
        assert_eq!(good.await.unwrap(), Ok(()));
    }
    read.abort();
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_waits_to_be_cancelled_does_not_stop_the_plugin() {
    let hub = Socket::default();
    let plugged = plug(&hub, &talker()).await;
    let call = hub.call::<()>("talker", "stay_badly", &()).timeout(Duration::from_secs(1));
    assert!(call.await.unwrap_err().is_timeout());
    hub.call::<()>("talker", "emit", &1).await.unwrap();
    assert!(hub.unplug("talker").grace(LONG).await.unwrap().is_clean());
    assert!(plugged.end().await.is_graceful());
}

#[tokio::test]
async fn a_key_that_adds_metadata_while_it_is_added_is_added() {
    let hub = Socket::default();
    let _plugged = plug(&hub, &talker()).await;
    let response = hub.call::<()>("talker", "add", &()).response().await.unwrap();
    let added: Vec<_> = response.metadata.iter().collect();
    assert_eq!(added, [("first", "1"), ("second", "2")]);
}
