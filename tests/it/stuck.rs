//! Plugins that are busy, and not dead.

use std::sync::mpsc;
use std::time::Duration;

use brpc::{Event, Limits, Plugin, Socket, plugin};

use crate::support::{LONG, open};

/// Blocks the thread in an async method, until it is told to go on.
struct Blocker(std::sync::Mutex<mpsc::Receiver<()>>);

#[plugin]
impl Blocker {
    pub async fn block(&self) {
        let _ = self.0.lock().unwrap().recv();
    }

    pub fn echo(&self, n: u64) -> u64 {
        n
    }
}

/// For more than three intervals, in real time: a thread that blocks stops no clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_plugin_whose_method_blocks_is_stuck_and_not_cut_off() {
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
