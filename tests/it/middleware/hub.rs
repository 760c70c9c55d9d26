//! Middleware of a hub.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brpc::middleware::hub::{Middleware, Next, Outcome, Outgoing};
use brpc::{
    Admission, CallError, CallErrorKind, Limits, Plugin, Response, Scope, Selector, Socket, Stage,
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::two_at_once;
use crate::support::worker::{Seen, worker};
use crate::support::{plug, settle};

/// Notes when a call goes in and when it comes out.
#[derive(Clone)]
struct Noting(&'static str, Arc<Mutex<Vec<String>>>);

impl Noting {
    fn note(&self, text: &str) {
        self.1.lock().unwrap().push(format!("{} {text}", self.0));
    }
}

impl Middleware<Outgoing> for Noting {
    async fn handle(&self, call: Outgoing, next: Next) -> Outcome {
        let input = String::from_utf8(call.input.to_vec()).unwrap();
        self.note(&format!("{}/{}({input})", call.plugin_name(), call.method));
        let outcome = next.run(call).await;
        match &outcome {
            Ok(response) => self.note(std::str::from_utf8(&response.output).unwrap()),
            Err(error) => self.note(&error.to_string()),
        }
        outcome
    }
}

/// Whatever a function says.
struct Fixed<F>(F);

impl<F: Fn() -> Outcome + Send + Sync + 'static> Middleware<Outgoing> for Fixed<F> {
    async fn handle(&self, _: Outgoing, _: Next) -> Outcome {
        (self.0)()
    }
}

/// Waits so many seconds before and after.
struct Waiting(u64, u64);

impl Middleware<Outgoing> for Waiting {
    async fn handle(&self, call: Outgoing, next: Next) -> Outcome {
        if self.0 > 0 {
            sleep(Duration::from_secs(self.0)).await;
        }
        let outcome = next.run(call).await;
        if self.1 > 0 {
            sleep(Duration::from_secs(self.1)).await;
        }
        outcome
    }
}

/// A hub with this middleware, and a worker.
async fn hub(middleware: impl Middleware<Outgoing>) -> (Socket, crate::support::worker::Journal) {
    let hub = Socket::builder().middleware(middleware).build();
    let (plugin, journal) = worker("w");
    plug(&hub, &plugin).await;
    (hub, journal)
}

#[tokio::test]
async fn those_added_first_are_outermost() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let noting = |name| Noting(name, notes.clone());
    let hub = Socket::builder().middleware(noting("a")).middleware(noting("b")).build();
    let (plugin, _) = worker("w");
    plug(&hub, &plugin).await;
    assert_eq!(hub.call::<Value>("w", "echo", &json!([1])).await, Ok(json!([1])));
    assert!(hub.call::<Value>("w", "nix", &()).await.is_err());
    let notes = notes.lock().unwrap();
    let missing = "w.nix: the plugin has no method `nix`; it has: `nothing`, `echo`, `sleep`, `wait`, \
                   `stay`, `seen`, `text`, `emit`, `emit_text`";
    assert_eq!(
        notes[..],
        [
            "a w/echo([1])".to_owned(),
            "b w/echo([1])".to_owned(),
            "b [1]".to_owned(),
            "a [1]".to_owned(),
            "a w/nix(null)".to_owned(),
            "b w/nix(null)".to_owned(),
            format!("b {missing}"),
            format!("a {missing}"),
        ]
    );
}

#[tokio::test]
async fn it_can_change_a_call_and_its_response() {
    struct Changing;

    impl Middleware<Outgoing> for Changing {
        async fn handle(&self, mut call: Outgoing, next: Next) -> Outcome {
            assert_eq!((&*call.trace, call.admission), ("theirs", Admission::Wait));
            assert_eq!(call.timeout, Some(Duration::from_secs(30)));
            call.trace = "ours".to_owned();
            call.metadata.push("user", "ada");
            call.timeout = Some(Duration::from_secs(5));
            call.method = "seen".to_owned();
            let mut response = next.run(call).await?;
            response.metadata.push("seen-by", "hub");
            Ok(response)
        }
    }

    let (hub, _) = hub(Changing).await;
    let call = hub.call::<Seen>("w", "echo", &()).trace("theirs").metadata("a", "b").queue();
    let response = call.response().await.unwrap();
    let Seen { trace, metadata, remaining } = response.output;
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    assert_eq!(
        (trace, metadata),
        ("ours".to_owned(), [("a", "b"), ("user", "ada")].map(owned).into())
    );
    assert!(remaining.unwrap() <= Duration::from_secs(5));
    assert_eq!(response.metadata.get("seen-by"), Some("hub"));
}

