//! What is logged of each decision.

use std::net::Ipv4Addr;

use brpc::Socket;
use brpc::auth::{Identity, Tokens};
use brpc_tls::{ClientTls, Clients, Report, Roots, ServerTls};
use tokio::io::AsyncReadExt as _;

use super::{EDGE, STORE, dial_from, hear_later_refusal, hear_refusal, hello, two};
use crate::support::authority::Authority;
use crate::support::eventually;
use crate::support::peer::{Hello, Peer, kind, refusal};
use crate::support::traced::{logged, trace};

/// The decisions on plugins from this address.
pub(super) fn decisions(address: &str) -> Vec<String> {
    let lines = logged("source", format!("{address}:1"));
    lines.into_iter().filter(|line| line.contains(" decision=")).collect()
}

#[tokio::test(start_paused = true)]
async fn each_decision_is_logged_once() {
    trace();
    let path = std::env::temp_dir().join(format!("brpc-audit-{}", std::process::id()));
    std::fs::write(&path, EDGE).unwrap();
    let tokens = Tokens::file(&path).unwrap();
    let edge = Identity::new("the edge").plug("edge-*");
    let hub = Socket::builder().authenticator(tokens.identity(edge)).build();
    let address = |last| Ipv4Addr::new(198, 51, 100, last).to_string();
    let mut dialled = Vec::new();
    for (last, hello) in [
        (1, hello("edge-1", EDGE)),
        (2, hello("store", EDGE)),
        (3, hello("edge-3", "a token that is wrong")),
        (3, hello("edge-3", EDGE)),
        (4, Hello::new("edge-4")),
    ] {
        let mut peer = Peer::new(dial_from(&hub, &address(last)));
        peer.say_hello(&hello).await;
        if last == 1 {
            peer.hear_welcome().await;
            dialled.push(peer);
        } else {
            hear_refusal(peer).await;
        }
    }
    let one = |last: u8, expected: &[&str]| {
        let lines = decisions(&address(last));
        assert_eq!(lines.len(), 1, "{lines:?}");
        for it in expected {
            assert!(lines[0].contains(it), "{it}: {lines:?}");
        }
    };
    one(1, &["decision=\"allowed\"", "identity=\"the edge\"", "by=\"token\"", "plugin=\"edge-1\""]);
    one(1, &["encrypted=false"]);
    one(2, &["decision=\"refused\"", "identity=\"the edge\"", "plugin=\"store\"", "may have"]);
    one(4, &["decision=\"refused\"", "plugin=\"edge-4\"", "reason=\"no token\""]);
    let twice = decisions(&address(3));
    assert!(
        twice.len() == 2 && twice[0].contains("unknown token") && !twice[0].contains("identity=")
    );
    assert!(twice[1].contains("too many failed attempts"), "{twice:?}");
    std::fs::write(&path, "another-token-0123456789").unwrap();
    eventually(|| hub.connected().is_empty()).await;
    let lines = decisions(&address(1));
    assert!(lines.len() == 2 && lines[1].contains("decision=\"revoked\""), "{lines:?}");
    assert!(lines[1].contains("plugin=\"edge-1\"") && lines[1].contains("identity=\"the edge\""));
    std::fs::remove_file(&path).unwrap();
}

/// Who asks for what isn't theirs may have the name, and is refused all the same.
#[tokio::test(start_paused = true)]
async fn a_name_that_another_identity_has_is_logged_as_refused() {
    trace();
    let hub = Socket::builder().authenticator(two()).build();
    let _edge = Peer::plugged_as(&hub, &hello("edge-2", EDGE)).await;
    let address = "198.51.100.9";
    let mut store = Peer::new(dial_from(&hub, address));
    store.say_hello(&hello("edge-2", STORE)).await;
    store.hear_preface().await;
    store.expect(kind::ACCEPTED).await;
    assert_eq!(hear_later_refusal(store).await.code, refusal::NAME_TAKEN);
    let lines = decisions(address);
    assert!(lines.len() == 2 && lines[0].contains("decision=\"allowed\""), "{lines:?}");
    for it in ["decision=\"refused\"", "identity=\"store\"", "plugin=\"edge-2\"", "another plugin"]
    {
        assert!(lines[1].contains(it), "{it}: {lines:?}");
    }
}

/// TLS decides on them before the authenticator is asked, and where there is none.
#[tokio::test]
async fn a_certificate_that_is_refused_is_logged() {
    trace();
    let (authority, other) = (Authority::new("CA"), Authority::new("other"));
    let issued = authority.issue(&["hub.test"]);
    let clients = Clients::Demanded(Roots::pem(authority.pem()).unwrap());
    let tls = ServerTls::pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap();
    let hub = Socket::builder().tls(tls.clients(clients)).build();
    let theirs = other.issue(&["runner"]);
    let trusting = || ClientTls::ca_pem(authority.pem()).unwrap();
    let showing =
        trusting().certificate_pem(theirs.certificate.as_bytes(), theirs.key.as_bytes()).unwrap();
    for (address, tls, reason) in [
        ("198.51.100.10", trusting(), "demands a certificate"),
        ("198.51.100.11", showing, "isn't from a CA"),
    ] {
        let stream = tls.connect("hub.test", dial_from(&hub, address), &Report::new()).await;
        let _ = stream.unwrap().read_to_end(&mut Vec::new()).await;
        eventually(|| !decisions(address).is_empty()).await;
        let lines = decisions(address);
        assert!(lines.len() == 1 && lines[0].contains("decision=\"refused\""), "{lines:?}");
        assert!(lines[0].contains(reason) && !lines[0].contains("plugin="), "{lines:?}");
    }
    // Who speaks something else has asked for nothing.
    let address = "198.51.100.12";
    drop(dial_from(&hub, address));
    eventually(|| logged("source", format!("{address}:1")).iter().any(|it| it.contains("ended")))
        .await;
    assert!(decisions(address).is_empty());
}
