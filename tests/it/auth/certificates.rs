//! Plugins that show a certificate over TLS.

use brpc::auth::{AnyOf, Certificates, Identity, Tokens};
use brpc::{ConnectError, MemoryConnector, MemoryListener, RefusalCode, Session, Socket};
use brpc_tls::Report;
use brpc_tls::{ClientTls, Clients, Roots, ServerTls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use sha2::{Digest as _, Sha256};

use super::EDGE;
use crate::support::eventually;
use crate::support::worker::{Worker, worker};

/// A CA, which issues certificates for the hub and for plugins.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for this DNS name, and for this URI, with its key.
    fn issue(&self, name: &str, uri: Option<&str>) -> (String, String) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.subject_alt_names.extend(uri.map(|uri| SanType::URI(uri.try_into().unwrap())));
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// What a plugin of such a certificate dials with.
    fn plugin(&self, issued: Option<&(String, String)>) -> ClientTls {
        let tls = ClientTls::ca_pem(self.pem.as_bytes()).unwrap();
        match issued {
            Some((pem, key)) => tls.certificate_pem(pem.as_bytes(), key.as_bytes()).unwrap(),
            None => tls,
        }
    }
}

async fn plug(
    connector: &MemoryConnector,
    tls: &ClientTls,
    name: &str,
) -> Result<Session<Worker>, ConnectError> {
    let stream = connector.connect().await.unwrap();
    let stream = tls.connect("hub.test", stream, &Report::new()).await.unwrap();
    worker(name).0.serve(stream).await
}

fn code(refused: Result<Session<Worker>, ConnectError>) -> RefusalCode {
    match refused {
        Err(ConnectError::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a7_a_certificate_is_for_the_names_of_its_identity() {
    let authority = Authority::new();
    let (pem, key) = authority.issue("hub.test", None);
    let server = ServerTls::pem(pem.as_bytes(), key.as_bytes()).unwrap();
    let clients = Clients::Wanted(Roots::pem(authority.pem.as_bytes()).unwrap());
    let certificates = Certificates::new()
        .san("Edge.Example", Identity::new("edge").plug("edge-*"))
        .san("spiffe://example/store", Identity::new("store").plug("store"));
    let any = AnyOf::new().or(certificates).or(Tokens::text(EDGE).unwrap());
    let hub = Socket::builder().tls(server.clients(clients)).authenticator(any).build();
    let (connector, listener) = MemoryListener::new();
    let _serving = hub.serve(listener);

    let edge = authority.plugin(Some(&authority.issue("edge.example", None)));
    let store = authority.issue("other.example", Some("spiffe://example/store"));
    let store = authority.plugin(Some(&store));
    let sessions = [
        plug(&connector, &edge, "edge-1").await.unwrap(),
        plug(&connector, &store, "store").await.unwrap(),
    ];
    for (plugin, name) in hub.connected().iter().zip(["edge", "store"]) {
        let identity = plugin.identity().unwrap();
        assert_eq!((identity.name(), identity.proved_by()), (name, "certificate"));
    }
    assert_eq!(code(plug(&connector, &edge, "store").await), RefusalCode::NameNotAllowed);
    // A URI isn't limited where the CA of a certificate is limited to some DNS names.
    for issued in [("sub.edge.example", None), ("other.example", Some("Edge.Example"))] {
        let unknown = authority.plugin(Some(&authority.issue(issued.0, issued.1)));
        assert_eq!(code(plug(&connector, &unknown, "edge-2").await), RefusalCode::AuthFailed);
    }
    // In a URI, unlike in a DNS name, it matters which case a letter has.
    let other = authority.issue("other.example", Some("spiffe://example/Store"));
    let other = authority.plugin(Some(&other));
    assert_eq!(code(plug(&connector, &other, "store").await), RefusalCode::AuthFailed);
    let none = authority.plugin(None);
    assert_eq!(code(plug(&connector, &none, "edge-2").await), RefusalCode::AuthRequired);
    drop(sessions);
    eventually(|| hub.connected().is_empty()).await;
}

#[tokio::test]
async fn a_certificate_is_known_by_its_fingerprint() {
    let authority = Authority::new();
    let (pem, key) = authority.issue("hub.test", None);
    let (known, other) = (authority.issue("a.test", None), authority.issue("a.test", None));
    let fingerprint = Sha256::digest(der(&known.0)).into();
    let clients = Clients::Demanded(Roots::pem(authority.pem.as_bytes()).unwrap());
    let server = ServerTls::pem(pem.as_bytes(), key.as_bytes()).unwrap().clients(clients);
    let edge = Certificates::new().fingerprint(fingerprint, Identity::new("edge").plug("*"));
    let hub = Socket::builder().tls(server).authenticator(edge).build();
    let (connector, listener) = MemoryListener::new();
    let _serving = hub.serve(listener);
    let (known, other) = (authority.plugin(Some(&known)), authority.plugin(Some(&other)));
    assert_eq!(code(plug(&connector, &other, "edge").await), RefusalCode::AuthFailed);
    let _session = plug(&connector, &known, "edge").await.unwrap();
}

/// The bytes of a certificate.
fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let value = |digit: u8| match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = base64.bytes().filter(|digit| *digit != b'=').map(value).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let all = four.iter().fold(0_u32, |all, digit| (all << 6) | u32::from(*digit));
        let all = all << (6 * (4 - four.len()));
        all.to_be_bytes()[1..four.len()].to_vec()
    });
    bytes.collect()
}
