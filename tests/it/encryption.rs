//! TLS on the hub's port, told from the rest by its first bytes.

use std::time::Duration;

use brpc::{
    ConnectError, DisconnectReason, Encryption, Event, Listener, MemoryConnector, MemoryListener,
    RefusalCode, Serving, Socket,
};
use brpc_tls::{ClientTls, Report, ServerTls, TlsFault, TlsStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use crate::support::peer::{Hello, Peer, frame, kind};
use crate::support::worker::worker;
use crate::support::{ROOM, settle};

/// A hub's certificate, and who trusts it.
pub fn tls() -> (ServerTls, ClientTls) {
    let own = rcgen::generate_simple_self_signed(["hub.test".to_owned()]).unwrap();
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let hub = ServerTls::pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    (hub, ClientTls::ca_pem(certificate.as_bytes()).unwrap())
}

/// A hub that serves a listener with this encryption.
fn hub(tls: ServerTls, encryption: Encryption) -> (Socket, MemoryConnector, Serving) {
    let hub = Socket::builder().tls(tls).build();
    let (connector, listener) = MemoryListener::new();
    let serving = hub.serve(listener.with_encryption(encryption));
    (hub, connector, serving)
}

async fn encrypted<S>(tls: &ClientTls, stream: S) -> TlsStream<S>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    tls.connect("hub.test", stream, &Report::new()).await.unwrap()
}

async fn dial(connector: &MemoryConnector) -> DuplexStream {
    connector.connect().await.unwrap()
}

#[tokio::test]
async fn one_port_has_both_where_it_is_allowed() {
    let (ours, theirs) = tls();
    let (hub, connector, _serving) = hub(ours, Encryption::Allowed);
    let session = worker("plain").0.serve(dial(&connector).await).await.unwrap();
    tokio::spawn(session.run());
    let stream = encrypted(&theirs, dial(&connector).await).await;
    let session = worker("secret").0.serve(stream).await.unwrap();
    tokio::spawn(session.run());
    // Long enough for many records.
    let text = "x".repeat(900_000);
    for plugin in ["plain", "secret"] {
        assert_eq!(hub.call::<String>(plugin, "echo", &text).await.as_ref(), Ok(&text));
    }
    assert!(hub.shutdown().await.is_clean());
}

/// A plugin of either wire that would speak in the clear is told what to do.
#[tokio::test]
async fn a09_a11_without_tls_nobody_gets_in_where_it_is_demanded() {
    let (ours, theirs) = tls();
    let hub = Socket::builder().tls(ours).build();
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let _serving = hub.serve(tcp);
    let refused = worker("worker").0.connect(address).await.unwrap_err();
    let ConnectError::Refused(refusal) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.code, RefusalCode::Wire);
    assert!(refusal.message.contains("brpcs://"), "{refusal}");
    let end = worker("worker").0.gob().connect(address).await.unwrap().run().await;
    assert!(end.to_string().contains("brpcs://"), "{end}");
    assert_eq!((hub.strangers().native, hub.strangers().gob), (1, 1));

    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    assert!(worker("worker").0.serve(encrypted(&theirs, stream).await).await.is_ok());
}

/// A hub without TLS says so in TLS, and the plugin in words.
#[tokio::test]
async fn tls_where_there_is_none_is_named() {
    let (ours, theirs) = tls();
    let (_hub, connector, _serving) = hub(ours, Encryption::Off);
    let failed = theirs.connect("hub.test", dial(&connector).await, &Report::new()).await;
    let failed = failed.unwrap_err();
    assert!(matches!(failed.fault(), TlsFault::NoTls | TlsFault::Version), "{failed:?}");
}

#[tokio::test]
async fn above_tls_there_is_no_tls() {
    let (ours, theirs) = tls();
    let (hub, connector, _serving) = hub(ours, Encryption::Allowed);
    let once = encrypted(&theirs, dial(&connector).await).await;
    assert!(theirs.connect("hub.test", once, &Report::new()).await.is_err());
    assert_eq!(hub.strangers().tls, 1);

    // What else is no plugin isn't one there, either.
    let mut stream = encrypted(&theirs, dial(&connector).await).await;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).await.unwrap();
    assert!(told.contains("This is a brpc hub"), "{told}");
    assert_eq!(hub.strangers().http, 1);
}

/// The time for the handshake is for both, and whoever stalls in the first holds up nobody.
#[tokio::test(start_paused = true)]
async fn a13_a_handshake_that_stalls_makes_room_and_ends() {
    let (ours, theirs) = tls();
    let hub = Socket::builder().tls(ours).max_handshakes(2).build();
    let (connector, listener) = MemoryListener::new();
    let _serving = hub.serve(listener);
    let began = tokio::time::Instant::now();
    let mut stalled = Vec::new();
    for _ in 0..3 {
        let mut stream = dial(&connector).await;
        // A ClientHello of 512 bytes is to come.
        stream.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]).await.unwrap();
        settle().await;
        stalled.push(stream);
    }
    let session =
        worker("worker").0.serve(encrypted(&theirs, dial(&connector).await).await).await.unwrap();
    assert_eq!(session.name(), "worker");
    for mut stream in stalled {
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read).await;
    }
    assert!(began.elapsed() <= Duration::from_secs(7), "{:?}", began.elapsed());
}

