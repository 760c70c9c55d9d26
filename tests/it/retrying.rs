//! Calls that are made again where that is safe.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brpc::middleware::hub::{Middleware, Next, Outcome, Outgoing, Retry};
use brpc::{CallErrorKind, Execution, MethodError, Plugin, Socket};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::support::peer::{Hello, Peer, kind};
use crate::support::{plug, settle};

const SECOND: Duration = Duration::from_secs(1);

/// A Hello whose first method is idempotent, or not.
fn hello(is_idempotent: bool) -> Hello<'static> {
    let mut hello = Hello::new("peer");
    if is_idempotent {
        hello.extensions.push((3, vec![1]));
    }
    hello
}

/// The metadata of the next call, and its id.
async fn metadata(peer: &mut Peer) -> (u64, Vec<(String, String)>) {
    let frame = peer.expect(kind::CALL).await;
    let mut fields = frame.fields();
    let (id, _method, _timeout, _trace) =
        (fields.number(), fields.number(), fields.number(), fields.text());
    let pairs = (0..fields.number()).map(|_| (fields.text(), fields.text())).collect();
    (id, pairs)
}

/// Counts what passes it.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl Middleware<Outgoing> for Counter {
    async fn handle(&self, call: Outgoing, next: Next) -> Outcome {
        self.0.fetch_add(1, Ordering::SeqCst);
        next.run(call).await
    }
}

/// A hub that retries, and the count of its attempts.
fn retrying() -> (Socket, Counter) {
    let attempts = Counter::default();
    let hub = Socket::builder().middleware(Retry::default()).middleware(attempts.clone()).build();
    (hub, attempts)
}

#[tokio::test(start_paused = true)]
async fn a_call_of_which_it_is_known_that_it_did_not_run_is_made_again() {
    let (hub, attempts) = retrying();
    let call = tokio::spawn(hub.call::<u8>("peer", "work", &()).timeout(10 * SECOND).into_future());
    settle().await;
    let mut peer = Peer::plugged_as(&hub, &hello(false)).await;
    let made = peer.call().await;
    peer.reply(made.id, "1").await;
    assert_eq!(call.await.unwrap(), Ok(1));
    assert_eq!(attempts.0.load(Ordering::SeqCst), 2);
    assert!((9_890..10_000).contains(&made.timeout_ms), "its time goes on: {made:?}");
}

