use std::time::Duration;

use brpc::{AsyncHook, Event, HookError, Plugin, Socket};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::support::worker::worker;
use crate::support::{LONG, open, plug};

/// 20,000 events, of which the original reorders hundreds, read by a subscriber that at times is
/// slower than its second, after which the original drops them.
#[tokio::test(start_paused = true)]
async fn events_are_reordered_or_dropped_in_silence() {
    const COUNT: u64 = 20_000;
    let hub = Socket::default();
    let mut events = hub.events().wait();
    plug(&hub, &worker("worker").0).await;
    let range = json!({"from": 0, "to": COUNT});
    let emitting = tokio::spawn(hub.call::<()>("worker", "emit", &range).timeout(None));
    let mut expected = 0;
    while expected < COUNT {
        match events.next().await.unwrap() {
            Event::Message(message) => {
                assert_eq!(message.decode::<u64>().unwrap(), expected);
                expected += 1;
            }
            Event::Connected(_) => {}
            other => panic!("{other:?}"),
        }
        if expected % 5_000 == 0 {
            sleep(Duration::from_secs(5)).await;
        }
    }
    emitting.await.unwrap().unwrap();
}

struct Holder {
    hook: AsyncHook,
}

#[brpc::plugin]
impl Holder {
    #[brpc(hook)]
    fn take_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }

    pub fn nothing(&self) {}
}

#[tokio::test(start_paused = true)]
async fn a_hook_used_after_the_end_blocks_for_ever() {
    let hub = Socket::default();
    let plugin = Plugin::new(Holder { hook: AsyncHook::default() });
    let hook = plugin.receiver().hook.clone();
    let session = open(&hub, &plugin).await.unwrap();
    hook.emit("in time").await.unwrap();
    drop(session);
    let emitted = timeout(LONG, hook.emit("too late")).await.expect("it doesn't block");
    assert!(matches!(emitted, Err(HookError::Closed)), "{emitted:?}");
    assert!(matches!(hook.try_emit("too late"), Err(HookError::Closed)));
}

/// The same where it already waits for credit when the end comes.
#[tokio::test(start_paused = true)]
async fn a_hook_that_waits_when_the_end_comes_blocks_for_ever() {
    let hub = Socket::default();
    let _unread = hub.events().wait();
    let plugin = Plugin::new(Holder { hook: AsyncHook::default() });
    let hook = plugin.receiver().hook.clone();
    let plugged = plug(&hub, &plugin).await;
    let emitting = tokio::spawn(async move {
        loop {
            if let Err(error) = hook.emit("again").await {
                return error;
            }
        }
    });
    sleep(Duration::from_secs(1)).await;
    assert!(!emitting.is_finished());
    drop(hub);
    let error = timeout(LONG, emitting).await.expect("it doesn't block").unwrap();
    assert!(matches!(error, HookError::Closed), "{error:?}");
    plugged.end().await;
}