#[tokio::test]
async fn it_can_answer_itself() {
    let overloaded = CallErrorKind::Overloaded { scope: Scope::Hub, retry_after: None };
    let error = overloaded.clone();
    let (refusing, journal) = hub(Fixed(move || Err(error.clone().into()))).await;
    assert_eq!(refusing.call::<()>("w", "nothing", &()).await.unwrap_err(), overloaded);
    assert_eq!(journal.started(), 0);
    let (caching, journal) = hub(Fixed(|| Ok(Response::new("42".into())))).await;
    assert_eq!(caching.call::<u64>("nobody", "nothing", &()).await, Ok(42));
    let error = caching.call::<String>("w", "nothing", &()).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::InvalidOutput { .. }));
    assert_eq!(journal.started(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_can_make_a_call_again() {
    struct Retrying(AtomicUsize);

    impl Middleware<Outgoing> for Retrying {
        async fn handle(&self, call: Outgoing, next: Next) -> Outcome {
            loop {
                let outcome = next.clone().run(call.clone()).await;
                let may_retry = |error: &CallError| error.execution() == brpc::Execution::Never;
                if !outcome.as_ref().is_err_and(may_retry) {
                    return outcome;
                }
                self.0.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_secs(1)).await;
            }
        }
    }

    let hub = Socket::builder().middleware(Retrying(AtomicUsize::new(0))).build();
    let start = Instant::now();
    let call = hub.call::<u64>("w", "echo", &7);
    let late = async {
        sleep(Duration::from_millis(2500)).await;
        plug(&hub, &worker("w").0).await
    };
    let (answer, _plugged) = tokio::join!(call, late);
    assert_eq!((answer, start.elapsed().as_secs()), (Ok(7), 3));
    // As long as the plugin says each time that the method has not run, it has not.
    let error = hub.call::<()>("w", "sleep", "a text").timeout(Duration::from_secs(5)).await;
    assert_eq!(error.unwrap_err(), CallErrorKind::DeadlineExceeded { stage: Stage::Queued });
    // The caller's timeout covers all of them.
    let start = Instant::now();
    let error = hub.call::<()>("nobody", "echo", &()).timeout(Duration::from_millis(4500)).await;
    assert_eq!(error.unwrap_err(), CallErrorKind::DeadlineExceeded { stage: Stage::Queued });
    assert_eq!(start.elapsed().as_millis() / 100, 45);
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_in_time_whatever_the_middleware_does() {
    let second = Duration::from_secs(1);
    for (before, after, stage) in [(9, 0, Stage::Queued), (0, 9, Stage::Sent)] {
        let (hub, journal) = hub(Waiting(before, after)).await;
        let start = Instant::now();
        let outcome = hub.call::<()>("w", "nothing", &()).timeout(second).await;
        assert_eq!(outcome.unwrap_err(), CallErrorKind::DeadlineExceeded { stage });
        assert_eq!(start.elapsed().as_secs(), 1);
        assert_eq!(journal.started(), usize::from(before == 0));
    }
    // A caller without a timeout waits.
    let (hub, _) = hub(Waiting(1000, 1000)).await;
    assert_eq!(hub.call::<u64>("w", "echo", &1).timeout(None).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn how_far_a_call_had_come_is_said_by_its_connection() {
    let mut limits = Limits::default();
    limits.max_calls = 1;
    let hub = Socket::builder().limits(limits).middleware(Waiting(0, 0)).build();
    let (plugin, journal) = worker("w");
    plug(&hub, &plugin).await;
    let second = Duration::from_secs(1);
    let sent = hub.call::<()>("w", "wait", &()).timeout(second);
    let queued = hub.call::<()>("w", "wait", &()).timeout(second).queue();
    let outcomes = tokio::join!(sent, queued);
    let late = |stage| CallErrorKind::DeadlineExceeded { stage };
    assert_eq!(outcomes.0.unwrap_err(), late(Stage::Sent));
    assert_eq!(outcomes.1.unwrap_err(), late(Stage::Queued));
    assert_eq!(journal.started(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_can_not_lengthen_the_time() {
    struct Patient;

    impl Middleware<Outgoing> for Patient {
        async fn handle(&self, mut call: Outgoing, next: Next) -> Outcome {
            call.timeout = None;
            next.run(call).await
        }
    }

    let (hub, journal) = hub(Patient).await;
    let start = Instant::now();
    let outcome = hub.call::<()>("w", "wait", &()).timeout(Duration::from_secs(2)).await;
    assert_eq!(outcome.unwrap_err(), CallErrorKind::DeadlineExceeded { stage: Stage::Sent });
    assert_eq!(start.elapsed().as_secs(), 2);
    settle().await;
    assert_eq!(journal.dropped(), 1, "the plugin was told");
}

#[tokio::test(start_paused = true)]
async fn a_call_can_be_cancelled_wherever_it_is() {
    let (waiting, journal) = hub(Waiting(9, 0)).await;
    let mut call = waiting.call::<()>("w", "wait", &());
    let handle = call.cancel_handle();
    let start = Instant::now();
    // In a task, which only a wake-up brings back.
    let call = tokio::spawn(call);
    sleep(Duration::from_secs(1)).await;
    handle.cancel();
    assert_eq!(call.await.unwrap().unwrap_err(), CallErrorKind::Cancelled { stage: Stage::Queued });
    assert_eq!((start.elapsed().as_secs(), journal.started()), (1, 0));

    let (hub, journal) = hub(Waiting(0, 0)).await;
    let mut call = hub.call::<()>("w", "wait", &());
    let handle = call.cancel_handle();
    let cancel = async {
        settle().await;
        assert_eq!(journal.running(), 1);
        handle.cancel();
    };
    let (outcome, ()) = tokio::join!(call, cancel);
    assert_eq!(outcome.unwrap_err(), CallErrorKind::Cancelled { stage: Stage::Sent });
    settle().await;
    assert_eq!(journal.dropped(), 1, "the plugin was told");

    let mut call = hub.call::<()>("w", "wait", &());
    call.cancel_handle().cancel();
    assert_eq!(call.await.unwrap_err(), CallErrorKind::Cancelled { stage: Stage::Queued });
}

#[tokio::test]
async fn a_dropped_call_is_given_up() {
    let (hub, journal) = hub(Waiting(0, 0)).await;
    let mut call = Box::pin(hub.call::<()>("w", "wait", &()));
    let outcome = tokio::select! {
        biased;
        outcome = &mut call => Some(outcome),
        () = settle() => None,
    };
    assert_eq!((outcome, journal.running()), (None, 1));
    drop(call);
    settle().await;
    assert_eq!(journal.dropped(), 1);
}

#[tokio::test]
async fn each_call_of_a_broadcast_goes_through() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let hub = Socket::builder().middleware(Noting("m", notes.clone())).build();
    for name in ["x-a", "x-b", "c"] {
        plug(&hub, &worker(name).0).await;
    }
    let some = Selector::name("x-*");
    let answers = hub.broadcast::<u64>("echo", &5).to(some).collect().await;
    assert_eq!(answers.len(), 2);
    assert!(answers.values().all(|answer| *answer == Ok(5)));
    let mut notes = notes.lock().unwrap().clone();
    notes.sort();
    assert_eq!(notes, ["m 5", "m 5", "m x-a/echo(5)", "m x-b/echo(5)"]);
}

#[tokio::test(start_paused = true)]
async fn it_sees_an_instance_that_is_gone() {
    let (hub, _) = hub(Waiting(0, 0)).await;
    let [plugin] = &hub.connected()[..] else { panic!() };
    assert_eq!(hub.call_instance::<u64>(plugin, "echo", &1).await, Ok(1));
    hub.unplug("w").await.unwrap();
    let error = hub.call_instance::<u64>(plugin, "echo", &1).await.unwrap_err();
    assert!(
        matches!(error.kind(), CallErrorKind::Disconnected { stage: Stage::Queued, .. }),
        "{error:?}"
    );
}

/// As many calls at once as there are places, the others wait.
#[tokio::test(start_paused = true)]
async fn a_limit_of_calls_at_once() {
    struct AtOnce(Semaphore);

    impl Middleware<Outgoing> for AtOnce {
        async fn handle(&self, call: Outgoing, next: Next) -> Outcome {
            let _place = self.0.acquire().await.unwrap();
            next.run(call).await
        }
    }

    let (hub, journal) = hub(AtOnce(Semaphore::new(2))).await;
    two_at_once(&hub, &journal).await;
}

/// A plugin that is only called through middleware leaves nothing behind.
#[tokio::test(start_paused = true)]
async fn room_for_inputs_is_given_back() {
    let hub = Socket::builder().max_held_bytes(1000).middleware(Waiting(0, 0)).build();
    plug(&hub, &Plugin::new(Echo)).await;
    let text = "x".repeat(600);
    for _ in 0..5 {
        assert_eq!(hub.call::<usize>("echo", "size", &text).await, Ok(600));
        let answers = hub.broadcast::<usize>("size", &text).collect().await;
        assert_eq!(answers["echo"], Ok(600));
    }
    let both = tokio::join!(
        hub.call::<usize>("echo", "size", &text),
        hub.call::<usize>("echo", "size", &text),
    );
    let overloaded = CallErrorKind::Overloaded { scope: Scope::Hub, retry_after: None };
    assert_eq!((both.0, both.1.unwrap_err().kind()), (Ok(600), &overloaded));
}

struct Echo;

#[brpc::plugin]
impl Echo {
    pub fn size(&self, text: String) -> usize {
        text.len()
    }
}

/// Memory of a user's own, which asks the hub something when it is dropped.
struct Asking(Socket, Arc<AtomicUsize>);

impl AsRef<[u8]> for Asking {
    fn as_ref(&self) -> &[u8] {
        b"7"
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        // Looks at the connection of each plugin; would wait for itself if that is locked.
        let _ = self.0.wait_for("worker", Duration::ZERO).now_or_never();
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

struct Replacing(Arc<Mutex<Option<Socket>>>, Arc<AtomicUsize>);

impl Middleware<Outgoing> for Replacing {
    async fn handle(&self, mut call: Outgoing, next: Next) -> Outcome {
        let hub = self.0.lock().unwrap().clone().unwrap();
        call.input = Bytes::from_owner(Asking(hub, self.1.clone()));
        next.run(call).await
    }
}

/// However the call ends.
#[tokio::test(start_paused = true)]
async fn an_input_of_middleware_is_not_dropped_under_a_lock() {
    let (place, dropped) = (Arc::<Mutex<Option<Socket>>>::default(), Arc::default());
    let hub = Socket::builder().middleware(Replacing(place.clone(), Arc::clone(&dropped))).build();
    *place.lock().unwrap() = Some(hub.clone());
    let (plugin, journal) = worker("worker");
    let plugged = plug(&hub, &plugin).await;
    assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(7));
    let late = hub.call::<()>("worker", "wait", &()).timeout(Duration::from_secs(1)).await;
    assert!(late.is_err());
    let given_up = tokio::spawn(hub.call::<()>("worker", "wait", &()));
    settle().await;
    given_up.abort();
    settle().await;
    *place.lock().unwrap() = None;
    assert_eq!(dropped.load(Ordering::SeqCst), 3);
    drop((journal, hub));
    plugged.end().await;
}
