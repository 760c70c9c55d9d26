//! Middleware of a plugin.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brpc::middleware::plugin::{Incoming, Middleware, Next};
use brpc::{Answer, CallErrorKind, Context, Failure, MethodError, Plugin, Socket, Stage, Status};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::support::worker::{Journal, Worker, worker};
use crate::support::{plug, settle};

/// Notes when a call comes in and what it is answered.
#[derive(Clone)]
struct Noting(&'static str, Arc<Mutex<Vec<String>>>);

impl Middleware<Incoming> for Noting {
    async fn handle(&self, call: Incoming, next: Next) -> Answer {
        let note = |text: String| self.1.lock().unwrap().push(format!("{} {text}", self.0));
        note(format!("{}({})", call.method, String::from_utf8_lossy(&call.input)));
        let answer = next.run(call).await;
        note(match &answer {
            Ok(output) => String::from_utf8_lossy(output).into_owned(),
            Err(failure) => format!("{:?} {}", failure.status, failure.message),
        });
        answer
    }
}

/// Waits for a place.
struct AtOnce(Arc<Semaphore>);

impl Middleware<Incoming> for AtOnce {
    async fn handle(&self, call: Incoming, next: Next) -> Answer {
        let _place = self.0.acquire().await.unwrap();
        next.run(call).await
    }
}

struct Kinds;

#[brpc::plugin]
impl Kinds {
    pub fn sync(&self, input: u64) -> u64 {
        input
    }

    #[brpc(blocking)]
    pub fn blocking(&self, input: u64) -> u64 {
        input
    }

    pub async fn waiting(&self, input: u64) -> u64 {
        tokio::task::yield_now().await;
        input
    }

    pub fn panic(&self) {
        panic!("in sync");
    }

    #[brpc(blocking)]
    pub fn panic_blocking(&self) {
        panic!("in blocking");
    }

    pub async fn panic_waiting(&self) {
        tokio::task::yield_now().await;
        panic!("in async");
    }
}

/// A hub with a worker behind this middleware.
async fn behind(middleware: impl Middleware<Incoming>) -> (Socket, Journal) {
    let hub = Socket::default();
    let (plugin, journal): (Plugin<Worker>, _) = worker("w");
    plug(&hub, &plugin.middleware(middleware)).await;
    (hub, journal)
}

#[tokio::test]
async fn methods_of_all_kinds_are_behind_it() {
    let (hub, notes) = (Socket::default(), Arc::new(Mutex::new(Vec::new())));
    let noting = |name| Noting(name, notes.clone());
    let plugin = Plugin::new(Kinds).middleware(noting("a")).middleware(noting("b"));
    plug(&hub, &plugin).await;
    for method in ["sync", "blocking", "waiting"] {
        assert_eq!(hub.call::<u64>("kinds", method, &7).await, Ok(7));
        let told: Vec<_> = notes.lock().unwrap().drain(..).collect();
        assert_eq!(
            told,
            [
                format!("a {method}(7)"),
                format!("b {method}(7)"),
                "b 7".to_owned(),
                "a 7".to_owned()
            ]
        );
    }
    for (method, text) in
        [("panic", "in sync"), ("panic_blocking", "in blocking"), ("panic_waiting", "in async")]
    {
        let error = hub.call::<()>("kinds", method, &()).await.unwrap_err();
        assert_eq!(error, CallErrorKind::Panicked { message: text.to_owned() });
        let told: Vec<_> = notes.lock().unwrap().drain(..).collect();
        assert_eq!(told[2..], [format!("b Panicked {text}"), format!("a Panicked {text}")]);
    }
}

#[tokio::test]
async fn it_can_change_a_call_and_its_answer() {
    struct Changing;

    impl Middleware<Incoming> for Changing {
        async fn handle(&self, mut call: Incoming, next: Next) -> Answer {
            assert_eq!((call.context.trace(), call.context.metadata().get("a")), ("t", Some("b")));
            call.context.add_response_metadata("seen-by", "plugin").expect("it fits");
            call.input = json!({"was": *call.input}).to_string().into();
            let output = next.run(call).await?;
            Ok(json!([serde_json::from_slice::<Value>(&output).unwrap()]).to_string().into())
        }
    }

    let (hub, _) = behind(Changing).await;
    let call = hub.call::<Value>("w", "echo", &1).trace("t").metadata("a", "b");
    let response = call.response().await.unwrap();
    assert_eq!(response.output, json!([{"was": [49]}]));
    assert_eq!(response.metadata.get("seen-by"), Some("plugin"));
}

#[tokio::test]
async fn it_can_answer_itself() {
    struct Password;

    impl Middleware<Incoming> for Password {
        async fn handle(&self, call: Incoming, next: Next) -> Answer {
            match call.context.metadata().get("password") {
                Some("sesame") => next.run(call).await,
                _ => Err(Failure::new(Status::Forbidden, "say the word")),
            }
        }
    }

    let (hub, journal) = behind(Password).await;
    let error = hub.call::<()>("w", "nothing", &()).await.unwrap_err();
    assert_eq!(error, CallErrorKind::Forbidden { message: "say the word".to_owned() });
    assert_eq!((error.execution(), journal.started()), (brpc::Execution::Never, 0));
    assert_eq!(hub.call("w", "nothing", &()).metadata("password", "sesame").await, Ok(()));
    assert_eq!(journal.started(), 1);
}

#[tokio::test]
async fn its_panic_ends_its_call_and_nothing_else() {
    struct Panicking;

    impl Middleware<Incoming> for Panicking {
        async fn handle(&self, call: Incoming, next: Next) -> Answer {
            assert_ne!(call.input, "1", "not this one");
            let answer = next.run(call).await;
            assert_ne!(answer, Ok("2".into()), "not that one");
            answer
        }
    }

    let (hub, journal) = behind(Panicking).await;
    for input in [1, 2] {
        let error = hub.call::<u64>("w", "echo", &input).await.unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::Panicked { .. }), "{error:?}");
    }
    assert_eq!((hub.call("w", "echo", &3).await, journal.started()), (Ok(3), 2));
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_it_is_dropped_with_its_call() {
    let places = Arc::new(Semaphore::new(1));
    let (hub, journal) = behind(AtOnce(places.clone())).await;
    let second = Duration::from_secs(1);
    let runs = hub.call::<()>("w", "wait", &()).timeout(second * 9);
    let waits = async {
        settle().await;
        hub.call::<()>("w", "wait", &()).timeout(second).await
    };
    let release = async {
        sleep(second * 2).await;
        assert_eq!((journal.started(), places.available_permits()), (1, 0));
        journal.release(1);
    };
    let (ran, waited, ()) = tokio::join!(runs, waits, release);
    let late = CallErrorKind::DeadlineExceeded { stage: Stage::Sent };
    assert_eq!((ran, waited.unwrap_err().kind()), (Ok(()), &late));
    settle().await;
    assert_eq!((journal.started(), places.available_permits()), (1, 1));
}

