//! Who refuses whom, and what both sides are told.

use std::sync::Arc;

use brpc_core::Side::{Peer, This};
use rcgen::{BasicConstraints, CertificateParams, IsCa};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, version};
use tokio_rustls::TlsAcceptor;

use super::authority::{Authority, expired, not_yet_valid, self_signed};
use super::{HOST, hub, meet, plugin, showing};
use crate::pem;
use crate::provider::provider;
use crate::source::Source;
use crate::{ClientTls, Clients, Report, Roots, ServerTls, TlsFault, TlsSettingsError};

#[tokio::test(start_paused = true)]
async fn a05_a_hubs_certificate_that_is_out_of_date_is_refused() {
    let authority = Authority::new("CA");
    for (issued, seen) in [
        (authority.issue_with(&[HOST], expired), TlsFault::Expired),
        (authority.issue_with(&[HOST], not_yet_valid), TlsFault::NotYetValid),
    ] {
        let met = meet(&hub(&issued), &plugin(&authority), HOST).await;
        met.assert((&TlsFault::Outdated, Peer), (&seen, This));
        assert!(met.plugin.unwrap().is_transient(), "a hub renews its certificate");
    }
}

#[tokio::test(start_paused = true)]
async fn a05_a_plugins_certificate_that_is_out_of_date_is_refused() {
    let authority = Authority::new("CA");
    let hub = demanding(&authority);
    for (issued, seen) in [
        (authority.issue_with(&["runner"], expired), TlsFault::Expired),
        (authority.issue_with(&["runner"], not_yet_valid), TlsFault::NotYetValid),
    ] {
        let met = meet(&hub, &showing(plugin(&authority), &issued), HOST).await;
        met.assert((&seen, This), (&TlsFault::Outdated, Peer));
        assert!(met.plugin.unwrap().is_transient(), "its file may be renewed");
    }
}

#[tokio::test(start_paused = true)]
async fn a06_who_comes_from_another_ca_is_refused() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    for issued in [other.issue(&[HOST]), self_signed(&[HOST])] {
        let met = meet(&hub(&issued), &plugin(&ours), HOST).await;
        met.assert((&TlsFault::UnknownCa, Peer), (&TlsFault::UnknownCa, This));
        // Anybody on the way could show this one.
        assert!(met.plugin.unwrap().is_transient());
    }
    for issued in [other.issue(&["runner"]), self_signed(&["runner"])] {
        let met = meet(&demanding(&ours), &showing(plugin(&ours), &issued), HOST).await;
        met.assert((&TlsFault::UnknownCa, This), (&TlsFault::UnknownCa, Peer));
        // The hub has proven who it is.
        assert!(!met.plugin.unwrap().is_transient());
    }
}

/// As `openssl req -x509` makes it, if nothing else is said.
#[tokio::test(start_paused = true)]
async fn a_certificate_of_a_ca_is_refused_with_the_way_out() {
    let authority = Authority::new("CA");
    let of_a_ca = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    let issued = authority.issue_with(&[HOST], of_a_ca);
    let theirs = ClientTls::ca_pem(issued.certificate.as_bytes()).unwrap();
    let met = meet(&hub(&issued), &theirs, HOST).await;
    let told = met.plugin.unwrap().to_string();
    assert!(told.contains("basicConstraints=CA:FALSE") && told.contains("pin"), "{told}");
    let pinned = ClientTls::pinned(&hub(&issued).pin()).unwrap();
    assert!(meet(&hub(&issued), &pinned, HOST).await.is_answered, "the way out");

    let met = meet(&demanding(&authority), &showing(plugin(&authority), &issued), HOST).await;
    let told = met.hub.unwrap().to_string();
    assert!(
        told.starts_with("the hub refused the plugin's") && told.contains("CA:FALSE"),
        "{told}"
    );
}

