//! Who is connected, and who was lately.

use std::time::Duration;

use brpc::{DisconnectReason, Presence, Socket};
use tokio::time::{Instant, sleep};

use crate::support::peer::{Hello, Peer};
use crate::support::worker::worker;
use crate::support::{eventually, plug};

/// The names of all, with the reason of those that are away.
fn presence(hub: &Socket) -> Vec<(String, Option<DisconnectReason>)> {
    let all = hub.presence().into_iter().map(|presence| {
        let name = presence.plugin().name().to_owned();
        match presence {
            Presence::Connected(_) => (name, None),
            Presence::Away { reason, .. } => (name, Some(reason)),
            other => panic!("{other:?}"),
        }
    });
    all.collect()
}

#[tokio::test(start_paused = true)]
async fn those_who_went_are_away_with_the_reason_and_the_time() {
    let hub = Socket::default();
    assert_eq!(hub.presence(), []);
    let (one, two) = (plug(&hub, &worker("one").0).await, plug(&hub, &worker("two").0).await);
    let plugins = hub.connected();
    let there: Vec<_> = plugins.iter().cloned().map(Presence::Connected).collect();
    assert_eq!(hub.presence(), there);
    sleep(Duration::from_secs(7)).await;
    let unplugged = Instant::now().into_std();
    hub.unplug("one").await.unwrap();
    drop(one);
    sleep(Duration::from_secs(2)).await;
    two.kill().await;
    eventually(|| hub.connected().is_empty()).await;
    let [Presence::Away { plugin, reason, since }, Presence::Away { .. }] = &hub.presence()[..]
    else {
        panic!("{:?}", hub.presence())
    };
    assert_eq!((plugin, *reason), (&plugins[0], DisconnectReason::Unplugged));
    assert!(*since - unplugged < Duration::from_secs(1));
    let lost = DisconnectReason::Unclean;
    let away = |name: &str, reason| (name.to_owned(), reason);
    let both = [away("one", Some(DisconnectReason::Unplugged)), away("two", Some(lost))];
    assert_eq!(presence(&hub), both);
    // Another one has the name, so nobody of that name is away.
    plug(&hub, &worker("two").0).await;
    assert_eq!(presence(&hub), [both[0].clone(), away("two", None)]);
    hub.shutdown().await;
    assert_eq!(presence(&hub), [both[0].clone(), away("two", Some(DisconnectReason::Shutdown))]);
}

#[tokio::test(start_paused = true)]
async fn one_whose_connection_is_replaced_is_there() {
    let hub = Socket::default();
    let (plugin, _) = worker("worker");
    let _old = plug(&hub, &plugin).await;
    let _new = plug(&hub, &plugin).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(presence(&hub), [("worker".to_owned(), None)]);
}

/// The reason is that of its last connection, whatever was refused since.
#[tokio::test(start_paused = true)]
async fn one_that_fell_silent_and_one_that_is_refused_are_away_with_their_reasons() {
    let hub = Socket::default();
    let _silent = Peer::plugged_as(&hub, &Hello::new("peer").heartbeats()).await;
    sleep(Duration::from_secs(20)).await;
    assert!(hub.connected().is_empty());
    let reason = presence(&hub)[0].1.unwrap();
    assert!(matches!(reason, DisconnectReason::HeartbeatTimeout { .. }), "{reason:?}");
    let since = |presence: &[Presence]| match presence {
        [Presence::Away { since, .. }] => *since,
        other => panic!("{other:?}"),
    };
    let before = since(&hub.presence());
    hub.unplug("peer").await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let mut refused = Peer::dial(&hub);
    refused.say_hello(&Hello::new("peer").heartbeats()).await;
    refused.hear_preface().await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(presence(&hub), [("peer".to_owned(), Some(reason))]);
    assert_eq!(since(&hub.presence()), before);
}

/// A look while the end of a plugin is reported finds it either there or away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_either_there_or_away() {
    let hub = Socket::default();
    let (plugin, _) = worker("worker");
    plug(&hub, &plugin).await.kill().await;
    let looking = hub.clone();
    let look = tokio::task::spawn_blocking(move || {
        while !looking.presence().is_empty() {
            let all = looking.presence();
            if all.len() == 2 {
                return true;
            }
            assert_eq!(all.len(), 1, "{all:?}");
        }
        false
    });
    for _ in 0..200 {
        let plugged = plug(&hub, &plugin).await;
        plugged.kill().await;
        eventually(|| hub.connected().is_empty()).await;
    }
    plug(&hub, &worker("end").0).await;
    assert!(look.await.unwrap());
}