/// A method that may not be dropped isn't, and neither is what is around it.
#[tokio::test(start_paused = true)]
async fn what_may_not_be_dropped_runs_to_its_end() {
    let places = Arc::new(Semaphore::new(1));
    let (hub, journal) = behind(AtOnce(places.clone())).await;
    let call = hub.call::<()>("w", "stay", &()).timeout(Duration::from_secs(1));
    assert_eq!(call.await.unwrap_err(), CallErrorKind::DeadlineExceeded { stage: Stage::Sent });
    settle().await;
    assert_eq!((journal.cancelled(), journal.running(), places.available_permits()), (1, 1, 0));
    journal.release(1);
    settle().await;
    assert_eq!((journal.finished(), places.available_permits()), (1, 1));
}

/// The middleware of a method that may not be dropped can pass a call on too late.
#[tokio::test(start_paused = true)]
async fn a_method_is_not_started_for_nobody() {
    let places = Arc::new(Semaphore::new(0));
    let (hub, journal) = behind(AtOnce(places.clone())).await;
    let call = hub.call::<()>("w", "stay", &()).timeout(Duration::from_secs(1));
    assert_eq!(call.await.unwrap_err(), CallErrorKind::DeadlineExceeded { stage: Stage::Sent });
    places.add_permits(1);
    settle().await;
    assert_eq!((journal.started(), places.available_permits()), (0, 1));
}

