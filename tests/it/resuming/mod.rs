//! Calls that outlive their connection.

mod cuts;
mod ends;
mod names;
mod places;

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brpc::client::{CallOptions as _, Target};
use brpc::testing::Link;
use brpc::{Call, CallError, Caller, Plugin, Socket};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::support::worker::{Journal, Worker, worker};
use crate::support::{LONG, eventually};

/// A plugin that stays connected to a hub over this link, as long as it may dial.
struct Staying {
    journal: Journal,
    link: Link,
    /// Whether it may dial.
    may_dial: Arc<AtomicBool>,
    handle: brpc::Handle,
}

impl Staying {
    async fn start(hub: &Socket) -> Self {
        let (plugin, journal) = worker("worker");
        Self::of(hub, plugin, journal).await
    }

    async fn of(hub: &Socket, plugin: Plugin<Worker>, journal: Journal) -> Self {
        let (link, may_dial) = (Link::new(), Arc::new(AtomicBool::new(true)));
        let run = plugin.run_over({
            let (hub, link, may_dial) = (hub.clone(), link.clone(), may_dial.clone());
            move || {
                let stream = may_dial.load(Ordering::SeqCst).then(|| {
                    let (ours, theirs) = link.connect();
                    hub.attach(theirs);
                    ours
                });
                async { stream.ok_or_else(|| std::io::Error::other("no way to the hub")) }
            }
        });
        let handle = run.handle();
        tokio::spawn(run.into_future());
        hub.wait_for("worker", LONG).await.unwrap();
        Self { journal, link, may_dial, handle }
    }

    /// Cuts the link, and keeps the plugin away.
    async fn leave(&self, hub: &Socket) {
        self.may_dial.store(false, Ordering::SeqCst);
        self.link.cut();
        eventually(|| hub.connected().is_empty()).await;
    }

    /// Lets the plugin come back.
    async fn come_back(&self, hub: &Socket) {
        self.may_dial.store(true, Ordering::SeqCst);
        hub.wait_for("worker", LONG).await.unwrap();
    }
}

/// A call that is made, in a task.
fn made<T: Send + serde::de::DeserializeOwned + 'static>(
    call: Call<T>,
) -> JoinHandle<Result<T, brpc::CallError>> {
    tokio::spawn(call.into_future())
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_over_the_next_connection() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let call = made(hub.call::<()>("worker", "wait", &()).resumable(LONG).timeout(None));
    eventually(|| staying.journal.started() == 1).await;
    for _ in 0..10 {
        staying.leave(&hub).await;
        assert_eq!(staying.journal.running(), 1);
        staying.come_back(&hub).await;
    }
    staying.journal.release(1);
    assert_eq!(call.await.unwrap(), Ok(()));
    assert_eq!((staying.journal.started(), staying.journal.finished()), (1, 1));
}

/// The handler ends while nobody can be told.
#[tokio::test(start_paused = true)]
async fn an_answer_is_held_until_the_hub_has_it() {
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let call = made(hub.call::<()>("worker", "wait", &()).resumable(LONG).timeout(None));
    eventually(|| staying.journal.started() == 1).await;
    staying.leave(&hub).await;
    staying.journal.release(1);
    eventually(|| staying.journal.finished() == 1).await;
    assert!(!call.is_finished());
    staying.come_back(&hub).await;
    assert_eq!(call.await.unwrap(), Ok(()));
    assert_eq!(staying.journal.started(), 1);
}

/// The default of a hub, and a call that says otherwise.
#[tokio::test(start_paused = true)]
async fn a_hub_may_have_all_its_calls_go_on() {
    let hub = Socket::builder().resumable(LONG).build();
    let staying = Staying::start(&hub).await;
    let goes_on = made(hub.call::<()>("worker", "wait", &()).timeout(None));
    let ends = made(hub.call::<()>("worker", "wait", &()).timeout(None).resumable(None));
    eventually(|| staying.journal.started() == 2).await;
    staying.leave(&hub).await;
    assert!(ends.await.unwrap().unwrap_err().is_disconnected());
    staying.come_back(&hub).await;
    eventually(|| staying.journal.running() == 1).await;
    staying.journal.release(1);
    assert_eq!(goes_on.await.unwrap(), Ok(()));
}

/// By code that knows no hub, as a typed client does; and to many plugins.
#[tokio::test(start_paused = true)]
async fn any_caller_and_a_broadcast_may_have_calls_go_on() {
    async fn wait<C: Caller>(caller: C) -> Result<(), CallError> {
        let plugin = Target::Name("worker".into());
        let call = caller.call(&plugin, "wait", &()).wait_for_plugin(LONG);
        call.resumable(LONG).timeout(None).await
    }
    let hub = Socket::default();
    let one = tokio::spawn(wait(hub.clone()));
    let staying = Staying::start(&hub).await;
    let all = hub.broadcast::<()>("wait", &()).resumable(LONG).timeout(None);
    let all = tokio::spawn(all.into_future());
    eventually(|| staying.journal.started() == 2).await;
    staying.leave(&hub).await;
    staying.come_back(&hub).await;
    staying.journal.release(2);
    assert_eq!(one.await.unwrap(), Ok(()));
    assert_eq!(all.await.unwrap()["worker"], Ok(()));
    assert_eq!(staying.journal.started(), 2);
}

/// However their windows are: each ends in another way.
#[tokio::test(start_paused = true)]
async fn no_task_waits_for_calls_that_are_no_longer_suspended() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let hub = Socket::default();
    let staying = Staying::start(&hub).await;
    let call = || hub.call::<()>("worker", "wait", &()).resumable(LONG).timeout(None);
    // Once this is answered, all tasks of the connection run.
    assert_eq!(hub.call::<u64>("worker", "echo", &1).await, Ok(1));
    let connected = tasks();

    let goes_on = made(call());
    eventually(|| staying.journal.started() == 1).await;
    staying.leave(&hub).await;
    staying.come_back(&hub).await;
    staying.journal.release(1);
    assert_eq!(goes_on.await.unwrap(), Ok(()));
    eventually(|| tasks() == connected).await;

    let dropped = made(call());
    eventually(|| staying.journal.started() == 2).await;
    staying.leave(&hub).await;
    let away = tasks();
    dropped.abort();
    // The caller's, and the one that would have ended the call.
    eventually(|| tasks() == away - 2).await;

    staying.come_back(&hub).await;
    eventually(|| staying.journal.running() == 0).await;
    let ends = made(call());
    eventually(|| staying.journal.started() == 3).await;
    staying.leave(&hub).await;
    let away = tasks();
    hub.shutdown().await;
    assert!(ends.await.unwrap().is_err());
    eventually(|| tasks() == away - 2).await;
}
