//! Handshakes between both sides, over memory.

mod authority;
mod peers;
mod refusing;
mod reloading;

use std::pin::Pin;
use std::sync::Arc;

use brpc_core::Side;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use self::authority::{Authority, Issued};
use crate::{ClientCertificate, ClientTls, Report, ServerTls, TlsError, TlsFault, TlsStream};

const HOST: &str = "hub.example";

/// What both sides know after they have met.
struct Met {
    /// Whether the hub answered the plugin.
    is_answered: bool,
    hub: Option<TlsError>,
    plugin: Option<TlsError>,
    certificate: Option<Arc<ClientCertificate>>,
}

/// A hub with this certificate.
fn hub(issued: &Issued) -> ServerTls {
    ServerTls::pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap()
}

/// A plugin that trusts this CA.
fn plugin(authority: &Authority) -> ClientTls {
    ClientTls::ca_pem(authority.pem()).unwrap()
}

/// A plugin that shows this certificate.
fn showing(plugin: ClientTls, issued: &Issued) -> ClientTls {
    plugin.certificate_pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap()
}

/// Shakes hands; then the plugin says a byte, which the hub says again.
fn meet<'a>(
    hub: &'a ServerTls,
    plugin: &'a ClientTls,
    host: &'a str,
) -> Pin<Box<dyn Future<Output = Met> + 'a>> {
    // Boxed, because both handshakes are large.
    Box::pin(met(hub, plugin, host))
}

async fn met(hub: &ServerTls, plugin: &ClientTls, host: &str) -> Met {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (at_hub, at_plugin) = (Report::new(), Report::new());
    let accepting = hub.accept(theirs, &at_hub);
    let serving = async {
        if let Ok(stream) = accepting.await {
            let _ = answer(stream).await;
        }
    };
    let dialling = async {
        match plugin.connect(host, ours, &at_plugin).await {
            Ok(mut stream) => ask(&mut stream).await.is_ok(),
            Err(_) => false,
        }
    };
    let ((), is_answered) = tokio::join!(serving, dialling);
    let (hub, plugin, certificate) = (at_hub.error(), at_plugin.error(), at_hub.certificate());
    Met { is_answered, hub, plugin, certificate }
}

async fn answer(mut stream: TlsStream<DuplexStream>) -> std::io::Result<()> {
    loop {
        let byte = stream.read_u8().await?;
        stream.write_u8(byte).await?;
        stream.flush().await?;
    }
}

async fn ask(stream: &mut TlsStream<DuplexStream>) -> std::io::Result<()> {
    stream.write_u8(7).await?;
    stream.flush().await?;
    assert_eq!(stream.read_u8().await?, 7);
    Ok(())
}

impl Met {
    /// What is told at the hub and in the plugin.
    #[track_caller]
    fn assert(&self, hub: (&TlsFault, Side), plugin: (&TlsFault, Side)) {
        assert!(!self.is_answered);
        let told = |error: &Option<TlsError>| {
            let error = error.as_ref().expect("it is told");
            (error.fault().clone(), error.refused_by())
        };
        assert_eq!(
            told(&self.hub),
            (hub.0.clone(), hub.1),
            "at the hub: {}",
            self.hub.as_ref().unwrap()
        );
        assert_eq!(
            told(&self.plugin),
            (plugin.0.clone(), plugin.1),
            "{}",
            self.plugin.as_ref().unwrap()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_meets_the_hub_that_it_trusts() {
    let authority = Authority::new("CA");
    let hub = hub(&authority.issue(&[HOST, "127.0.0.1"]));
    for host in [HOST, "127.0.0.1"] {
        let met = meet(&hub, &plugin(&authority), host).await;
        assert!(met.is_answered, "{:?} {:?}", met.hub, met.plugin);
        assert_eq!((met.hub, met.plugin, met.certificate), (None, None, None));
    }
    // It is for another host, and the plugin was told which name to expect.
    let named = plugin(&authority).server_name(HOST).unwrap();
    assert!(meet(&hub, &named, "192.0.2.1").await.is_answered);
}

#[tokio::test(start_paused = true)]
async fn a_pinned_key_is_all_that_counts() {
    let issued = authority::self_signed(&["elsewhere.example"]);
    let hub = hub(&issued);
    assert!(meet(&hub, &ClientTls::pinned(&hub.pin()).unwrap(), HOST).await.is_answered);
}

/// As while the hub's key is renewed: plugins know the new one before.
#[tokio::test(start_paused = true)]
async fn a_hub_holds_one_of_several_pinned_keys() {
    let (old, new) = (authority::self_signed(&[HOST]), authority::self_signed(&[HOST]));
    let (old, new) = (hub(&old), hub(&new));
    let plugin = ClientTls::pinned(&format!("{}\n{}\n", old.pin(), new.pin())).unwrap();
    for hub in [old, new] {
        assert!(meet(&hub, &plugin, HOST).await.is_answered);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_knows_a_plugin_by_its_certificate() {
    let authority = Authority::new("CA");
    let roots = || crate::Roots::pem(authority.pem()).unwrap();
    let shown = authority.issue_with(&["runner.example"], |params| {
        params.subject_alt_names.push(authority::uri("spiffe://example/runner"));
    });
    let with = showing(plugin(&authority), &shown);
    for clients in [crate::Clients::Wanted(roots()), crate::Clients::Demanded(roots())] {
        let hub = hub(&authority.issue(&[HOST])).clients(clients);
        let met = meet(&hub, &with, HOST).await;
        assert!(met.is_answered, "{:?} {:?}", met.hub, met.plugin);
        let certificate = met.certificate.unwrap();
        assert_eq!(certificate.dns_names(), ["runner.example"]);
        assert_eq!(certificate.uri_names(), ["spiffe://example/runner"]);
        let der = rustls::pki_types::pem::PemObject::from_pem_slice(shown.certificate.as_bytes());
        let der: rustls::pki_types::CertificateDer<'_> = der.unwrap();
        assert_eq!(
            certificate.fingerprint()[..],
            sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(&der))[..]
        );
    }
    // One that is wanted may be missing.
    let hub = hub(&authority.issue(&[HOST])).clients(crate::Clients::Wanted(roots()));
    let met = meet(&hub, &plugin(&authority), HOST).await;
    assert!(met.is_answered && met.certificate.is_none());
}

#[test]
fn no_provider_is_made_the_default_of_the_program() {
    let authority = Authority::new("CA");
    let _ = hub(&authority.issue(&[HOST]));
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}

#[test]
fn settings_show_no_key() {
    let authority = Authority::new("CA");
    let issued = authority.issue(&[HOST]);
    let shown = format!("{:?} {:?}", hub(&issued), showing(plugin(&authority), &issued));
    for line in issued.key.lines() {
        assert!(!shown.contains(line), "{shown}");
    }
    // An error that is about a key neither.
    let broken = issued.key.replace("-----END", "-----");
    let error = ServerTls::pem(issued.certificate.as_bytes(), broken.as_bytes()).unwrap_err();
    assert!(!error.to_string().contains(issued.key.lines().nth(1).unwrap()), "{error}");
}
