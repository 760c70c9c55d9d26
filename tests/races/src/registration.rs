//! The registration of a plugin against the end of the hub, an unplug, and another of its name.

use std::time::Duration;

use brpc_socket::{Event, Events, Socket};
use shuttle::future::{block_on, spawn};
use shuttle::thread;

use crate::explore::explore;
use crate::peer::{Journal, NAME, Peer};

/// What subscribers were told, in short. Ends with the hub's stream.
pub async fn told(mut events: Events) -> Vec<(bool, u64)> {
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Event::Connected(plugin) => told.push((true, plugin.generation())),
            Event::Disconnected(plugin, _) => told.push((false, plugin.generation())),
            _ => {}
        }
    }
    told
}

/// The name has one owner at a time: each is told to come before it is told to go, and the next one
/// after that.
pub fn check_owners(told: &[(bool, u64)]) {
    for owner in told.chunks(2) {
        let [(true, came), (false, went)] = owner else { panic!("{told:?}") };
        assert_eq!(came, went, "{told:?}");
    }
}

pub async fn live(mut peer: Peer) -> bool {
    let is_welcome = peer.is_welcome().await;
    if is_welcome {
        peer.serve(Journal::default(), 1, std::future::pending()).await;
    }
    is_welcome
}

/// A plugin is registered and asked to leave, or not registered: none stays at a hub that has shut
/// down, and the report names each that was there.
fn shut_down(peers: impl Fn(&Socket) -> Vec<Peer> + Send + Sync + 'static) {
    explore(move |_| {
        let hub = Socket::default();
        let events = spawn(told(hub.events()));
        let plugins: Vec<_> = peers(&hub).into_iter().map(|peer| spawn(live(peer))).collect();
        let report = block_on(hub.shutdown().into_future());
        assert!(hub.connected().is_empty(), "{:?} stays", hub.connected());
        for plugin in plugins {
            block_on(plugin).unwrap();
        }
        let told = block_on(events).unwrap();
        check_owners(&told);
        assert_eq!(report.plugins.len(), told.len() / 2, "{told:?}");
    });
}

#[test]
fn a_shutdown_leaves_nobody_behind() {
    shut_down(|hub| [1, 2].map(|instance| Peer::dial(hub, instance)).into());
}

/// At the moment at which it is registered.
#[test]
fn a_shutdown_leaves_nobody_behind_who_is_being_registered() {
    shut_down(|hub| {
        let mut peer = Peer::dial(hub, 1);
        block_on(peer.introduce());
        vec![peer]
    });
}

/// A hub that is dropped ends whoever comes meanwhile.
#[test]
fn a_dropped_hub_leaves_nobody_behind() {
    explore(|_| {
        let hub = Socket::default();
        let events = spawn(told(hub.events()));
        let plugin = spawn(live(Peer::dial(&hub, 1)));
        thread::spawn(move || drop(hub)).join().unwrap();
        block_on(plugin).unwrap();
        block_on(events).unwrap();
    });
}

/// Whoever waits for a plugin finds out, however close its registration is.
#[test]
fn a_plugin_that_is_waited_for_is_found() {
    explore(|_| {
        let hub = Socket::default();
        let waiting = [0, 1].map(|_| {
            let hub = hub.clone();
            spawn(async move { hub.wait_for(NAME, Duration::from_mins(1)).await })
        });
        let plugin = spawn(live(Peer::dial(&hub, 1)));
        for waiting in waiting {
            block_on(waiting).unwrap().unwrap();
        }
        block_on(async { hub.unplug(NAME).await }).unwrap();
        assert!(block_on(plugin).unwrap());
    });
}

/// Unplugged twice while it registers: it was there and is gone, or it wasn't there.
#[test]
fn an_unplugged_plugin_is_gone() {
    explore(|_| {
        let hub = Socket::default();
        let events = spawn(told(hub.events()));
        let plugin = spawn(live(Peer::dial(&hub, 1)));
        let unplugs = [0, 1].map(|_| {
            let hub = hub.clone();
            spawn(async move { hub.unplug(NAME).await })
        });
        let found = unplugs.map(|unplug| block_on(unplug).unwrap().is_ok());
        if found.contains(&true) {
            assert!(hub.connected().is_empty(), "{:?} stays", hub.connected());
            assert!(block_on(plugin).unwrap());
        }
        block_on(hub.shutdown().into_future());
        check_owners(&block_on(events).unwrap());
    });
}

/// One plugin after the other has the name, or it is refused; a call reaches its owner.
#[test]
fn a_name_has_one_owner_at_a_time() {
    explore(|_| {
        let hub = Socket::default();
        let events = spawn(told(hub.events()));
        let plugins =
            [1, 2].map(|instance| {
                let mut peer = Peer::dial(&hub, instance);
                // The second leaves as soon as it has come.
                spawn(async move {
                    if instance == 1 { live(peer).await } else { peer.is_welcome().await }
                })
            });
        let callers = [1, 2].map(|n| {
            let hub = hub.clone();
            spawn(async move { hub.call::<u64>(NAME, "echo", &n).timeout(None).await })
        });
        for (n, caller) in (1..).zip(callers) {
            if let Ok(output) = block_on(caller).unwrap() {
                assert_eq!(output, n);
            }
        }
        block_on(hub.shutdown().into_future());
        let welcome = plugins.map(|plugin| block_on(plugin).unwrap());
        let told = block_on(events).unwrap();
        check_owners(&told);
        assert_eq!(told.len() / 2, welcome.iter().filter(|is| **is).count(), "{told:?}");
    });
}
