//! A plugin that dials again and gets its name at once, against an unplug, a shutdown, and the end of
//! the connection that it gets.

use std::time::Duration;

use brpc_socket::{DisconnectReason, Socket};
use shuttle::future::{JoinHandle, block_on, spawn};

use crate::explore::explore;
use crate::peer::{Journal, NAME, Peer};
use crate::registration::{check_owners, live, told};

/// The same plugin on two connections; whether each was welcomed.
fn twice(hub: &Socket) -> [JoinHandle<bool>; 2] {
    [(), ()].map(|()| spawn(live(Peer::dial(hub, 1))))
}

/// Asked to leave on the one connection, it doesn't take its name over on the other.
#[test]
fn one_that_is_unplugged_is_not_replaced() {
    explore(|_| {
        let hub = Socket::default();
        let events = spawn(told(hub.events()));
        let plugins = twice(&hub);
        block_on(async { hub.wait_for(NAME, Duration::from_mins(1)).await }).unwrap();
        // At every moment one connection has the name.
        let report = block_on(async { hub.unplug(NAME).await }).unwrap();
        assert_eq!(report.reason, DisconnectReason::Unplugged);
        block_on(hub.shutdown().into_future());
        for plugin in plugins {
            block_on(plugin).unwrap();
        }
        check_owners(&block_on(events).unwrap());
    });
}

/// A shutdown ends both, and each that was welcomed is told of, the old one first.
#[test]
fn a_shutdown_leaves_neither_connection_behind() {
    explore(|_| {
        let hub = Socket::default();
        let events = spawn(told(hub.events()));
        let plugins = twice(&hub);
        block_on(hub.shutdown().into_future());
        assert!(hub.connected().is_empty(), "{:?} stays", hub.connected());
        let welcome = plugins.map(|plugin| block_on(plugin).unwrap());
        let told = block_on(events).unwrap();
        check_owners(&told);
        assert_eq!(told.len() / 2, welcome.iter().filter(|is| **is).count(), "{told:?}");
    });
}

/// The new connection goes as soon as it is there: the name is free afterwards, and a call ends,
/// whichever of both it was made on.
#[test]
fn a_new_connection_that_is_cut_frees_the_name() {
    explore(|_| {
        let hub = Socket::default();
        let events = spawn(told(hub.events()));
        let old = spawn(live(Peer::dial(&hub, 1)));
        block_on(async { hub.wait_for(NAME, Duration::from_mins(1)).await }).unwrap();
        let mut new = Peer::dial(&hub, 1);
        let cut = spawn(async move { new.is_welcome().await });
        let calling = hub.clone();
        let call = spawn(async move { calling.call::<u64>(NAME, "echo", &7).timeout(None).await });
        if let Ok(output) = block_on(call).unwrap() {
            assert_eq!(output, 7);
        }
        assert!(block_on(cut).unwrap(), "it has the name at once");
        assert!(block_on(old).unwrap(), "and the old one is told");
        let mut again = Peer::dial(&hub, 1);
        assert!(block_on(again.is_welcome()), "and it can come once more");
        drop(again);
        block_on(hub.shutdown().into_future());
        check_owners(&block_on(events).unwrap());
    });
}

/// A dial that was given up before the hub found it takes no name.
#[test]
fn a_dial_that_was_given_up_replaces_nobody() {
    explore(|_| {
        let hub = Socket::default();
        let mut peer = Peer::dial(&hub, 1);
        assert!(block_on(peer.is_welcome()));
        let plugin = spawn(peer.serve(Journal::default(), 1, std::future::pending()));
        // The hub knows the description by now, so a Hello is enough.
        block_on(Peer::give_up(&hub, 1));
        let call = async { hub.call::<u64>(NAME, "echo", &7).timeout(None).await };
        assert_eq!(block_on(call).unwrap(), 7);
        assert_eq!(hub.connected()[0].generation(), 1);
        block_on(hub.shutdown().into_future());
        block_on(plugin).unwrap();
    });
}

/// Nor is it told of where the name is free.
#[test]
fn a_dial_that_was_given_up_is_told_of_to_nobody() {
    explore(|_| {
        let hub = Socket::default();
        let events = spawn(told(hub.events()));
        let mut peer = Peer::dial(&hub, 1);
        assert!(block_on(peer.is_welcome()));
        drop(peer);
        // The hub knows the description by now, so a Hello is enough.
        block_on(Peer::give_up(&hub, 1));
        block_on(hub.shutdown().into_future());
        assert_eq!(block_on(events).unwrap(), [(true, 1), (false, 1)]);
    });
}
