//! How a call ends while it passes the middleware of a hub, whatever the middleware does with it.

use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brpc::middleware::hub::{Middleware, Next, Outcome, Outgoing};
use brpc::{CallErrorKind, Execution, Limits, Plugin, Scope, Socket, Stage};
use tokio::time::{Instant, sleep, timeout};

use crate::support::worker::{Journal, worker};
use crate::support::{LONG, plug, settle};

const SECOND: Duration = Duration::from_secs(1);

/// A hub with this middleware, and a worker.
async fn hub(middleware: impl Middleware<Outgoing>) -> (Socket, Journal) {
    let hub = Socket::builder().middleware(middleware).build();
    let (plugin, journal) = worker("w");
    plug(&hub, &plugin).await;
    (hub, journal)
}

/// Passes a call on in a task, after some time, and waits for it or for ever.
struct Spawning {
    after: Duration,
    waits: bool,
}

impl Middleware<Outgoing> for Spawning {
    async fn handle(&self, call: Outgoing, next: Next) -> Outcome {
        let after = self.after;
        let passed_on = tokio::spawn(async move {
            sleep(after).await;
            next.run(call).await
        });
        if self.waits { passed_on.await.unwrap() } else { pending().await }
    }
}

/// Begins a call, and doesn't go on with it.
struct Holding;

impl Middleware<Outgoing> for Holding {
    async fn handle(&self, call: Outgoing, next: Next) -> Outcome {
        let mut first = pin!(next.run(call));
        let _ = timeout(SECOND, &mut first).await;
        pending::<()>().await;
        first.await
    }
}

#[tokio::test(start_paused = true)]
async fn in_time_though_what_was_passed_on_is_held() {
    for is_spawned in [true, false] {
        let (hub, journal) = if is_spawned {
            hub(Spawning { after: Duration::ZERO, waits: false }).await
        } else {
            hub(Holding).await
        };
        let start = Instant::now();
        let outcome = timeout(LONG, hub.call::<()>("w", "wait", &()).timeout(5 * SECOND)).await;
        assert_eq!(
            outcome.unwrap().unwrap_err(),
            CallErrorKind::DeadlineExceeded { stage: Stage::Sent }
        );
        assert_eq!(start.elapsed().as_secs(), 5);
        settle().await;
        assert_eq!((journal.started(), journal.dropped()), (1, 1), "the plugin was told");
    }
}

