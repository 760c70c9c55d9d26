//! Keys that change, and JWTs that expire.

use std::path::PathBuf;
use std::time::Duration;

use brpc::auth::{Jwt, JwtKeys, JwtKeysError};
use brpc::{DisconnectReason, EndReason, Socket, Token};
use tokio::time::{Instant, sleep};

use super::issuer::{Issuer, claims, claims_but, now};
use super::jwt;
use crate::auth::{hello, refused};
use crate::support::peer::{Peer, farewell, kind, refusal};
use crate::support::worker::worker;
use crate::support::{eventually, open};

/// A file of the test's own, which is gone with it.
struct Own(PathBuf);

impl Own {
    fn new(name: &str, text: &str) -> Self {
        let file = std::env::temp_dir().join(format!("brpc-jwt-{name}-{}", std::process::id()));
        std::fs::write(&file, text).unwrap();
        Self(file)
    }

    fn say(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }

    fn hub(&self) -> Socket {
        let keys = JwtKeys::file(&self.0).unwrap();
        Socket::builder().authenticator(Jwt::new("hub").keys(keys)).build()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Both keys are known for a while; then whoever was let in by the old one is cut off, within a second.
#[tokio::test(start_paused = true)]
async fn a04_keys_of_jwts_are_rotated() {
    let [old, new] = [Issuer::ed(), Issuer::ec()];
    let file = Own::new("rotated", &old.pem());
    let hub = file.hub();
    let [by_old, by_new] = [old.token(&claims()), new.token(&claims())];
    let mut first = Peer::plugged_as(&hub, &hello("edge-1", &by_old)).await;
    assert_eq!(refused(&hub, &hello("edge-2", &by_new)).await.code, refusal::AUTH_FAILED);
    file.say(&(old.pem() + &new.pem()));
    sleep(Duration::from_secs(1)).await;
    let _second = Peer::plugged_as(&hub, &hello("edge-2", &by_new)).await;
    let _third = Peer::plugged_as(&hub, &hello("edge-3", &by_old)).await;
    assert_eq!(hub.connected().len(), 3);
    file.say(&new.pem());
    let start = Instant::now();
    assert_eq!(first.expect(kind::GOODBYE).await.fields().number(), farewell::REVOKED);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    eventually(|| hub.connected().len() == 1).await;
    assert_eq!(hub.connected()[0].name(), "edge-2");
    assert_eq!(refused(&hub, &hello("edge-1", &by_old)).await.code, refusal::AUTH_FAILED);
}

#[tokio::test(start_paused = true)]
async fn the_last_key_is_revoked_by_a_comment() {
    let issuer = Issuer::ed();
    let file = Own::new("last", &issuer.pem());
    let hub = file.hub();
    let token = issuer.token(&claims());
    let mut edge = Peer::plugged_as(&hub, &hello("edge-1", &token)).await;
    // Not by one that is still being written.
    file.say(&format!("# a new one\n{}", &issuer.pem()[..60]));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(hub.connected().len(), 1);
    file.say("# it was stolen\n");
    assert_eq!(edge.expect(kind::GOODBYE).await.fields().number(), farewell::REVOKED);
    assert_eq!(refused(&hub, &hello("edge-1", &token)).await.code, refusal::AUTH_FAILED);
    file.say(&issuer.pem());
    sleep(Duration::from_secs(1)).await;
    let _edge = Peer::plugged_as(&hub, &hello("edge-1", &token)).await;
}

#[tokio::test(start_paused = true)]
async fn a_bad_new_file_of_keys_changes_nothing() {
    let issuer = Issuer::ed();
    let file = Own::new("bad", &issuer.pem());
    let hub = file.hub();
    let token = issuer.token(&claims());
    let _edge = Peer::plugged_as(&hub, &hello("edge-1", &token)).await;
    let half = issuer.pem()[..60].to_owned();
    for bad in ["", "no key", &half, &issuer.pem().replace("PUBLIC", "PRIVATE")] {
        file.say(bad);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(hub.connected().len(), 1, "{bad:?}");
        let _again = Peer::plugged_as(&hub, &hello("edge-2", &token)).await;
    }
}

#[test]
fn mistakes_in_keys_are_told() {
    let missing = JwtKeys::file("/nowhere/issuer.pem").unwrap_err();
    assert!(matches!(missing, JwtKeysError::Read { .. }));
    assert_eq!(missing.to_string(), "can't read the public keys in /nowhere/issuer.pem");
    let none = JwtKeys::pem(b"").unwrap_err().to_string();
    let expected = "the bytes: there is no public key; expected PEM (-----BEGIN PUBLIC KEY-----)";
    assert_eq!(none, expected);
}

/// The dates in JWTs are of the clock of the day, which can't be paused.
#[tokio::test]
async fn a_connection_lasts_unless_it_shall_end_with_its_jwt() {
    let issuer = Issuer::ed();
    let exact = || jwt(&issuer).leeway(Duration::ZERO);
    let stays = Socket::builder().authenticator(exact()).build();
    let ends = Socket::builder().authenticator(exact().end_at_expiry()).build();
    let token = |seconds: u64| issuer.token(&claims_but("exp", (now() + seconds).into()));
    let dial = async |hub: &Socket, seconds| {
        let token = Token::text(token(seconds));
        open(hub, &worker("edge-1").0.token(token)).await
    };
    // This machine may be so slow that it has expired before it is looked at.
    let (_staying, ending) = loop {
        if let (Ok(staying), Ok(ending)) = (dial(&stays, 2).await, dial(&ends, 2).await) {
            break (staying, ending);
        }
    };
    assert!(matches!(ending.run().await, EndReason::Lost(DisconnectReason::Revoked)));
    for hub in [&stays, &ends] {
        let expired = refused(hub, &hello("edge-2", &token(0))).await;
        assert_eq!(expired.code, refusal::AUTH_FAILED);
    }
    assert_eq!((stays.connected().len(), ends.connected().len()), (1, 0));
}
