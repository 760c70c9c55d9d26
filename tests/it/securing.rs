//! Streams whose own handshake is not over when they are accepted.

use std::io;
use std::time::Duration;

use brpc::{DisconnectReason, Event, Listener, MemoryListener, Securing, Socket, Source};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use crate::support::settle;
use crate::support::worker::worker;

/// Secures a stream by a word, as TLS does by its handshake.
async fn unlock(mut stream: DuplexStream) -> io::Result<DuplexStream> {
    let mut word = [0; 6];
    stream.read_exact(&mut word).await?;
    if word == *b"sesame" { Ok(stream) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

struct Gate(MemoryListener);

impl Listener for Gate {
    type Stream = Securing<DuplexStream>;

    async fn accept(&mut self) -> io::Result<(Securing<DuplexStream>, Source)> {
        let (stream, source) = self.0.accept().await?;
        Ok((Securing::new(unlock(stream)), source))
    }

    fn is_of_this_host(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_stalls_holds_up_nobody() {
    let hub = Socket::builder().max_handshakes(2).build();
    let (connector, listener) = MemoryListener::new();
    let _serving = hub.serve(Gate(listener));
    let mut silent = connector.connect().await.unwrap();
    settle().await;

    let mut stream = connector.connect().await.unwrap();
    stream.write_all(b"sesame").await.unwrap();
    let session = worker("worker").0.serve(stream).await.unwrap();
    tokio::spawn(session.run());
    let text = "x".repeat(900_000);
    assert_eq!(hub.call::<String>("worker", "echo", &text).await, Ok(text));

    // The handshake's deadline is for both handshakes. Then it is closed, without a word.
    let mut read = Vec::new();
    silent.read_to_end(&mut read).await.unwrap();
    assert!(read.is_empty(), "{read:?}");
    assert!(hub.shutdown().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_secured_ends() {
    let hub = Socket::builder().max_handshakes(1).build();
    let (connector, listener) = MemoryListener::new();
    let _serving = hub.serve(Gate(listener));
    for _ in 0..10 {
        let mut stream = connector.connect().await.unwrap();
        stream.write_all(b"please").await.unwrap();
        // A hub with one place gives it to the next.
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    }
    let mut stream = connector.connect().await.unwrap();
    stream.write_all(b"sesame").await.unwrap();
    assert!(worker("worker").0.serve(stream).await.is_ok());
}

/// A plugin is registered late, and what comes then is in order.
#[tokio::test(start_paused = true)]
async fn one_that_is_secured_late_is_let_in() {
    let hub = Socket::default();
    let mut events = hub.events();
    let (connector, listener) = MemoryListener::new();
    let _serving = hub.serve(Gate(listener));
    let mut stream = connector.connect().await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    stream.write_all(b"sesame").await.unwrap();
    let session = worker("worker").0.serve(stream).await.unwrap();
    session.handle().stop(Duration::ZERO);
    session.run().await;
    let Some(Event::Connected(plugin)) = events.next().await else { panic!() };
    let end = events.next().await;
    assert!(
        matches!(&end, Some(Event::Disconnected(gone, DisconnectReason::Clean)) if *gone == plugin),
        "{end:?}"
    );
}
