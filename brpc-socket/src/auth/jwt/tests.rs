use std::fmt::Write as _;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_ASN1_SIGNING,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;

/// What the tests call now, in seconds since 1970.
const NOW: u64 = 2_000_000_000;

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn public(der: &PublicKeyX509Der<'_>) -> String {
    pem("PUBLIC KEY", der.as_ref())
}

fn public_of(pair: &Ed25519KeyPair) -> String {
    public(&pair.public_key().as_der().unwrap())
}

fn on(curve: &'static aws_lc_rs::signature::EcdsaSigningAlgorithm) -> Vec<u8> {
    let pair = EcdsaKeyPair::generate(curve).unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    der.as_ref().to_vec()
}

/// A token with these claims, signed as with `EdDSA`.
fn token(pair: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let mut token = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(token.as_bytes()));
    write!(token, ".{signature}").unwrap();
    token
}

struct Issuer(Ed25519KeyPair);

impl Issuer {
    fn new() -> Self {
        Self(Ed25519KeyPair::generate().unwrap())
    }

    fn jwt(&self) -> Jwt {
        Jwt::new("hub").keys(JwtKeys::pem(public_of(&self.0).as_bytes()).unwrap())
    }

    /// With claims beside those that a JWT must have.
    fn token(&self, more: &Value) -> String {
        let mut claims = json!({ "aud": "hub", "exp": NOW + 600, "sub": "edge" });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        token(&self.0, &json!({ "alg": "EdDSA" }), &claims)
    }