/// A call whose outcome says that it never ran, never runs.
#[tokio::test(start_paused = true)]
async fn nothing_goes_out_after_the_end() {
    let (hub, journal) = hub(Spawning { after: SECOND, waits: true }).await;
    let mut cancelled = hub.call::<()>("w", "nothing", &());
    let handle = cancelled.cancel_handle();
    let cancelled = tokio::spawn(cancelled);
    settle().await;
    handle.cancel();
    let error = cancelled.await.unwrap().unwrap_err();
    assert_eq!(error, CallErrorKind::Cancelled { stage: Stage::Queued });

    let dropped = tokio::spawn(hub.call::<()>("w", "nothing", &()));
    settle().await;
    dropped.abort();

    let late = hub.call::<()>("w", "nothing", &()).timeout(SECOND / 2).await;
    assert_eq!(late.unwrap_err().execution(), Execution::Never);
    sleep(5 * SECOND).await;
    assert_eq!(journal.started(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_passed_on_after_the_outcome() {
    #[derive(Clone, Default)]
    struct Keeping(Arc<Mutex<Option<(Outgoing, Next)>>>);

    impl Middleware<Outgoing> for Keeping {
        async fn handle(&self, call: Outgoing, next: Next) -> Outcome {
            *self.0.lock().unwrap() = Some((call, next));
            Err(CallErrorKind::Overloaded { scope: Scope::Hub, retry_after: None }.into())
        }
    }

    let keeping = Keeping::default();
    let (hub, journal) = hub(keeping.clone()).await;
    let error = hub.call::<()>("w", "nothing", &()).timeout(None).await.unwrap_err();
    assert_eq!(error.execution(), Execution::Never);
    let (call, next) = keeping.0.lock().unwrap().take().unwrap();
    let error = next.run(call).await.unwrap_err();
    assert_eq!(error, CallErrorKind::Cancelled { stage: Stage::Queued });
    assert_eq!(journal.started(), 0);
}

/// A call that waits for its place is cancelled as it would be without middleware.
#[tokio::test(start_paused = true)]
async fn what_was_not_sent_is_taken_back() {
    let mut limits = Limits::default();
    limits.max_calls = 1;
    let middleware = Spawning { after: Duration::ZERO, waits: true };
    let hub = Socket::builder().limits(limits).middleware(middleware).build();
    let (plugin, journal) = worker("w");
    plug(&hub, &plugin).await;
    let first = tokio::spawn(hub.call::<()>("w", "wait", &()));
    sleep(SECOND).await;
    let mut second = hub.call::<()>("w", "wait", &()).queue();
    let handle = second.cancel_handle();
    let second = tokio::spawn(second);
    sleep(SECOND).await;
    handle.cancel();
    assert_eq!(
        second.await.unwrap().unwrap_err(),
        CallErrorKind::Cancelled { stage: Stage::Queued }
    );
    journal.release(2);
    assert_eq!((first.await.unwrap(), journal.started()), (Ok(()), 1));
}

#[tokio::test(start_paused = true)]
async fn with_the_hub_if_nothing_was_made_of_it() {
    let (hub, journal) = hub(Spawning { after: LONG, waits: true }).await;
    let call = tokio::spawn(hub.call::<()>("w", "nothing", &()).timeout(None));
    settle().await;
    let start = Instant::now();
    hub.shutdown().await;
    assert_eq!(call.await.unwrap().unwrap_err(), CallErrorKind::ShuttingDown);
    assert_eq!((start.elapsed().as_secs(), journal.started()), (0, 0));
}

/// Calls in flight are finished by their connection.
#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_what_is_under_way_finish() {
    let (hub, _) = hub(Spawning { after: Duration::ZERO, waits: true }).await;
    let call = tokio::spawn(hub.call::<u64>("w", "sleep", &2000).timeout(None));
    sleep(SECOND).await;
    assert!(hub.shutdown().await.is_clean());
    assert_eq!(call.await.unwrap(), Ok(2000));
}

struct Echo;

#[brpc::plugin]
impl Echo {
    pub fn size(&self, text: String) -> usize {
        text.len()
    }
}

#[tokio::test(start_paused = true)]
async fn room_is_taken_for_what_waits_and_for_what_grows() {
    struct Growing;

    impl Middleware<Outgoing> for Growing {
        async fn handle(&self, mut call: Outgoing, next: Next) -> Outcome {
            sleep(SECOND).await;
            if call.metadata.get("grow").is_some() {
                call.input = format!("{:?}", "x".repeat(900)).into();
            }
            next.run(call).await
        }
    }

    let hub = Socket::builder().max_held_bytes(1800).middleware(Growing).build();
    for name in ["a", "b"] {
        plug(&hub, &Plugin::new(Echo).name(name)).await;
    }
    let overloaded = CallErrorKind::Overloaded { scope: Scope::Hub, retry_after: None };
    let text = "x".repeat(600);
    let waits = tokio::spawn(hub.call::<usize>("a", "size", &text));
    settle().await;
    let start = Instant::now();
    assert_eq!(hub.call::<usize>("a", "size", &text).await.unwrap_err(), overloaded);
    assert_eq!((start.elapsed().as_secs(), waits.await.unwrap()), (0, Ok(600)));

    let answers = hub.broadcast::<usize>("size", "").metadata("grow", "").collect().await;
    let refused = answers
        .values()
        .filter(|answer| matches!(answer, Err(error) if *error == overloaded))
        .count();
    assert_eq!((answers.len(), refused), (2, 1));
}
