//! Plugins that are unplugged while they can't be told: they are told when they dial.

use std::future::IntoFuture as _;
use std::time::Duration;

use brpc::testing::Link;
use brpc::{
    AwayReason, ConnectError, DisconnectReason, EndReason, Event, Presence, RefusalCode, RunState,
    Socket, UnplugError,
};

use super::{SECOND, Staying, stay};
use crate::support::peer::{Hello, Peer, kind, refusal};
use crate::support::worker::worker;
use crate::support::{eventually, open, plug, settle};

/// How it ended: unplugged, and to stay away.
fn is_for_good(ended: &EndReason) -> bool {
    matches!(ended, EndReason::Unplugged { retry_after: None, .. })
}

/// A plugin that is away: its link is lost, and it waits before it dials.
async fn away(hub: &Socket, link: &Link) -> Staying {
    loop {
        let mut staying = stay(hub, link);
        staying.connected().await;
        link.cut();
        staying.away().await;
        eventually(|| hub.connected().is_empty()).await;
        if let Some(RunState::Connecting { after, .. }) = staying.states.next().await
            && after > SECOND / 10
        {
            return staying;
        }
        // It would be back too soon.
        staying.handle.stop(Duration::ZERO);
        staying.ended().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_away_is_told_when_it_dials() {
    let (hub, link) = (Socket::default(), Link::new());
    let staying = away(&hub, &link).await;
    let report = hub.unplug("worker").await.unwrap();
    assert_eq!((report.reason, report.cut), (DisconnectReason::Unclean, 0));
    assert!(is_for_good(&staying.ended().await.unwrap()));
    assert!(matches!(hub.presence()[..], [Presence::Away { .. }]));
    // Another one of that name is not meant.
    plug(&hub, &worker("worker").0).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_away_is_told_when_to_come_back() {
    let (hub, link) = (Socket::default(), Link::new());
    let mut staying = away(&hub, &link).await;
    let (begun, wait) = (tokio::time::Instant::now(), 90 * SECOND);
    hub.unplug("worker").retry_after(wait).await.unwrap();
    let AwayReason::NotConnected(error) = staying.away().await else { panic!() };
    let ConnectError::Refused(refused) = &*error else { panic!("{error:?}") };
    assert_eq!(refused.code, RefusalCode::Unplugged);
    let left = refused.retry_after.unwrap();
    assert!(left + 2 * SECOND > wait && left < wait, "{left:?}");
    staying.connected().await;
    assert!(begun.elapsed() >= wait);
    // That was for once.
    link.cut();
    staying.away().await;
    staying.connected().await;
}

#[tokio::test(start_paused = true)]
async fn the_last_word_counts() {
    let (hub, link) = (Socket::default(), Link::new());
    let mut staying = away(&hub, &link).await;
    hub.unplug("worker").await.unwrap();
    hub.unplug("worker").retry_after(Duration::ZERO).await.unwrap();
    staying.connected().await;
}

/// It has read the Drain or not, and the hub the end of its last call or not.
#[tokio::test(start_paused = true)]
async fn one_whose_link_breaks_before_it_has_left_stays_away() {
    for is_stalled in [false, true] {
        let (hub, link) = (Socket::default(), Link::new());
        let mut staying = stay(&hub, &link);
        staying.connected().await;
        let call = tokio::spawn(hub.call::<()>("worker", "wait", &()).into_future());
        eventually(|| staying.journal.running() == 1).await;
        if is_stalled {
            link.stall();
        }
        let unplug = tokio::spawn(hub.unplug("worker").into_future());
        settle().await;
        link.cut();
        link.resume();
        assert!(call.await.unwrap().unwrap_err().is_disconnected());
        let report = unplug.await.unwrap().unwrap();
        assert_eq!((report.reason, report.cut), (DisconnectReason::Unclean, 1));
        assert!(is_for_good(&staying.ended().await.unwrap()));
        assert!(hub.connected().is_empty());
    }
}

/// Nor does it get its name while it is asked to leave on a connection that is dead.
#[tokio::test(start_paused = true)]
async fn one_that_dials_again_while_it_is_asked_to_leave_is_refused() {
    let hub = Socket::default();
    let mut old = Peer::plugged(&hub, "peer").await;
    let call = tokio::spawn(hub.call::<u8>("peer", "work", &()).into_future());
    let id = old.call().await.id;
    let unplug = tokio::spawn(hub.unplug("peer").into_future());
    old.expect(kind::DRAIN).await;
    let mut new = Peer::dial(&hub);
    new.say_hello(&Hello::new("peer")).await;
    new.hear_preface().await;
    new.expect(kind::ACCEPTED).await;
    let refused = new.expect(kind::REFUSED).await;
    assert_eq!(refused.fields().number(), refusal::UNPLUGGED);
    // The old one goes on.
    old.reply(id, "1").await;
    assert_eq!(call.await.unwrap(), Ok(1));
    drop(old);
    assert_eq!(unplug.await.unwrap().unwrap().finished, 1);
}

/// One that has left as it was asked to knows it. Its owner may connect it again.
#[tokio::test(start_paused = true)]
async fn one_that_has_left_by_itself_may_come_back() {
    let hub = Socket::default();
    let (plugin, _) = worker("worker");
    for _ in 0..3 {
        let plugged = plug(&hub, &plugin).await;
        assert!(hub.unplug("worker").await.unwrap().is_clean());
        assert!(is_for_good(&plugged.end().await));
    }
}

/// One that doesn't leave within its grace period is cut off, and doesn't come back.
#[tokio::test(start_paused = true)]
async fn one_that_is_cut_off_stays_away() {
    let hub = Socket::default();
    let (plugin, journal) = worker("worker");
    let plugged = plug(&hub, &plugin).await;
    let call = tokio::spawn(hub.call::<()>("worker", "wait", &()).into_future());
    eventually(|| journal.running() == 1).await;
    assert!(hub.unplug("worker").grace(SECOND).await.unwrap().overstayed);
    call.await.unwrap().unwrap_err();
    plugged.end().await;
    let ConnectError::Refused(refused) = open(&hub, &plugin).await.unwrap_err() else { panic!() };
    assert_eq!((refused.code, refused.is_transient()), (RefusalCode::Unplugged, false));
    let ended = plugin.run_over(move || {
        let (ours, theirs) = tokio::io::duplex(1024);
        hub.attach(theirs);
        async { Ok(ours) }
    });
    assert!(is_for_good(&ended.await.unwrap()));
}

/// To unplug a connection that was replaced doesn't mean the plugin on its next one.
#[tokio::test(start_paused = true)]
async fn one_that_is_back_is_not_meant() {
    let hub = Socket::default();
    let mut events = hub.events();
    let _old = Peer::plugged(&hub, "peer").await;
    let Some(Event::Connected(old)) = events.next().await else { panic!() };
    // Before its end is told, and after.
    let mut new = Peer::dial(&hub);
    new.say_hello(&Hello::new("peer")).await;
    while hub.connected()[0] == old {
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    let _ = hub.unplug_instance(&old).await;
    settle().await;
    let error = hub.unplug_instance(&old).await.unwrap_err();
    assert_eq!(error, UnplugError::NotFound { name: "peer".to_owned() });
    drop(new);
    settle().await;
    Peer::plugged(&hub, "peer").await;
}