/// As it may arrive, or be meant to hurt.
#[tokio::test]
async fn a13_a_hello_in_pieces_is_one_and_garbage_is_none() {
    let (ours, theirs) = tls();
    let (hub, connector, _serving) = hub(ours, Encryption::Demanded);
    let mut garbage = dial(&connector).await;
    garbage.write_all(&[0x16, 3, 1, 0xFF, 0xFF, 1, 2, 3]).await.unwrap();
    let mut alert = Vec::new();
    garbage.read_to_end(&mut alert).await.unwrap();
    assert_eq!(alert.first(), Some(&0x15), "{alert:x?}");

    let (near, far) = tokio::io::duplex(1);
    let mut hub_side = dial(&connector).await;
    tokio::spawn(async move {
        let mut far = far;
        tokio::io::copy_bidirectional(&mut far, &mut hub_side).await
    });
    let session = worker("worker").0.serve(encrypted(&theirs, near).await).await.unwrap();
    assert_eq!(session.name(), "worker");
    assert_eq!(hub.connected().len(), 1);
}

/// Whoever is told nothing is counted all the same, and nobody twice.
#[tokio::test(start_paused = true)]
async fn handshakes_that_come_to_nothing_are_counted() {
    let ((ours, theirs), (_, distrustful)) = (tls(), tls());
    let (hub, connector, _serving) = hub(ours, Encryption::Allowed);
    // One that doesn't trust the hub, one that goes in TLS, and one that makes no sense there.
    let stream = dial(&connector).await;
    assert!(distrustful.connect("hub.test", stream, &Report::new()).await.is_err());
    for said in [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3][..], &[0x16, 3, 1, 0, 5, 9, 9, 9, 9, 9]] {
        dial(&connector).await.write_all(said).await.unwrap();
    }
    settle().await;
    assert_eq!((hub.unfinished().tls, hub.unfinished().total()), (3, 3));
    // Those that go before they have said all, or anything, over TLS and not.
    drop(dial(&connector).await);
    dial(&connector).await.write_all(b"\xB2brpc\n\x01\x00\0\0").await.unwrap();
    drop(encrypted(&theirs, dial(&connector).await).await);
    settle().await;
    assert_eq!((hub.unfinished().gone, hub.unfinished().total()), (3, 6));
    // Those that are counted elsewhere, and a plugin that goes later.
    dial(&connector).await.write_all(b"SSH-2.0-x\r\n").await.unwrap();
    let session = worker("worker").0.serve(dial(&connector).await).await.unwrap();
    drop(session);
    settle().await;
    assert!(hub.connected().is_empty());
    let (refused, strangers) = (hub.refusals().total(), hub.strangers().total());
    assert_eq!((refused, strangers, hub.unfinished().total()), (0, 1, 6));
}

/// Passes on what both say, until one side ends; then TLS ends without a farewell.
async fn cut_off(near: DuplexStream, secured: TlsStream<DuplexStream>) {
    let (mut from_near, mut to_near) = tokio::io::split(near);
    let (mut from_hub, mut to_hub) = tokio::io::split(secured);
    tokio::select! {
        _ = tokio::io::copy(&mut from_near, &mut to_hub) => {}
        _ = tokio::io::copy(&mut from_hub, &mut to_near) => {}
    }
}

/// Whether anything is missing is told by the frames, as over a plain stream.
#[tokio::test]
async fn a15_what_is_missing_where_tls_is_cut_off_is_told_by_the_frames() {
    let goodbye = frame(kind::GOODBYE, &[1, 0]);
    for (last, expected) in [
        (&b""[..], DisconnectReason::Unclean),
        (&[0, 0, 0, 9, kind::EVENT], DisconnectReason::MidFrame),
        (&goodbye, DisconnectReason::Clean),
    ] {
        let (ours, theirs) = tls();
        let (hub, connector, _serving) = hub(ours, Encryption::Demanded);
        let mut events = hub.events();
        let secured = encrypted(&theirs, dial(&connector).await).await;
        let (ours, near) = tokio::io::duplex(ROOM);
        tokio::spawn(cut_off(near, secured));
        let mut peer = Peer::new(ours);
        peer.say_hello(&Hello::new("peer")).await;
        peer.hear_welcome().await;
        peer.send(last).await;
        drop(peer);
        let reason = loop {
            match events.next().await {
                Some(Event::Disconnected(_, reason)) => break reason,
                Some(_) => {}
                None => panic!("{last:?}"),
            }
        };
        assert_eq!(reason, expected, "{last:?}");
    }
}
