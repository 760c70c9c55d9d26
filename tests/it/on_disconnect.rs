//! Callbacks for plugins that have disconnected.

use std::sync::{Mutex, mpsc};

use brpc::{CallErrorKind, DisconnectReason, Socket};
use tokio::sync::mpsc::unbounded_channel;

use crate::support::worker::worker;
use crate::support::{LONG, eventually, plug};

#[tokio::test]
async fn it_is_called_for_each_plugin_in_order() {
    let hub = Socket::default();
    let (sender, mut gone) = unbounded_channel();
    hub.on_disconnect(move |plugin, reason| {
        assert!(plugin.has_ended());
        sender.send((plugin.name().to_owned(), plugin.generation(), reason)).unwrap();
    });
    let one = plug(&hub, &worker("one").0).await;
    let two = plug(&hub, &worker("two").0).await;
    hub.unplug("two").await.unwrap();
    two.end().await;
    let unplugged = DisconnectReason::Unplugged;
    assert_eq!(gone.recv().await, Some(("two".to_owned(), 2, unplugged)));
    one.kill().await;
    assert_eq!(gone.recv().await, Some(("one".to_owned(), 1, DisconnectReason::Unclean)));
    drop(hub);
    assert_eq!(gone.recv().await, None, "it goes with the hub");
}

#[tokio::test]
async fn those_that_were_not_let_in_are_not_told() {
    let hub = Socket::default();
    let (sender, mut gone) = unbounded_channel();
    hub.on_disconnect(move |plugin, _| sender.send(plugin.name().to_owned()).unwrap());
    let one = plug(&hub, &worker("one").0).await;
    assert!(crate::support::open(&hub, &worker("one").0).await.is_err());
    hub.shutdown().await;
    one.end().await;
    drop(hub);
    assert_eq!(gone.recv().await.as_deref(), Some("one"));
    assert_eq!(gone.recv().await, None);
}

/// Panics when it is dropped, too.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in the drop of what was thrown");
    }
}

#[tokio::test]
async fn c17_a_panic_in_it_is_contained() {
    let hub = Socket::default();
    let (sender, mut gone) = unbounded_channel();
    hub.on_disconnect(move |plugin, _| {
        sender.send(plugin.name().to_owned()).unwrap();
        std::panic::panic_any(Bomb);
    });
    for name in ["one", "two"] {
        plug(&hub, &worker(name).0).await.kill().await;
        assert_eq!(gone.recv().await.as_deref(), Some(name), "and it is called again");
    }
}

/// It holds nothing up: no plugin, no call, no other callback, no shutdown.
#[tokio::test]
async fn c17_one_that_blocks_holds_nothing_up() {
    let hub = Socket::default();
    let (entered, mut has_entered) = unbounded_channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    hub.on_disconnect(move |_, _| {
        entered.send(()).unwrap();
        let _ = released.lock().unwrap().recv();
    });
    let (sender, mut gone) = unbounded_channel();
    hub.on_disconnect(move |plugin, _| sender.send(plugin.name().to_owned()).unwrap());
    plug(&hub, &worker("one").0).await.kill().await;
    has_entered.recv().await.unwrap();
    for name in ["two", "three"] {
        let plugged = plug(&hub, &worker(name).0).await;
        assert_eq!(hub.call::<u8>(name, "echo", &1).await, Ok(1));
        plugged.kill().await;
    }
    for name in ["one", "two", "three"] {
        assert_eq!(gone.recv().await.as_deref(), Some(name));
    }
    assert!(hub.shutdown().await.plugins.is_empty());
    drop(release);
    for _ in ["two", "three"] {
        has_entered.recv().await.unwrap();
    }
}

/// A call from it works, or fails as it would from elsewhere; nothing is locked meanwhile.
#[tokio::test]
async fn c16_it_can_use_the_hub() {
    let hub = Socket::default();
    let (sender, mut seen) = unbounded_channel();
    let runtime = tokio::runtime::Handle::current();
    let weak = hub.clone();
    hub.on_disconnect(move |plugin, _| {
        let to_itself = runtime.block_on(weak.call::<u8>(plugin.name(), "echo", &1));
        let to_another = runtime.block_on(weak.call::<u8>("stays", "echo", &2));
        let unplugged = runtime.block_on(weak.unplug("stays").into_future()).is_ok();
        sender.send((to_itself, to_another, unplugged)).unwrap();
    });
    let stays = plug(&hub, &worker("stays").0).await;
    plug(&hub, &worker("goes").0).await.kill().await;
    let gone = CallErrorKind::NoPlugin { name: "goes".to_owned() };
    let (to_itself, to_another, unplugged) = seen.recv().await.unwrap();
    assert_eq!(to_itself.unwrap_err(), gone);
    assert_eq!((to_another, unplugged), (Ok(2), true));
    assert!(stays.end().await.is_graceful());
    eventually(|| hub.connected().is_empty()).await;
    tokio::time::timeout(LONG, hub.shutdown()).await.unwrap();
}