    fn decide(&self, jwt: &Jwt, more: &Value) -> Result<Identity, String> {
        jwt.decide(self.token(more).as_bytes(), at(NOW)).map_err(|denial| denial.to_string())
    }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn denied(reason: &str) -> Result<Identity, String> {
    Err(reason.to_owned())
}

/// Valid at the last moment of the leeway, and not at the first one after it.
#[test]
fn dates_hold_to_the_second() {
    let issuer = Issuer::new();
    let (default, none) = (issuer.jwt(), issuer.jwt().leeway(Duration::ZERO));
    for (jwt, leeway) in [(&default, 60), (&none, 0)] {
        let decide = |more: Value| issuer.decide(jwt, &more);
        assert!(decide(json!({ "exp": NOW - leeway + 1 })).is_ok());
        assert_eq!(decide(json!({ "exp": NOW - leeway })), denied("an expired JWT"));
        assert!(decide(json!({ "nbf": NOW + leeway })).is_ok());
        let early = decide(json!({ "nbf": NOW + leeway + 1 }));
        assert_eq!(early, denied("a JWT whose time has not come"));
    }
    // Dates may have fractions.
    assert!(issuer.decide(&none, &json!({ "exp": 2_000_000_000.5 })).is_ok());
    assert_eq!(issuer.decide(&none, &json!({ "exp": 1_999_999_999.5 })), denied("an expired JWT"));
    let endless = issuer.jwt().leeway(Duration::MAX);
    assert!(issuer.decide(&endless, &json!({ "exp": 0, "nbf": u64::MAX })).is_ok());
}

#[test]
fn what_is_no_date_is_refused() {
    let issuer = Issuer::new();
    let jwt = issuer.jwt();
    for odd in [json!(null), json!("2000000600"), json!(-1), json!(-0.5), json!(1e300), json!([])] {
        let expiry = issuer.decide(&jwt, &json!({ "exp": odd }));
        assert_eq!(expiry, denied("a JWT that never expires"), "{odd}");
        let start = issuer.decide(&jwt, &json!({ "nbf": odd }));
        assert_eq!(start, denied("a JWT whose time has not come"), "{odd}");
    }
}

#[test]
fn each_claim_that_is_asked_for_must_be_there() {
    let issuer = Issuer::new();
    let sign = |claims: &Value| token(&issuer.0, &json!({ "alg": "EdDSA" }), claims);
    let jwt = issuer.jwt().issuer("us");
    let all = json!({ "aud": "hub", "exp": NOW + 1, "sub": "edge", "iss": "us" });
    assert!(jwt.decide(sign(&all).as_bytes(), at(NOW)).is_ok());
    for (claim, reason) in [
        ("aud", "a JWT for another audience"),
        ("exp", "a JWT that never expires"),
        ("iss", "a JWT of another issuer"),
        ("sub", "a JWT without a name"),
    ] {
        let mut others = all.clone();
        others.as_object_mut().unwrap().remove(claim);
        let denial = jwt.decide(sign(&others).as_bytes(), at(NOW)).unwrap_err();
        assert_eq!(denial.reason(), reason);
        for odd in [json!(null), json!(1), json!({ "hub": "us" }), json!(""), json!(["other"])] {
            others[claim] = odd.clone();
            if claim != "exp" {
                let denial = jwt.decide(sign(&others).as_bytes(), at(NOW)).unwrap_err();
                assert_eq!(denial.reason(), reason, "{odd}");
            }
        }
    }
    for nothing in [json!(null), json!([]), json!("hub")] {
        let denial = jwt.decide(sign(&nothing).as_bytes(), at(NOW)).unwrap_err();
        assert_eq!(denial.reason(), "a JWT that says nothing");
    }
}

#[test]
fn audience_and_issuer_are_compared_as_a_whole() {
    let issuer = Issuer::new();
    let jwt = issuer.jwt().issuer("us");
    let decide = |aud: Value, iss: &str| issuer.decide(&jwt, &json!({ "aud": aud, "iss": iss }));
    assert!(decide(json!(["other", "hub"]), "us").is_ok());
    let others = ["hub2", "hu", "HUB", "other"].map(|name| [json!(name), json!([name])]);
    for aud in others.into_iter().flatten().chain([json!([["hub"]])]) {
        assert_eq!(decide(aud, "us"), denied("a JWT for another audience"));
    }
    assert_eq!(decide(json!("hub"), "us2"), denied("a JWT of another issuer"));
}

/// Nothing is granted that is not said, also where it is said in another form.
#[test]
fn a16_what_a_jwt_does_not_grant_is_denied() {
    let issuer = Issuer::new();
    let jwt = issuer.jwt();
    let may =
        |more: Value, name: &str| issuer.decide(&jwt, &more).unwrap().granted().may_plug(name);
    assert!(!may(json!({}), "edge"), "not even its own name");
    assert!(may(json!({ "brpc_plug": "edge-*" }), "edge-1"));
    assert!(!may(json!({ "brpc_plug": "edge-*" }), "store"));
    assert!(may(json!({ "brpc_plug": ["edge-1", "store"] }), "store"));
    for odd in [json!(null), json!(true), json!({ "*": "*" }), json!(["*", 1]), json!([["*"]])] {
        assert!(!may(json!({ "brpc_plug": odd }), "store"), "{odd}");
    }
    let by_group = issuer.jwt().grants(|claims| {
        let groups: Vec<String> = claims.get("groups").unwrap_or_default();
        groups.into_iter().fold(Grants::default(), Grants::plug)
    });
    let more = json!({ "groups": ["store"], "brpc_plug": "*" });
    let identity = issuer.decide(&by_group, &more).unwrap();
    assert!(identity.granted().may_plug("store") && !identity.granted().may_plug("edge"));
}

/// That program may set another one, before or after.
#[test]
fn the_cryptography_of_the_process_is_left_to_the_program() {
    let issuer = Issuer::new();
    assert!(issuer.decide(&issuer.jwt(), &json!({})).is_ok());
    let provider = &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
    assert!(provider.install_default().is_ok(), "none was set");
}

#[test]
fn the_name_is_a_claim() {
    let issuer = Issuer::new();
    let identity = issuer.decide(&issuer.jwt(), &json!({})).unwrap();
    assert_eq!((identity.name(), identity.proved_by()), ("edge", "jwt"));
    let by_mail = issuer.jwt().name_claim("email");
    let identity = issuer.decide(&by_mail, &json!({ "email": "a@example" })).unwrap();
    assert_eq!(identity.name(), "a@example");
    assert_eq!(issuer.decide(&by_mail, &json!({})), denied("a JWT without a name"));
}

/// The id in the header chooses among keys that have one.
#[test]
fn a_key_with_an_id_is_for_tokens_with_it_or_with_none() {
    let [old, new] = [Issuer::new(), Issuer::new()];
    let keys = |issuer: &Issuer| JwtKeys::pem(public_of(&issuer.0).as_bytes()).unwrap();
    let jwt = Jwt::new("hub").keys(keys(&old).id("old")).keys(keys(&new));
    let is_in = |issuer: &Issuer, id: Value| {
        let claims = json!({ "aud": "hub", "exp": NOW + 600, "sub": "edge" });
        let token = token(&issuer.0, &json!({ "alg": "EdDSA", "kid": id }), &claims);
        jwt.decide(token.as_bytes(), at(NOW)).is_ok()
    };
    assert!(is_in(&old, json!("old")) && is_in(&old, json!(null)));
    assert!(!is_in(&old, json!("new")) && !is_in(&old, json!("")) && !is_in(&old, json!(1)));
    assert!(is_in(&new, json!("old")) && is_in(&new, json!("new")) && is_in(&new, json!(null)));
}

/// It lasts as long as its key is known, and with that option until its JWT has expired.
#[test]
fn an_identity_lasts_with_its_key() {
    let [issuer, other] = [Issuer::new(), Issuer::new()];
    let identity = issuer.decide(&issuer.jwt(), &json!({})).unwrap();
    assert!(issuer.jwt().lasts(&identity, at(NOW)) && issuer.jwt().lasts(&identity, at(2 * NOW)));
    assert!(!other.jwt().lasts(&identity, at(NOW)));
    assert!(!issuer.jwt().lasts(&Identity::new("edge"), at(NOW)));
    let ending = issuer.jwt().end_at_expiry();
    assert!(ending.lasts(&identity, at(NOW + 659)) && !ending.lasts(&identity, at(NOW + 660)));
}

/// Any other text than a whole JWT, and any other JWT than the one that was signed.
#[test]
fn every_changed_byte_is_noticed() {
    let issuer = Issuer::new();
    let (jwt, token) = (issuer.jwt(), issuer.token(&json!({})));
    assert!(jwt.decide(token.as_bytes(), at(NOW)).is_ok());
    for place in 0..token.len() {
        for byte in [b'A', b'.', b'=', b'~', 0, 0xFF] {
            let mut changed = token.clone().into_bytes();
            if changed[place] != byte {
                changed[place] = byte;
                assert!(jwt.decide(&changed, at(NOW)).is_err(), "{byte} at {place}");
            }
        }
        assert!(jwt.decide(&token.as_bytes()[..place], at(NOW)).is_err(), "cut at {place}");
    }
    for more in ["A", ".", "=", ".e30", "\n"] {
        assert!(jwt.decide(format!("{token}{more}").as_bytes(), at(NOW)).is_err(), "{more:?}");
    }
}

/// JSON of many levels, where a JWT may have 2,048 bytes.
#[test]
fn deep_json_is_refused() {
    let issuer = Issuer::new();
    let deep = format!("{}{}", "[".repeat(700), "]".repeat(700));
    for (header, claims) in [(deep.as_str(), "{}"), (r#"{"alg":"EdDSA"}"#, deep.as_str())] {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        let message = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(issuer.0.sign(message.as_bytes()));
        let token = format!("{message}.{signature}");
        assert!(issuer.jwt().decide(token.as_bytes(), at(NOW)).is_err());
    }
}

#[test]
fn keys_that_are_of_no_use_are_told() {
    let told = |pem: &str| match JwtKeys::pem(pem.as_bytes()) {
        Err(JwtKeysError::Invalid { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    let good = public_of(&Issuer::new().0);
    for nothing in
        ["", "no PEM", "-----BEGIN RSA PUBLIC KEY-----\nAA==\n-----END RSA PUBLIC KEY-----"]
    {
        assert_eq!(told(nothing), InvalidJwtKeys::None, "{nothing}");
    }
    assert_eq!(told(&good.replace('=', "")[..50]), InvalidJwtKeys::Malformed);
    assert_eq!(told(&good.repeat(17)), InvalidJwtKeys::TooMany { limit: 16 });
    assert!(JwtKeys::pem(good.repeat(16).as_bytes()).is_ok());
    for label in ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"] {
        assert_eq!(told(&(good.clone() + &pem(label, b"canary"))), InvalidJwtKeys::Private);
    }
    assert_eq!(told(&pem("CERTIFICATE", b"\x30\x00")), InvalidJwtKeys::Certificate);
    // Of which the second has points of as many bytes.
    for curve in [&ECDSA_P384_SHA384_FIXED_SIGNING, &ECDSA_P256K1_SHA256_ASN1_SIGNING] {
        let second = good.clone() + &pem("PUBLIC KEY", &on(curve));
        assert_eq!(told(&second), InvalidJwtKeys::Curve { number: 2 });
    }
    let whole = on(&ECDSA_P256_SHA256_FIXED_SIGNING);
    assert!(JwtKeys::pem(pem("PUBLIC KEY", &whole).as_bytes()).is_ok());
    let cut = pem("PUBLIC KEY", &whole[..whole.len() - 1]);
    assert_eq!(told(&cut), InvalidJwtKeys::Curve { number: 1 });
    for other in [&b""[..], b"\x30\x00", &[0; 300], &[0xFF; 44]] {
        assert_eq!(told(&pem("PUBLIC KEY", other)), InvalidJwtKeys::Kind { number: 1 });
    }
    assert_eq!(told(ED448), InvalidJwtKeys::Kind { number: 1 });
    assert_eq!(told(RSA_OF_1024), InvalidJwtKeys::Bits { number: 1, bits: 1_024 });
}

/// `openssl genpkey -algorithm ed448 | openssl pkey -pubout`
const ED448: &str = "-----BEGIN PUBLIC KEY-----
MEMwBQYDK2VxAzoAgSGuhD/tEoAqnu8omNBHv9Q5F7BurpjomhNZI/crginD0AT0
1yM3RdbWx+ybGVGHvPsNjpz5W9QA
-----END PUBLIC KEY-----
";

/// `openssl genrsa 1024 | openssl rsa -pubout`
const RSA_OF_1024: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCyNeuzuRuRhsCncsccv7BtkNWm
BoDChYhi/5jwUzkjE4Bi/ECA8Idl2KhI3fvabTJSSi0uf5KpqE8eU7NHvUnInBlk
a3Sr/6tMOWjOGjfo8kNMrytJT7W7DWtJRALJeAWGC9R44k+EB/0Xod1VjQCrcWV3
9p7ZhmO2Pmt3ix58GQIDAQAB
-----END PUBLIC KEY-----
";