/// Somebody whose name is that of a CA that is trusted.
#[tokio::test(start_paused = true)]
async fn a_certificate_of_a_ca_of_the_same_name_is_refused_in_words() {
    let (ours, other) = (Authority::new("CA"), Authority::new("CA"));
    let met = meet(&hub(&other.issue(&[HOST])), &plugin(&ours), HOST).await;
    let told = met.plugin.unwrap().to_string();
    assert!(told.contains("a CA of the same name and another key"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a08_a_hub_of_another_name_is_refused() {
    let authority = Authority::new("CA");
    let hub = hub(&authority.issue(&["other.example"]));
    for host in [HOST, "127.0.0.1", "other.example.evil.example"] {
        let met = meet(&hub, &plugin(&authority), host).await;
        assert!(!met.is_answered);
        let error = met.plugin.unwrap();
        let TlsFault::WrongName { expected, presented } = error.fault() else {
            panic!("{error}");
        };
        assert_eq!((&**expected, error.refused_by()), (host, This));
        assert_eq!(*presented, ["other.example"]);
        assert_eq!(met.hub.unwrap().refused_by(), Peer);
    }
}

#[tokio::test(start_paused = true)]
async fn another_key_than_the_pinned_one_is_refused() {
    let (one, two) = (self_signed(&[HOST]), self_signed(&[HOST]));
    let (one, two) = (hub(&one), hub(&two));
    let met = meet(&one, &ClientTls::pinned(&two.pin()).unwrap(), HOST).await;
    assert!(!met.is_answered);
    let (expected, found) = (two.pin(), one.pin());
    assert_eq!(met.plugin.unwrap().fault(), &TlsFault::WrongKey { expected, found });
    assert!(matches!(met.hub.unwrap().fault(), TlsFault::BadCertificate(_)));
    // None of several.
    let three = hub(&self_signed(&[HOST]));
    let met =
        meet(&one, &ClientTls::pinned(&(two.pin() + "," + &three.pin())).unwrap(), HOST).await;
    let told = met.plugin.unwrap().to_string();
    assert!(told.contains(&format!("{} or {} is pinned", two.pin(), three.pin())), "{told}");
    assert!(!meet(&one, &ClientTls::pinned_sha256([]), HOST).await.is_answered);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_without_a_certificate_is_refused_where_one_is_demanded() {
    let authority = Authority::new("CA");
    let met = meet(&demanding(&authority), &plugin(&authority), HOST).await;
    met.assert((&TlsFault::NoCertificate, This), (&TlsFault::NoCertificate, Peer));
    assert!(!met.plugin.unwrap().is_transient());
}

#[tokio::test(start_paused = true)]
async fn a_certificate_for_another_use_is_refused() {
    let authority = Authority::new("CA");
    let issued = authority.issue_with(&[HOST], |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let met = meet(&hub(&issued), &plugin(&authority), HOST).await;
    assert!(!met.is_answered);
    assert!(matches!(met.plugin.unwrap().fault(), TlsFault::BadCertificate(_)));
}

#[tokio::test(start_paused = true)]
async fn a_revoked_certificate_is_refused_and_the_others_are_not() {
    let authority = Authority::new("CA");
    let issue = |serial: u64| {
        authority.issue_with(&[HOST], |params| params.serial_number = Some(serial.into()))
    };
    let roots = Roots::pem(authority.pem()).unwrap();
    let roots = roots.crl_pem(authority.revoke(&[7]).as_bytes()).unwrap();
    let at = hub(&issue(1)).clients(Clients::Demanded(roots.clone()));
    let met = meet(&at, &showing(plugin(&authority), &issue(7)), HOST).await;
    met.assert((&TlsFault::Revoked, This), (&TlsFault::Revoked, Peer));
    assert!(!met.plugin.unwrap().is_transient());
    let met = meet(&at, &showing(plugin(&authority), &issue(8)), HOST).await;
    assert!(met.is_answered, "{:?} {:?}", met.hub, met.plugin);

    // The same at the other side.
    let met = meet(&hub(&issue(7)), &ClientTls::roots(roots.clone()), HOST).await;
    met.assert((&TlsFault::Revoked, Peer), (&TlsFault::Revoked, This));
    assert!(meet(&hub(&issue(8)), &ClientTls::roots(roots), HOST).await.is_answered);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_of_which_no_list_tells_is_refused() {
    let (authority, other) = (Authority::new("CA"), Authority::new("other"));
    let roots = Roots::pem(authority.pem()).unwrap();
    let roots = roots.crl_pem(other.revoke(&[7]).as_bytes()).unwrap();
    let hub = hub(&authority.issue(&[HOST])).clients(Clients::Demanded(roots));
    let met = meet(&hub, &showing(plugin(&authority), &authority.issue(&["runner"])), HOST).await;
    assert_eq!(met.hub.unwrap().fault(), &TlsFault::RevocationUnknown);
}

#[test]
fn a14_a_list_that_is_malformed_is_an_error_at_the_start() {
    let authority = Authority::new("CA");
    let list = authority.revoke(&[7]);
    let cut = list.lines().take(3).collect::<Vec<_>>().join("\n") + "\n-----END X509 CRL-----\n";
    let twisted = list.replacen("\nM", "\nA", 1);
    for wrong in ["", "no list", &cut, &twisted, &String::from_utf8_lossy(authority.pem())] {
        let roots = Roots::pem(authority.pem()).unwrap();
        let error = roots.crl_pem(wrong.as_bytes()).unwrap_err();
        assert!(matches!(error, TlsSettingsError::Malformed { .. }), "{error}");
    }
    assert!(Roots::pem(authority.pem()).unwrap().crl_pem(list.as_bytes()).is_ok());
}

#[test]
fn settings_that_can_not_be_used_are_an_error_at_the_start() {
    let authority = Authority::new("CA");
    let (one, two) = (authority.issue(&[HOST]), authority.issue(&[HOST]));
    let pem = |certificate: &str, key: &str| {
        ServerTls::pem(certificate.as_bytes(), key.as_bytes()).unwrap_err()
    };
    assert!(matches!(pem(&one.certificate, &two.key), TlsSettingsError::OtherKey { .. }));
    for (certificate, key) in
        [("", &*one.key), (&one.key, &one.key), (&one.certificate, ""), (&one.certificate, "x")]
    {
        assert!(matches!(pem(certificate, key), TlsSettingsError::Malformed { .. }));
    }
    let error = ServerTls::files("/nowhere/hub.pem", "/nowhere/hub.key").unwrap_err();
    assert!(matches!(error, TlsSettingsError::Unreadable { .. }), "{error}");
    let error = plugin(&authority).server_name("a b").unwrap_err();
    assert!(matches!(error, TlsSettingsError::BadServerName { .. }), "{error}");
}

/// A hub that demands certificates of this CA.
fn demanding(authority: &Authority) -> ServerTls {
    let roots = Roots::pem(authority.pem()).unwrap();
    hub(&authority.issue(&[HOST])).clients(Clients::Demanded(roots))
}

/// A certificate is no secret: whoever has seen it can show it.
#[tokio::test(start_paused = true)]
async fn who_shows_the_pinned_certificate_without_its_key_is_refused() {
    let (seen, own) = (self_signed(&[HOST]), self_signed(&[HOST]));
    let pinned = ClientTls::pinned(&hub(&seen).pin()).unwrap().allow_tls12();
    let certificates = pem::certificates(&Source::bytes(seen.certificate.as_bytes())).unwrap();
    let key = pem::key(&Source::bytes(own.key.as_bytes())).unwrap();
    let key = provider().key_provider.load_private_key(key).unwrap();
    let shown = Arc::new(SingleCertAndKey::from(CertifiedKey::new(certificates, key)));
    for version in [&version::TLS13, &version::TLS12] {
        let config = ServerConfig::builder_with_provider(provider());
        let config = config.with_protocol_versions(&[version]).unwrap();
        let config = config.with_no_client_auth().with_cert_resolver(shown.clone());
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let accepting = TlsAcceptor::from(Arc::new(config)).accept(theirs);
        let report = Report::new();
        let (_, dialled) = tokio::join!(accepting, pinned.connect(HOST, ours, &report));
        assert!(dialled.is_err() && !report.is_secured(), "{version:?}");
    }
}
