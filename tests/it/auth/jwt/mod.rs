//! Plugins that show a JWT.

mod issuer;
mod rotating;

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use brpc::auth::{AnyOf, Identity, Jwt, JwtKeys, Tokens};
use brpc::{Socket, Token};
use serde_json::{Value, json};

use self::issuer::{Issuer, claims, claims_but, now, part, token};
use super::{EDGE, hello, refused};
use crate::support::peer::{Hello, Peer, refusal};
use crate::support::plug;
use crate::support::traced::{all, trace};
use crate::support::worker::worker;

/// JWTs of this issuer, for `hub`.
fn jwt(issuer: &Issuer) -> Jwt {
    Jwt::new("hub").keys(JwtKeys::pem(issuer.pem().as_bytes()).unwrap())
}

fn hub(issuer: &Issuer) -> Socket {
    Socket::builder().authenticator(jwt(issuer)).build()
}

#[tokio::test(start_paused = true)]
async fn plugins_get_in_by_each_algorithm() {
    for issuer in [&Issuer::ed(), &Issuer::ec(), Issuer::rsa()] {
        let hub = hub(issuer);
        let _edge = Peer::plugged_as(&hub, &hello("edge-1", &issuer.token(&claims()))).await;
        let plugin = &hub.connected()[0];
        let identity = plugin.identity().unwrap();
        assert_eq!((identity.name(), identity.proved_by()), ("edge", "jwt"));
    }
}

/// The longest signature that is usual, and claims of one and a half page.
#[tokio::test(start_paused = true)]
async fn a_plugin_offers_it_as_its_token() {
    let issuer = Issuer::long_rsa();
    let hub = hub(&issuer);
    let token = issuer.token(&claims_but("more", "x".repeat(900).into()));
    assert!((1_900..=2_048).contains(&token.len()), "{}", token.len());
    let plugin = worker("edge-1").0.token(Token::text(&token));
    let plugged = plug(&hub, &plugin).await;
    assert_eq!(hub.call::<u64>("edge-1", "sleep", &1_u64).await, Ok(1));
    drop(plugged);
}

/// What isn't signed by the issuer, in each way that has fooled somebody.
fn forged(issuer: &Issuer) -> Vec<(&'static str, String)> {
    let [real, other] = [issuer.token(&claims()), Issuer::ed().token(&claims())];
    let (message, signature) = real.rsplit_once('.').unwrap();
    let (header, body) = message.split_once('.').unwrap();
    let none = |alg: &str| token(&json!({ "alg": alg }), &claims(), |_| Vec::new());
    let by_secret = |secret: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let sign = |message: &[u8]| hmac::sign(&key, message).as_ref().to_vec();
        token(&json!({ "alg": "HS256" }), &claims(), sign)
    };
    // Brings along the key that has signed it.
    let thief = Issuer::rsa();
    let jwk = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" });
    let own =
        |name: &str, key: Value| thief.token_with(&json!({ "alg": "RS256", name: key }), &claims());
    vec![
        ("no JWT", EDGE.to_owned()),
        ("of another key", other),
        ("without an algorithm", token(&json!({}), &claims(), |_| Vec::new())),
        ("unsigned", none("none")),
        ("unsigned, said otherwise", none("NoNe")),
        ("without its signature", format!("{message}.")),
        ("with less than its signature", format!("{message}.{}", &signature[2..])),
        ("with the public key as a secret", by_secret(issuer.pem().as_bytes())),
        ("with the public key as a secret, in DER", by_secret(&issuer.der())),
        ("with an empty secret", by_secret(b"")),
        ("with a key of its own", own("jwk", jwk)),
        ("with a key of its own, elsewhere", own("jku", "https://thief.example".into())),
        ("with a certificate of its own", own("x5c", json!(["AA=="]))),
        (
            "for other claims",
            format!("{header}.{}.{signature}", part(&claims_but("sub", 1.into()))),
        ),
        ("with a changed header", {
            let header = part(&json!({ "alg": issuer.algorithm() }));
            format!("{header}.{body}.{signature}")
        }),
        ("encrypted", format!("{real}.{signature}.{signature}")),
    ]
}