#[tokio::test]
async fn it_knows_what_the_method_knows() {
    struct Emitting;

    impl Middleware<Incoming> for Emitting {
        async fn handle(&self, call: Incoming, next: Next) -> Answer {
            let cx: Context = call.context.clone();
            let answer = next.run(call).await;
            cx.hook()
                .emit("done")
                .await
                .map_err(|error| Failure::new(Status::Method, error.to_string()))?;
            answer
        }
    }

    let (hub, _) = behind(Emitting).await;
    let mut events = hub.events();
    assert_eq!(hub.call("w", "echo", &3).await, Ok(3));
    let Some(brpc::Event::Message(message)) = events.next().await else { panic!() };
    assert_eq!(message.decode::<String>().unwrap(), "done");
}

/// Gives a call a second.
struct Second;

impl Middleware<Incoming> for Second {
    async fn handle(&self, call: Incoming, next: Next) -> Answer {
        let late = |_| Err(Failure::new(Status::Method, "late"));
        tokio::time::timeout(Duration::from_secs(1), next.run(call)).await.unwrap_or_else(late)
    }
}

/// A method that may not be dropped runs to its end also if the middleware drops it, and keeps its
/// call's place.
#[tokio::test(start_paused = true)]
async fn a_method_that_is_dropped_by_middleware_and_may_not_be_runs_on() {
    let (hub, journal) = behind(Second).await;
    let dropped = hub.call::<()>("w", "wait", &()).await.unwrap_err();
    assert_eq!(dropped.method_error().map(MethodError::message), Some("late"));
    settle().await;
    assert_eq!((journal.started(), journal.dropped()), (1, 1));

    let stays = tokio::spawn(hub.call::<()>("w", "stay", &()));
    sleep(Duration::from_secs(5)).await;
    assert!(!stays.is_finished());
    journal.release(1);
    let error = stays.await.unwrap().unwrap_err();
    assert_eq!(error.method_error().map(MethodError::message), Some("late"));
    assert_eq!(journal.finished(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_it_does_not_keep_a_plugin_from_leaving() {
    struct Stuck;

    impl Middleware<Incoming> for Stuck {
        async fn handle(&self, _: Incoming, _: Next) -> Answer {
            std::future::pending().await
        }
    }

    let hub = Socket::default();
    let plugged = plug(&hub, &worker("w").0.middleware(Stuck)).await;
    let call = tokio::spawn(hub.call::<()>("w", "stay", &()).timeout(None));
    settle().await;
    let report = hub.unplug("w").grace(Duration::from_secs(1)).await.unwrap();
    assert!(report.overstayed);
    assert!(call.await.unwrap().unwrap_err().is_disconnected());
    plugged.end().await;
}

/// A method is waited for also if the middleware passed its call on elsewhere.
#[tokio::test(start_paused = true)]
async fn a_method_that_is_run_elsewhere_is_one_of_its_session() {
    struct Spawning;

    impl Middleware<Incoming> for Spawning {
        async fn handle(&self, call: Incoming, next: Next) -> Answer {
            tokio::spawn(next.run(call));
            std::future::pending().await
        }
    }

    let hub = Socket::default();
    let (plugin, journal) = worker("w");
    let plugged = plug(&hub, &plugin.middleware(Spawning)).await;
    let call = tokio::spawn(hub.call::<()>("w", "wait", &()).timeout(None));
    settle().await;
    assert_eq!(journal.running(), 1);
    hub.unplug("w").grace(Duration::from_secs(1)).await.unwrap();
    let handle = plugged.handle.clone();
    plugged.end().await;
    handle.finished().await;
    assert_eq!((journal.running(), journal.dropped()), (0, 1));
    assert!(call.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_started_after_the_answer() {
    struct Late;

    impl Middleware<Incoming> for Late {
        async fn handle(&self, call: Incoming, next: Next) -> Answer {
            tokio::spawn(async move {
                sleep(Duration::from_secs(1)).await;
                next.run(call).await
            });
            Err(Failure::new(Status::Overloaded, ""))
        }
    }

    let (hub, journal) = behind(Late).await;
    let error = hub.call::<()>("w", "nothing", &()).await.unwrap_err();
    assert_eq!(error.execution(), brpc::Execution::Never);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(journal.started(), 0);
}
