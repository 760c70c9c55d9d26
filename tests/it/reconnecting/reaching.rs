//! Hubs that are found under one of several addresses.

use brpc::{AwayReason, ConnectError, RunState, Socket};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{LONG, Staying};
use crate::support::worker::worker;

/// A name may have several addresses, and the hub only listens at one of them.
#[tokio::test]
async fn each_address_of_a_name_is_tried() {
    let mut addresses: Vec<_> =
        tokio::net::lookup_host("localhost:0").await.unwrap().map(|it| it.ip()).collect();
    addresses.dedup();
    for address in addresses {
        let Ok(listener) = TcpListener::bind((address, 0)).await else { continue };
        let port = listener.local_addr().unwrap().port();
        let hub = Socket::default();
        hub.serve(listener);
        let (plugin, journal) = worker("worker");
        let mut staying = Staying::start(plugin.run(format!("localhost:{port}")), journal);
        // The first attempt reaches it.
        staying.connected().await;
        staying.handle.stop(LONG);
        staying.ended().await.unwrap();
    }
}

/// A hub whose host answers nothing holds up those behind it for one address's time, and no wait
/// follows.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_hub_that_can_not_be_reached_holds_up_the_next_one_only_for_its_time() {
    // Linux drops what dials a listener whose backlog is full.
    let full = TcpSocket::new_v4().unwrap();
    full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = full.listen(1).unwrap();
    let hole = full.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(dialled) =
        tokio::time::timeout(std::time::Duration::from_millis(200), TcpStream::connect(hole)).await
    {
        waiting.push(dialled.unwrap());
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hub = Socket::default();
    let address = listener.local_addr().unwrap();
    hub.serve(listener);
    let (plugin, journal) = worker("worker");
    let mut staying = Staying::start(plugin.run([hole, address]), journal);
    let AwayReason::NotConnected(error) = staying.away().await else { panic!() };
    let ConnectError::Io { error, .. } = &*error else { panic!("{error:?}") };
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    let Some(RunState::Connecting { attempt: 2, after, .. }) = staying.states.next().await else {
        panic!()
    };
    assert!(after.is_zero());
    staying.connected().await;
    staying.handle.stop(LONG);
    staying.ended().await.unwrap();
}
