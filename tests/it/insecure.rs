//! Listeners that others can reach, at hubs that neither encrypt nor authenticate.

use std::time::Duration;

use brpc::{Encryption, Listener as _, MemoryListener, ServeError, Socket, WaitError};
use tokio::net::TcpListener;

use crate::support::worker::worker;

async fn everywhere() -> TcpListener {
    TcpListener::bind("0.0.0.0:0").await.unwrap()
}

/// What it says is what to do, and who waits for plugins is told that there will be none.
#[tokio::test]
async fn one_is_served_only_on_an_explicit_word() {
    let hub = Socket::default();
    let refused = hub.serve(everywhere().await).await.unwrap_err();
    assert!(matches!(refused, ServeError::Insecure), "{refused:?}");
    for word in ["TLS", "authenticator", "loopback", "Unix socket", "allow_insecure()"] {
        assert!(refused.to_string().contains(word), "{refused}");
    }
    let waited = hub.wait_for("worker", Duration::from_millis(1)).await.unwrap_err();
    assert!(matches!(waited, WaitError::TimedOut { is_served: false, .. }), "{waited:?}");

    let hub = Socket::builder().allow_insecure().build();
    let listener = everywhere().await;
    let port = listener.local_addr().unwrap().port();
    let _serving = hub.serve(listener);
    let session = worker("worker").0.connect(("127.0.0.1", port)).await.unwrap();
    assert_eq!(session.name(), "worker");
}

#[tokio::test]
async fn what_only_this_host_reaches_needs_no_word() {
    let hub = Socket::default();
    let mut serving = vec![hub.serve(TcpListener::bind("127.0.0.1:0").await.unwrap())];
    if let Ok(listener) = TcpListener::bind("[::1]:0").await {
        serving.push(hub.serve(listener));
    }
    serving.push(hub.serve(MemoryListener::new().1));
    hub.shutdown().await;
    for serving in serving {
        assert!(matches!(serving.await, Ok(()) | Err(ServeError::Listener(_))));
    }
}

#[tokio::test]
async fn tls_is_not_demanded_where_there_is_none() {
    let hub = Socket::default();
    let (connector, listener) = MemoryListener::new();
    let refused = hub.serve(listener.with_encryption(Encryption::Demanded)).await.unwrap_err();
    assert!(matches!(refused, ServeError::NoTls), "{refused:?}");
    assert!(connector.connect().await.is_err());

    // It is allowed, and nobody can have it.
    let (connector, listener) = MemoryListener::new();
    let _serving = hub.serve(listener.with_encryption(Encryption::Allowed));
    let stream = connector.connect().await.unwrap();
    assert!(worker("worker").0.serve(stream).await.is_ok());
}
