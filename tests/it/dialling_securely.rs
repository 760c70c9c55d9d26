//! Plugins that dial with TLS, and over Unix sockets.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::time::Duration;

use brpc::auth::{Certificates, Identity};
use brpc::{AwayReason, ConnectError, RunState, Side, Socket};
use brpc_tls::{ClientTls, Clients, Roots, ServerTls, TlsFault};
use tokio::net::TcpListener;

use crate::support::authority::{Authority, Issued, expired, uri};
use crate::support::worker::worker;

/// A hub on TCP, whose certificate is for an address and a name of this host.
async fn hub(
    authority: &Authority,
    with: impl FnOnce(ServerTls) -> ServerTls,
) -> (Socket, SocketAddr) {
    let issued = authority.issue(&["127.0.0.1", "localhost"]);
    let tls = ServerTls::pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap();
    let hub = Socket::builder().tls(with(tls)).build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(hub.serve(listener));
    (hub, address)
}

fn trusting(authority: &Authority) -> ClientTls {
    ClientTls::ca_pem(authority.pem()).unwrap()
}

#[tokio::test]
async fn a_plugin_dials_its_hub_in_each_way_that_an_address_is_written() {
    let authority = Authority::new("CA");
    let (hub, address) = hub(&authority, |tls| tls).await;
    let secure = || worker("worker").0.tls(trusting(&authority));
    let texts = [
        address.to_string(),
        format!("brpcs://{address}"),
        format!("brpcs://localhost:{}", address.port()),
    ];
    for text in texts {
        let session = secure().connect(&text).await.unwrap();
        let running = tokio::spawn(session.run());
        assert_eq!(
            hub.call::<String>("worker", "echo", &"hello").await.unwrap(),
            "hello",
            "{text}"
        );
        hub.unplug("worker").await.unwrap();
        running.await.unwrap();
    }
    assert!(secure().connect(address).await.is_ok());
    // Without encryption, as the address says.
    let refused = secure().connect(format!("brpc://{address}")).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Refused(_)), "{refused}");
}

#[tokio::test]
async fn a10_tls_to_a_hub_that_has_none_is_said_in_words() {
    let hub = Socket::builder().build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _serving = hub.serve(listener);
    let plugin = worker("worker").0.tls(trusting(&Authority::new("CA")));
    let error = plugin.connect(address).await.unwrap_err();
    let ConnectError::Tls(tls) = &error else { panic!("{error:?}") };
    assert_eq!(tls.fault(), &TlsFault::NoTls);
    assert!(error.is_transient() && error.to_string().contains("brpc://"), "{error}");
}

#[tokio::test]
async fn a_hub_that_demands_certificates_says_why_it_refuses_one() {
    let authority = Authority::new("CA");
    let roots = Roots::pem(authority.pem()).unwrap();
    let (hub, address) = hub(&authority, |tls| tls.clients(Clients::Demanded(roots))).await;
    let showing = |issued: &Issued| {
        let tls = trusting(&authority);
        tls.certificate_pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap()
    };
    let other = Authority::new("other");
    for (tls, fault, is_transient) in [
        (trusting(&authority), TlsFault::NoCertificate, false),
        (showing(&other.issue(&["runner"])), TlsFault::UnknownCa, false),
        (showing(&authority.issue_with(&["runner"], expired)), TlsFault::Outdated, true),
    ] {
        // With TLS 1.3 the plugin's own handshake is over by then.
        let error = worker("worker").0.tls(tls).connect(address).await.unwrap_err();
        let ConnectError::Tls(tls) = &error else { panic!("{error:?}") };
        assert_eq!((tls.fault(), tls.refused_by()), (&fault, Side::Peer), "{error}");
        assert_eq!(error.is_transient(), is_transient, "{error}");
    }
    let issued = authority.issue_with(&["runner"], |params| {
        params.subject_alt_names.push(uri("spiffe://example/runner"));
    });
    let session = worker("worker").0.tls(showing(&issued)).connect(address).await.unwrap();
    assert_eq!(session.name(), "worker");
    drop(session);
    hub.shutdown().await;
}

/// What a hub says of a certificate in files is said of the one that there is now.
#[tokio::test]
async fn a_run_dials_on_with_the_certificate_that_is_in_its_files_by_then() {
    let (authority, other) = (Authority::new("CA"), Authority::new("other"));
    let roots = Roots::pem(authority.pem()).unwrap();
    let known = Certificates::new().san("runner.example", Identity::new("runner").plug("worker"));
    let issued = authority.issue(&["127.0.0.1"]);
    let tls = ServerTls::pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap();
    let tls = tls.clients(Clients::Demanded(roots));
    let hub = Socket::builder().tls(tls).authenticator(known).build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(hub.serve(listener));
    let at = |name: &str| {
        std::env::temp_dir().join(format!("brpc-it-{name}-{}.pem", std::process::id()))
    };
    let (certificate, key) = (at("own"), at("own-key"));
    let write = |issued: &Issued| {
        std::fs::write(&key, &issued.key).unwrap();
        std::fs::write(&certificate, &issued.certificate).unwrap();
    };
    write(&other.issue(&["runner.example"]));
    let tls = trusting(&authority).certificate_files(&certificate, &key).unwrap();
    let run = worker("worker").0.tls(tls).run(address);
    let mut states = run.states();
    let running = tokio::spawn(run.into_future());
    // First TLS refuses it, and then the authenticator.
    let mut refused = async || {
        loop {
            if let RunState::Away { reason: AwayReason::NotConnected(error), .. } =
                states.next().await.expect("it dials on")
            {
                assert!(!error.is_transient(), "{error}");
                return matches!(*error, ConnectError::Tls(_));
            }
        }
    };
    assert!(refused().await);
    write(&authority.issue(&["stranger.example"]));
    while refused().await {}
    write(&authority.issue(&["runner.example"]));
    hub.wait_for("worker", Duration::from_secs(30)).await.unwrap();
    hub.unplug("worker").await.unwrap();
    running.await.unwrap().unwrap();
    std::fs::remove_file(certificate).unwrap();
    std::fs::remove_file(key).unwrap();
}

#[tokio::test]
async fn a08_the_name_of_the_hub_is_the_one_that_was_dialled() {
    let authority = Authority::new("CA");
    let issued = authority.issue(&["hub.example"]);
    let tls = ServerTls::pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap();
    let hub = Socket::builder().tls(tls).build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _serving = hub.serve(listener);
    let error = worker("worker").0.tls(trusting(&authority)).connect(address).await.unwrap_err();
    let ConnectError::Tls(tls) = &error else { panic!("{error:?}") };
    assert!(matches!(tls.fault(), TlsFault::WrongName { .. }), "{error}");
    let named = trusting(&authority).server_name("hub.example").unwrap();
    assert!(worker("worker").0.tls(named).connect(address).await.is_ok());
}

#[cfg(unix)]
#[tokio::test]
async fn a_plugin_dials_a_unix_socket_by_its_path() {
    let path = std::env::temp_dir().join(format!("brpc-it-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let hub = Socket::builder().build();
    let _serving = hub.serve(tokio::net::UnixListener::bind(&path).unwrap());
    let address = format!("unix:{}", path.display());
    let session = worker("worker").0.connect(&address).await.unwrap();
    tokio::spawn(session.run());
    assert_eq!(hub.call::<String>("worker", "echo", &"hello").await.unwrap(), "hello");
    hub.shutdown().await;
    let error = worker("worker").0.connect(&address).await.unwrap_err();
    assert!(error.to_string().contains("can't connect to the hub at unix:"), "{error}");
}
