//! Plugins that are busy, and not dead.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use brpc::{Event, Limits, Plugin, Socket, plugin};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::support::{LONG, open};

/// Blocks the thread in an async method, until it is told to go on.
struct Blocker(std::sync::Mutex<mpsc::Receiver<()>>);

#[plugin]
impl Blocker {
    pub async fn block(&self) {
        let _ = self.0.lock().unwrap().recv();
    }

    /// In a task of its own, since it waits first.
    pub async fn block_later(&self) {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let _ = self.0.lock().unwrap().recv();
    }

    pub fn echo(&self, n: u64) -> u64 {
        n
    }
}

/// For more than three intervals, in real time: a thread that blocks stops no clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c05_a_plugin_whose_method_blocks_is_stuck_and_not_cut_off() {
    let mut limits = Limits::default();
    limits.heartbeat = Some(Duration::from_secs(1));
    let hub = Socket::builder().limits(limits).build();
    let mut events = hub.events();
    let (go_on, waits) = mpsc::channel();
    let plugin = Plugin::new(Blocker(std::sync::Mutex::new(waits))).name("blocker");
    let session = open(&hub, &plugin).await.unwrap();
    let run = tokio::spawn(session.run());
    let Some(Event::Connected(blocker)) = events.next().await else { panic!() };
    assert_eq!(blocker.stuck(), None);
    let blocking = tokio::spawn(hub.call::<()>("blocker", "block", &()).timeout(LONG));
    let event = events.next().await;
    let Some(Event::Stuck(plugin, Some(stuck))) = event else { panic!("{event:?}") };
    assert_eq!((&plugin, plugin.end()), (&blocker, None));
    assert!(blocker.stuck() >= Some(stuck));
    assert!(hub.plugin_info("blocker").unwrap().stuck >= Some(stuck));
    // The heartbeats say it for longer than anybody who is silent may live.
    while blocker.stuck().is_some_and(|stuck| stuck < Duration::from_secs(5)) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(blocker.end(), None);
    // What was sent meanwhile is answered when it goes on.
    let waiting = tokio::spawn(hub.call::<u64>("blocker", "echo", &7).timeout(LONG));
    go_on.send(()).unwrap();
    assert_eq!(blocking.await.unwrap(), Ok(()));
    assert_eq!(waiting.await.unwrap(), Ok(7));
    let event = events.next().await;
    assert!(matches!(event, Some(Event::Stuck(_, None))), "{event:?}");
    assert_eq!(blocker.stuck(), None);
    assert_eq!(hub.plugin_info("blocker").unwrap().stuck, None);
    assert_eq!(hub.call::<u64>("blocker", "echo", &8).await, Ok(8));
    run.abort();
}

/// A plugin's process that has nothing else to do: a runtime of its own, of a few threads, which all
/// sleep but one.
fn idle_process(address: std::net::SocketAddr, waits: mpsc::Receiver<()>) -> Runtime {
    let threads =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = threads.unwrap();
    let plugin = Plugin::new(Blocker(std::sync::Mutex::new(waits))).name("blocker");
    runtime.spawn(async move { plugin.connect(address).await.unwrap().run().await });
    runtime
}

/// Tokio has one thread wait for sockets and timers, and wakes no other when a task blocks that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_blocks_the_only_thread_awake_doesnt_end_its_connection() {
    for method in ["block", "block_later"] {
        let mut limits = Limits::default();
        limits.heartbeat = Some(Duration::from_secs(1));
        let hub = Socket::builder().limits(limits).build();
        let mut events = hub.events();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(hub.serve(listener));
        let (go_on, waits) = mpsc::channel();
        let runtime = idle_process(address, waits);
        let Some(Event::Connected(blocker)) = events.next().await else { panic!() };
        // Until all threads but one sleep.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let blocking = tokio::spawn(hub.call::<()>("blocker", method, &()).timeout(LONG));
        if method == "block" {
            let event = events.next().await;
            assert!(matches!(event, Some(Event::Stuck(_, Some(_)))), "{event:?}");
            assert!(hub.plugin_info("blocker").unwrap().stuck.is_some());
        }
        // More heartbeats than come if it was not heard.
        let mut last = None;
        for _ in 0..8 {
            while blocker.end().is_none() && blocker.round_trip() == last {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            last = blocker.round_trip();
        }
        assert_eq!(blocker.end(), None, "{method}");
        go_on.send(()).unwrap();
        assert_eq!(blocking.await.unwrap(), Ok(()));
        assert_eq!(hub.call::<u64>("blocker", "echo", &8).await, Ok(8));
        runtime.shutdown_background();
    }
}

/// Who looks after a connection keeps nothing of its runtime, whose descriptors nobody could use any
/// more.
#[test]
fn a_runtime_that_ends_is_kept_by_nobody() {
    let kept = Arc::new(());
    let inside = kept.clone();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().on_thread_stop(move || {
        let _ = &inside;
    });
    let runtime = builder.build().unwrap();
    drop(builder);
    runtime.block_on(async {
        let (_, waits) = mpsc::channel();
        let hub = Socket::default();
        let plugin = Plugin::new(Blocker(std::sync::Mutex::new(waits))).name("blocker");
        let session = open(&hub, &plugin).await.unwrap();
        tokio::spawn(session.run());
        assert_eq!(hub.call::<u64>("blocker", "echo", &7).await, Ok(7));
    });
    drop(runtime);
    assert_eq!(Arc::strong_count(&kept), 1);
}