/// Each is refused with the same words, and says in the log for the operator alone what it is.
#[tokio::test(start_paused = true)]
async fn a02_every_wrong_jwt_is_told_the_same() {
    for issuer in [&Issuer::ed(), &Issuer::ec(), Issuer::rsa()] {
        let hub = hub(issuer);
        let mut wrong = forged(issuer);
        if issuer.algorithm() == "RS256" {
            // These bring along what the hub knows.
            wrong.retain(|(what, _)| !what.ends_with("of its own, elsewhere"));
            wrong.retain(|(what, _)| !what.ends_with("of its own"));
            for alg in ["PS256", "RS512"] {
                let token = issuer.token_with(&json!({ "alg": alg }), &claims());
                wrong.push(("with another algorithm of the key", token));
            }
        }
        for alg in ["RS256", "ES256", "EdDSA", "HS256"] {
            if alg != issuer.algorithm() {
                let token = issuer.token_with(&json!({ "alg": alg }), &claims());
                wrong.push(("with the algorithm of another key", token));
            }
        }
        let header = json!({ "alg": issuer.algorithm(), "crit": ["exp"] });
        wrong.push(("of which more must be known", issuer.token_with(&header, &claims())));
        for (name, value) in [
            ("exp", (now() - 3_600).into()),
            ("exp", Value::Null),
            ("nbf", (now() + 3_600).into()),
            ("aud", "another hub".into()),
            ("sub", Value::Null),
        ] {
            wrong.push((name, issuer.token(&claims_but(name, value))));
        }
        let mut told = Vec::new();
        for (what, token) in &wrong {
            let refused = refused(&hub, &hello("edge-1", token)).await;
            assert_eq!(refused.code, refusal::AUTH_FAILED, "{what}");
            told.push(refused);
        }
        assert!(told.iter().all(|other| *other == told[0]), "{told:?}");
        assert_eq!(hub.refusals().auth_failed, wrong.len() as u64);
        let _known = Peer::plugged_as(&hub, &hello("edge-1", &issuer.token(&claims()))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_jwt_is_for_the_names_that_it_grants() {
    let issuer = Issuer::ed();
    let hub = hub(&issuer);
    let store = refused(&hub, &hello("store", &issuer.token(&claims()))).await;
    assert_eq!(store.code, refusal::NAME_NOT_ALLOWED);
    let no_names = issuer.token(&claims_but("brpc_plug", Value::Null));
    assert_eq!(refused(&hub, &hello("edge", &no_names)).await.code, refusal::NAME_NOT_ALLOWED);
    let nothing = refused(&hub, &Hello::new("edge-1")).await;
    assert_eq!(nothing.code, refusal::AUTH_REQUIRED);
    let nobody = Socket::builder().authenticator(Jwt::new("hub")).build();
    let token = issuer.token(&claims());
    assert_eq!(refused(&nobody, &hello("edge-1", &token)).await.code, refusal::AUTH_FAILED);
}

/// Whichever knows a token lets it in; what neither knows is refused as a wrong one.
#[tokio::test(start_paused = true)]
async fn jwts_and_tokens_are_known_beside_each_other() {
    let issuer = Issuer::ed();
    let tokens = || Tokens::text(EDGE).unwrap().identity(Identity::new("old").plug("edge-*"));
    let orders =
        [AnyOf::new().or(tokens()).or(jwt(&issuer)), AnyOf::new().or(jwt(&issuer)).or(tokens())];
    for any in orders {
        let hub = Socket::builder().authenticator(any).build();
        let _old = Peer::plugged_as(&hub, &hello("edge-1", EDGE)).await;
        let _new = Peer::plugged_as(&hub, &hello("edge-2", &issuer.token(&claims()))).await;
        for wrong in ["store-token-0123456789", &Issuer::ed().token(&claims())] {
            assert_eq!(refused(&hub, &hello("edge-3", wrong)).await.code, refusal::AUTH_FAILED);
        }
        let none = refused(&hub, &Hello::new("edge-3")).await;
        assert_eq!(none.code, refusal::AUTH_REQUIRED);
    }
}

/// Neither one that is known nor one that is wrong, nor a part of either.
#[tokio::test(start_paused = true)]
async fn a19_no_jwt_is_shown_anywhere() {
    trace();
    let issuer = Issuer::ed();
    let authenticator = jwt(&issuer).grants(|claims| {
        tracing::trace!(target: "brpc::test", ?claims);
        brpc::Grants::default().plug("edge-*")
    });
    let builder = Socket::builder().authenticator(authenticator);
    let mut shown = format!("{:?} {builder:?}", jwt(&issuer));
    let hub = builder.build();
    let secret = claims_but("canary", "canary-that-sings-aloud".into());
    let (good, bad) = (issuer.token(&secret), Issuer::ed().token(&secret));
    let expired = issuer.token(&claims_but("exp", 1.into()));
    let _edge = Peer::plugged_as(&hub, &hello("edge-1", &good)).await;
    for wrong in [&bad, &expired] {
        write!(shown, "{:?}", refused(&hub, &hello("edge-1", wrong)).await).unwrap();
    }
    let plugins = hub.connected();
    write!(shown, "{plugins:?} {:?}", plugins[0].identity()).unwrap();
    let log = all();
    assert!(log.iter().any(|line| line.contains("JwtClaims")), "the log is there");
    assert!(log.iter().any(|line| line.contains("an expired JWT")), "for the operator");
    shown += &log.join("\n");
    assert!(!shown.contains("canary-that-sings-aloud"));
    for token in [good, bad, expired] {
        let parts = token.split('.').skip(1);
        for part in parts {
            assert!(!shown.contains(&part[..20]), "{part} is shown");
        }
    }
}
