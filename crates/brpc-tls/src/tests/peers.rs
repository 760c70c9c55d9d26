//! Peers that are no brpc, and what they do.

use std::sync::Arc;

use brpc_core::Side::{self, Peer, This};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_rustls::TlsConnector;

use super::authority::Authority;
use super::{HOST, answer, ask, hub, plugin};
use crate::provider::provider;
use crate::{ClientTls, Report, ServerTls, TlsError, TlsFault};

/// What a hub says of a client with these versions and protocols; `None` if both go on.
async fn client(
    hub: &ServerTls,
    authority: &Authority,
    version: &'static SupportedProtocolVersion,
    protocols: &[&str],
) -> Option<TlsError> {
    let mut roots = RootCertStore::empty();
    let pem = rustls::pki_types::pem::PemObject::from_pem_slice(authority.pem()).unwrap();
    roots.add(pem).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let report = Report::new();
    let accepting = hub.accept(theirs, &report);
    let dialling = async {
        let name = ServerName::try_from(HOST).unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, ours).await;
        drop(stream);
    };
    let (_, ()) = tokio::join!(accepting, dialling);
    report.error()
}

#[tokio::test(start_paused = true)]
async fn a12_tls_1_2_is_refused_unless_it_is_allowed() {
    let authority = Authority::new("CA");
    let hub = hub(&authority.issue(&[HOST]));
    let error = client(&hub, &authority, &version::TLS12, &[]).await.unwrap();
    assert_eq!((error.fault(), error.refused_by()), (&TlsFault::Version, This), "{error}");
    assert_eq!(client(&hub, &authority, &version::TLS13, &[]).await, None);
    let hub = hub.allow_tls12();
    assert_eq!(client(&hub, &authority, &version::TLS12, &[]).await, None);
    assert_eq!(client(&hub, &authority, &version::TLS13, &[]).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_speaks_other_protocols_only_is_refused() {
    let authority = Authority::new("CA");
    let hub = hub(&authority.issue(&[HOST]));
    for (protocols, is_welcome) in [
        (&["h2", "http/1.1"][..], false),
        (&["h2", "brpc/1"], true),
        (&["brpc/1"], true),
        (&[], true),
    ] {
        let error = client(&hub, &authority, &version::TLS13, protocols).await;
        let refused = (!is_welcome).then_some((TlsFault::Protocol, This));
        assert_eq!(error.map(|error| (error.fault().clone(), error.refused_by())), refused);
    }
}

/// What a plugin says of a peer that says this, and nothing more.
async fn spoken_to(said: &[u8]) -> (TlsFault, Side) {
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    theirs.write_all(said).await.unwrap();
    theirs.shutdown().await.unwrap();
    let authority = Authority::new("CA");
    let error = plugin(&authority).connect(HOST, ours, &Report::new()).await.unwrap_err();
    assert!(error.is_transient());
    (error.fault().clone(), error.refused_by())
}

#[tokio::test(start_paused = true)]
async fn a10_a_peer_that_speaks_no_tls_is_told_as_such() {
    for said in [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"HTTP/1.1 400 Bad Request\r\n\r\n", &[0xb2; 64]]
    {
        assert_eq!(spoken_to(said).await, (TlsFault::NoTls, This), "{said:?}");
    }
    // What a hub without TLS says.
    let alert = [0x15, 3, 1, 0, 2, 2, 70];
    assert_eq!(spoken_to(&alert).await, (TlsFault::NoTls, Peer));
    assert_eq!(spoken_to(b"").await, (TlsFault::Closed, Peer));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_too_long_is_given_up() {
    let authority = Authority::new("CA");
    let hub = hub(&authority.issue(&[HOST]));
    let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
    let report = Report::new();
    let accepting = hub.accept(theirs, &report);
    let sending = async {
        // Records of a ClientHello of 60,000 bytes.
        let mut hello = vec![1, 0, 0xea, 0x60];
        hello.resize(60_000, 0);
        for part in hello.chunks(8_000) {
            let length = u16::try_from(part.len()).unwrap().to_be_bytes();
            let record = [&[0x16, 3, 1][..], &length, part].concat();
            if ours.write_all(&record).await.is_err() {
                break;
            }
        }
        drop(ours);
    };
    let (accepted, ()) = tokio::join!(accepting, sending);
    assert!(accepted.is_err());
    assert_eq!(report.error().unwrap().fault(), &TlsFault::TooLong);
}

#[tokio::test(start_paused = true)]
async fn a15_an_end_without_a_farewell_is_an_end() {
    let authority = Authority::new("CA");
    let hub = hub(&authority.issue(&[HOST]));
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (at_hub, at_plugin) = (Report::new(), Report::new());
    let accepting = hub.accept(theirs, &at_hub);
    let plugin = plugin(&authority);
    let (accepted, dialled) = tokio::join!(accepting, plugin.connect(HOST, ours, &at_plugin));
    let mut stream = dialled.unwrap();
    drop(accepted.unwrap());
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(at_plugin.error(), None);
}

/// Both ends of a connection, of which one answers.
pub(super) async fn connected(
    hub: &ServerTls,
    plugin: &ClientTls,
) -> crate::TlsStream<DuplexStream> {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let report = Report::new();
    let accepting = hub.accept(theirs, &report);
    let (accepted, dialled) = tokio::join!(accepting, plugin.connect(HOST, ours, &report));
    tokio::spawn(answer(accepted.unwrap()));
    let mut stream = dialled.unwrap();
    ask(&mut stream).await.unwrap();
    stream
}
