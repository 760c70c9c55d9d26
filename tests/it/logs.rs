//! What the log says of connections.

use brpc::Socket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::eventually;
use crate::support::traced::{logged, trace};
use crate::support::worker::worker;

/// Whether a line of these says so.
fn is_said(lines: &[String], message: &str) -> bool {
    lines.iter().any(|line| line.contains(&format!("message={message} ")))
}

/// Of loopback addresses, too: many plugins may be on one host.
#[tokio::test]
async fn each_connection_is_logged_with_its_address() {
    trace();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hub = Socket::default();
    drop(hub.serve(listener));
    let dial = || async {
        let stream = TcpStream::connect(address).await.unwrap();
        let from = stream.local_addr().unwrap();
        (stream, from)
    };
    let (stream, from) = dial().await;
    let session = worker("worker").0.serve(stream).await.unwrap();
    // It runs, or its name would be given to the next one.
    let session = tokio::spawn(session.run());
    assert!(is_said(&logged("source", from), "plugin connected"));

    let (stream, refused) = dial().await;
    worker("worker").0.serve(stream).await.unwrap_err();
    assert!(is_said(&logged("source", refused), "plugin refused"));

    let (mut stream, stranger) = dial().await;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    assert!(is_said(&logged("source", stranger), "another protocol is spoken"));

    let (silent, gone) = dial().await;
    drop(silent);
    eventually(|| is_said(&logged("source", gone), "a handshake ended")).await;

    session.abort();
    eventually(|| is_said(&logged("source", from), "plugin disconnected")).await;

    let session = worker("dialling").0.connect(address).await.unwrap();
    assert!(is_said(&logged("hub", address), "connected"));
    session.handle().stop(std::time::Duration::ZERO);
    session.run().await;
    assert!(is_said(&logged("hub", address), "disconnected"));
}
