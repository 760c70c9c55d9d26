//! What is logged of each decision.

use std::net::Ipv4Addr;

use brpc::Socket;
use brpc::auth::{Identity, Tokens};

use super::{EDGE, dial_from, hear_refusal, hello};
use crate::support::eventually;
use crate::support::peer::{Hello, Peer};
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
