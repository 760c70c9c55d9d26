//! Plugins of users of this host.

#![cfg(unix)]

use std::os::unix::fs::MetadataExt as _;

use brpc::auth::{AnyOf, Identity, Tokens, UnixUsers};
use brpc::{ConnectError, RefusalCode, Socket, Source, UnixPeer};
use tokio::net::{UnixListener, UnixStream};

use super::{EDGE, refused};
use crate::support::ROOM;
use crate::support::peer::{Hello, refusal};
use crate::support::worker::worker;

#[tokio::test]
async fn a_user_of_this_host_needs_no_credential() {
    let path = std::env::temp_dir().join(format!("brpc-users-{}", std::process::id()));
    let bind = || UnixListener::bind(&path).unwrap();
    let dial = || async { UnixStream::connect(&path).await.unwrap() };
    let edge = || Identity::new("edge").plug("edge-*");

    let hub = Socket::builder().authenticator(UnixUsers::new().same_user(edge())).build();
    drop(hub.serve(bind()));
    let uid = std::fs::metadata(&path).unwrap().uid();
    tokio::spawn(worker("edge-1").0.serve(dial().await).await.unwrap().run());
    assert_eq!(hub.connected()[0].identity().unwrap().proved_by(), "uid");
    // Another one isn't the same.
    let (ours, theirs) = tokio::io::duplex(ROOM);
    hub.attach_from(theirs, Source::Unix(UnixPeer::new(uid + 1, None)));
    let error = worker("edge-2").0.serve(ours).await.unwrap_err();
    let ConnectError::Refused(told) = error else { panic!("{error:?}") };
    assert_eq!(told.code, RefusalCode::AuthFailed);
    // In memory there is no user.
    assert_eq!(refused(&hub, &Hello::new("edge-2")).await.code, refusal::AUTH_REQUIRED);
    hub.shutdown().await;

    let others = UnixUsers::new().user(uid + 1, edge());
    let any = AnyOf::new().or(others).or(Tokens::text(EDGE).unwrap());
    let hub = Socket::builder().authenticator(any).build();
    drop(hub.serve(bind()));
    let error = worker("edge-1").0.serve(dial().await).await.unwrap_err();
    let ConnectError::Refused(told) = error else { panic!("{error:?}") };
    assert_eq!(told.code, RefusalCode::AuthFailed);
    hub.shutdown().await;

    let hub = Socket::builder().authenticator(UnixUsers::new().user(uid, edge())).build();
    drop(hub.serve(bind()));
    tokio::spawn(worker("edge-1").0.serve(dial().await).await.unwrap().run());
    hub.shutdown().await;
}
