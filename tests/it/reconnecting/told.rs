//! What a hub tells a plugin that stays connected: each refusal and each farewell that there is.

use std::time::Duration;

use brpc::{AwayReason, ConnectError, DisconnectReason, EndReason, RunState};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use super::{SECOND, Staying};
use crate::support::peer::{Peer, Writer, farewell, kind, refusal, refusal_of};
use crate::support::worker::worker;

/// What a plugin does that is told so.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    /// Ends with the error.
    Fails,
    /// Ends as unplugged.
    StaysAway,
    /// Dials again.
    Returns,
}

/// A plugin, and the hub's side of each connection that it dials.
fn dialling() -> (Staying, mpsc::UnboundedReceiver<DuplexStream>) {
    let (plugin, journal) = worker("worker");
    let (said, dialled) = mpsc::unbounded_channel();
    let run = plugin.run_over(move || {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        said.send(theirs).unwrap();
        async { Ok(ours) }
    });
    (Staying::start(run, journal), dialled)
}

/// Checks what it does next, and that it waits for as long as it was told.
async fn check(mut staying: Staying, expected: Next, wait: Option<Duration>, what: &str) {
    if expected == Next::Returns {
        let reason = staying.away().await;
        let said = match &reason {
            AwayReason::NotConnected(error) => error.retry_after(),
            AwayReason::Ended(end) => end.retry_after(),
            other => panic!("{other:?}"),
        };
        assert_eq!(said, wait, "{what}: {reason:?}");
        let Some(RunState::Connecting { after, .. }) = staying.states.next().await else {
            panic!("{what}")
        };
        let wait = wait.unwrap_or_default();
        assert!((wait..=wait + SECOND).contains(&after), "{what}: {after:?}");
        return;
    }
    let next = match staying.ended().await {
        Err(ConnectError::Refused(_)) => Next::Fails,
        Ok(EndReason::Unplugged { retry_after: None, .. }) => Next::StaysAway,
        other => panic!("{what}: {other:?}"),
    };
    assert_eq!(next, expected, "{what}");
}

#[tokio::test(start_paused = true)]
async fn each_refusal_ends_the_run_or_is_waited_out() {
    use Next::{Fails, Returns, StaysAway};
    use refusal::*;
    // Without a time, and with one.
    let codes = [
        (VERSION, Fails, Fails),
        (BAD_NAME, Fails, Fails),
        (BAD_VERSION, Fails, Fails),
        (TOO_MANY_METHODS, Fails, Fails),
        (BAD_DESCRIPTION, Fails, Fails),
        (NAME_TAKEN, Returns, Returns),
        (FULL, Returns, Returns),
        (SHUTTING_DOWN, Returns, Returns),
        (HANDSHAKE_TIMEOUT, Returns, Returns),
        (PROTOCOL, Fails, Fails),
        (BAD_LABELS, Fails, Fails),
        (WIRE, Fails, Fails),
        (UNPLUGGED, StaysAway, Returns),
        (99, Fails, Returns),
    ];
    for (code, without, with) in codes {
        for (wait, expected) in [(None, without), (Some(90 * SECOND), with)] {
            let (staying, mut dialled) = dialling();
            let mut hub = Peer::new(dialled.recv().await.unwrap());
            let said = wait.map_or(Writer::default().raw(&[0]), |wait: Duration| {
                Writer::default().raw(&[1]).number(1_000 * wait.as_secs())
            });
            hub.send(&refusal_of(code, &said.0)).await;
            check(staying, expected, wait, &format!("refusal {code} {wait:?}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_farewell_ends_the_run_or_is_waited_out() {
    use Next::{Returns, StaysAway};
    use farewell::*;
    let codes = [
        (DONE, Returns),
        (UNPLUGGED, StaysAway),
        (SHUTTING_DOWN, Returns),
        (PROTOCOL, Returns),
        (TOO_SLOW, Returns),
        (REPLACED, Returns),
        (SILENT, Returns),
        (UNRESPONSIVE, Returns),
        (99, Returns),
    ];
    for (code, without) in codes {
        for wait in [None, Some(90 * SECOND)] {
            let (mut staying, mut dialled) = dialling();
            let mut hub = Peer::new(dialled.recv().await.unwrap());
            hub.let_in("worker").await;
            staying.connected().await;
            if let Some(wait) = wait {
                let after = Writer::default().number(1_000 * wait.as_secs());
                hub.send_frame(kind::RETURN, &after.0).await;
            }
            let goodbye = Writer::default().number(code).text("because");
            hub.send_frame(kind::GOODBYE, &goodbye.0).await;
            // Only who is unplugged, or whose hub shuts down, is told when to come back.
            let is_told = [UNPLUGGED, SHUTTING_DOWN].contains(&code);
            let expected = if wait.is_some() { Returns } else { without };
            let what = format!("farewell {code} {wait:?}");
            check(staying, expected, wait.filter(|_| is_told), &what).await;
        }
    }
}

/// The stream may also just end.
#[tokio::test(start_paused = true)]
async fn a_hub_that_says_nothing_is_dialled_again() {
    let (mut staying, mut dialled) = dialling();
    drop(dialled.recv().await.unwrap());
    let AwayReason::NotConnected(error) = staying.away().await else { panic!() };
    assert!(matches!(*error, ConnectError::Lost(DisconnectReason::Unclean)), "{error:?}");
    let mut hub = Peer::new(dialled.recv().await.unwrap());
    hub.let_in("worker").await;
    staying.connected().await;
    drop(hub);
    let reason = staying.away().await;
    let AwayReason::Ended(EndReason::Lost(DisconnectReason::Unclean)) = reason else {
        panic!("{reason:?}")
    };
    dialled.recv().await.unwrap();
}