/// The connection is lost when the call was sent: nobody knows whether it ran.
#[tokio::test(start_paused = true)]
async fn a_call_that_may_have_run_is_made_again_only_if_it_is_idempotent() {
    for (is_idempotent, expected) in [(true, 2), (false, 1)] {
        let (hub, attempts) = retrying();
        let mut old = Peer::plugged_as(&hub, &hello(is_idempotent)).await;
        let call = tokio::spawn(hub.call::<u8>("peer", "work", &()).into_future());
        let (_, first) = metadata(&mut old).await;
        drop(old);
        settle().await;
        if is_idempotent {
            let mut new = Peer::plugged_as(&hub, &hello(is_idempotent)).await;
            let (id, second) = metadata(&mut new).await;
            assert_eq!(first, second, "the same text for all attempts");
            assert_eq!((first.len(), &*first[0].0, first[0].1.len()), (1, "idempotency", 32));
            new.reply(id, "1").await;
            assert_eq!(call.await.unwrap(), Ok(1));
        } else {
            let error = call.await.unwrap().unwrap_err();
            assert_eq!((error.execution(), error.may_repeat()), (Execution::Unknown, false));
        }
        assert_eq!(attempts.0.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_again_unless_that_is_asked_for() {
    let hub = Socket::default();
    let mut peer = Peer::plugged_as(&hub, &hello(true)).await;
    let call = tokio::spawn(hub.call::<u8>("peer", "work", &()).into_future());
    assert_eq!(metadata(&mut peer).await.1, []);
    drop(peer);
    let error = call.await.unwrap().unwrap_err();
    // But a caller may know that it can.
    assert_eq!((error.execution(), error.may_repeat()), (Execution::Unknown, true));
    let error = hub.call::<u8>("peer", "work", &()).await.unwrap_err();
    assert!(error.may_repeat());
}

#[tokio::test(start_paused = true)]
async fn a_text_of_the_caller_stays() {
    let (hub, _) = retrying();
    let mut peer = Peer::plugged_as(&hub, &hello(false)).await;
    let call = hub.call::<u8>("peer", "work", &()).metadata("idempotency", "order-7");
    let call = tokio::spawn(call.into_future());
    let (id, pairs) = metadata(&mut peer).await;
    assert_eq!(pairs, [("idempotency".to_owned(), "order-7".to_owned())]);
    peer.reply(id, "1").await;
    assert_eq!(call.await.unwrap(), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn attempts_end_with_their_number_and_with_the_deadline() {
    let (hub, attempts) = retrying();
    let error = hub.call::<u8>("peer", "work", &()).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::NoPlugin { .. }));
    assert_eq!(attempts.0.swap(0, Ordering::SeqCst), 4);
    let start = Instant::now();
    let call = hub.call::<u8>("peer", "work", &()).timeout(Duration::ZERO);
    assert!(call.await.is_err());
    assert_eq!((attempts.0.load(Ordering::SeqCst), start.elapsed()), (1, Duration::ZERO));
}

/// A storm of calls to a plugin that is gone doesn't become one of four times as many.
#[tokio::test(start_paused = true)]
async fn there_are_at_most_a_tenth_more_attempts_and_ten() {
    const CALLS: usize = 1_000;
    let (hub, attempts) = retrying();
    for _ in 0..CALLS {
        hub.call::<u8>("peer", "work", &()).await.unwrap_err();
    }
    let again = attempts.0.load(Ordering::SeqCst) - CALLS;
    assert!((CALLS / 10..=CALLS / 10 + 10).contains(&again), "{again}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_not_made_again() {
    let (hub, attempts) = retrying();
    let call = tokio::spawn(hub.call::<u8>("peer", "work", &()).into_future());
    settle().await;
    call.abort();
    sleep(10 * SECOND).await;
    assert_eq!(attempts.0.load(Ordering::SeqCst), 1);
}

struct Store;

#[brpc::plugin]
impl Store {
    /// What was stored last.
    #[brpc(idempotent)]
    pub fn last(&self) -> u64 {
        7
    }

    #[brpc(idempotent, hidden, rename = "set")]
    pub async fn set_to(&self, _value: u64) -> Result<(), MethodError> {
        Err(MethodError::new("full", "it is full"))
    }

    pub fn add(&self, _value: u64) {}
}

#[tokio::test(start_paused = true)]
async fn a_plugin_says_which_of_its_methods_are_idempotent() {
    let (hub, attempts) = retrying();
    plug(&hub, &Plugin::new(Store)).await;
    let functions = hub.plugin_info("store").unwrap().functions;
    let said: Vec<_> = functions.iter().map(|it| (&*it.name, it.idempotent)).collect();
    assert_eq!(said, [("last", true), ("set", true), ("add", false)]);
    assert_eq!(functions, Plugin::new(Store).functions().unwrap());
    let text = serde_json::to_value(&functions).unwrap();
    assert_eq!((&text[0]["idempotent"], &text[2].get("idempotent")), (&json!(true), &None));
    // Its own error is an outcome, however often it may run.
    let error = hub.call::<()>("store", "set", &1).await.unwrap_err();
    assert_eq!((error.execution(), error.may_repeat()), (Execution::Completed, false));
    assert_eq!(attempts.0.load(Ordering::SeqCst), 1);
    // A plugin can say otherwise.
    let plugin = Plugin::new(Store).name("other");
    let plugin = plugin.describe("add", |function| function.idempotent = true);
    plug(&hub, &plugin).await;
    assert!(hub.plugin_info("other").unwrap().functions[2].idempotent);
}

/// Replicas have one description, and each says by itself what it does.
#[tokio::test(start_paused = true)]
async fn of_two_with_one_description_one_may_say_so_and_the_other_not() {
    let hub = Socket::default();
    let _one = Peer::plugged_as(&hub, &hello(true)).await;
    let mut other = hello(false);
    other.name = "other";
    let _other = Peer::plugged_as(&hub, &other).await;
    let says = |name: &str| hub.plugin_info(name).unwrap().functions[0].idempotent;
    assert_eq!((says("peer"), says("other")), (true, false));
}
