//! Who may plug in. A test is named for its row where there is one.

mod audit;
mod canary;
mod certificates;
mod failing;
mod files;
mod jwt;
mod names;
mod policy;
mod policy_reload;
mod proofs;
mod revoking;
mod throttle;
mod unix;

use std::time::Duration;

use brpc::auth::{AnyOf, Identity, Tokens};
use brpc::{RefusalCode, Socket, Source};
use tokio::io::DuplexStream;

use crate::support::peer::{Hello, Peer, kind, refusal};
use crate::support::worker::worker;
use crate::support::{ROOM, open};

/// Tokens of two plugins.
const EDGE: &str = "edge-token-0123456789";
const STORE: &str = "store-token-0123456789";

/// Lets in who knows one of the two: each is someone else.
fn two() -> AnyOf {
    let edge = Tokens::text(EDGE).unwrap().identity(Identity::new("edge").plug("edge-*"));
    let store = Identity::new("store").plug("store").plug("edge-2");
    AnyOf::new().or(edge).or(Tokens::text(STORE).unwrap().identity(store))
}

/// The Hello of a plugin with a token.
fn hello<'a>(name: &'a str, token: &str) -> Hello<'a> {
    Hello { extensions: vec![(4, token.as_bytes().to_vec())], ..Hello::new(name) }
}

/// What a hub says to a plugin that it refuses.
#[derive(Debug, PartialEq)]
struct Refused {
    code: u64,
    message: String,
    retry_after: Option<Duration>,
}

/// Reads a refusal that comes next, and that nothing came before.
async fn hear_refusal(mut peer: Peer) -> Refused {
    peer.hear_preface().await;
    hear_later_refusal(peer).await
}

async fn hear_later_refusal(mut peer: Peer) -> Refused {
    let frame = peer.expect(kind::REFUSED).await;
    assert_eq!(peer.frame().await, None);
    let mut fields = frame.fields();
    let (code, message) = (fields.number(), fields.text());
    let retry_after = (fields.byte() == 1).then(|| Duration::from_millis(fields.number()));
    Refused { code, message, retry_after }
}

/// Dials with a Hello that the hub refuses.
async fn refused(hub: &Socket, hello: &Hello<'_>) -> Refused {
    let mut peer = Peer::dial(hub);
    peer.say_hello(hello).await;
    hear_refusal(peer).await
}

/// A connection from an address.
fn dial_from(hub: &Socket, address: &str) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    hub.attach_from(
        theirs,
        Source::Address((address.parse::<std::net::IpAddr>().unwrap(), 1).into()),
    );
    ours
}

#[tokio::test(start_paused = true)]
async fn a01_without_a_token_where_one_is_needed() {
    let hub = Socket::builder().authenticator(two()).build();
    let told = refused(&hub, &Hello::new("edge-1")).await;
    assert_eq!((told.code, told.retry_after), (refusal::AUTH_REQUIRED, None));
    assert!(told.message.contains("token"), "{}", told.message);
    // As the plugins of this project read it.
    let error = open(&hub, &worker("edge-1").0).await.unwrap_err();
    let brpc::ConnectError::Refused(refused) = error else { panic!("{error:?}") };
    assert_eq!(refused.code, RefusalCode::AuthRequired);
    assert!(!refused.is_transient());
    assert!(hub.connected().is_empty());
    assert_eq!(hub.refusals().auth_required, 2);
}

#[tokio::test(start_paused = true)]
async fn a02_every_wrong_token_is_told_the_same() {
    let hub = Socket::builder().authenticator(two()).build();
    let long = format!("{EDGE}0");
    let wrong = ["x", &EDGE[..EDGE.len() - 1], &EDGE[1..], &long, &EDGE.to_uppercase(), "\0", " "];
    let mut told = Vec::new();
    for token in wrong {
        told.push(refused(&hub, &hello("edge-1", token)).await);
    }
    assert_eq!((told[0].code, told[0].retry_after), (refusal::AUTH_FAILED, None));
    assert!(told.iter().all(|other| *other == told[0]), "{told:?}");
    let known = Peer::plugged_as(&hub, &hello("edge-1", EDGE)).await;
    assert_eq!(hub.refusals().auth_failed, wrong.len() as u64);
    assert_eq!(hub.refusals().total(), wrong.len() as u64);
    drop(known);
}

#[tokio::test(start_paused = true)]
async fn the_hub_says_who_a_plugin_is() {
    let hub = Socket::builder().authenticator(two()).build();
    let _edge = Peer::plugged_as(&hub, &hello("edge-1", EDGE)).await;
    let plugin = &hub.connected()[0];
    let identity = plugin.identity().unwrap();
    assert_eq!((identity.name(), identity.proved_by()), ("edge", "token"));
    assert_eq!(hub.plugin_info("edge-1").unwrap().identity.as_deref(), Some("edge"));
    assert!(format!("{plugin:?}").contains("edge"));
    let open_hub = Socket::default();
    let _anyone = Peer::plugged_as(&open_hub, &hello("edge-1", EDGE)).await;
    assert_eq!(open_hub.connected()[0].identity(), None, "nobody was asked");
    assert_eq!(open_hub.plugin_info("edge-1").unwrap().identity, None);
}

/// Only a hub that asks nobody must be told that it may be open to all.
#[tokio::test]
async fn a_hub_that_asks_may_be_reached_from_other_hosts() {
    let bind = || tokio::net::TcpListener::bind("0.0.0.0:0");
    let open = Socket::default().serve(bind().await.unwrap()).await;
    assert!(matches!(open, Err(brpc::ServeError::Insecure)), "{open:?}");
    let hub = Socket::builder().authenticator(two()).build();
    let listener = bind().await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(hub.serve(listener));
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let error = worker("edge-1").0.serve(stream).await.unwrap_err();
    let brpc::ConnectError::Refused(refused) = error else { panic!("{error:?}") };
    assert_eq!(refused.code, RefusalCode::AuthRequired);
}

#[tokio::test(start_paused = true)]
async fn the_order_of_authenticators_is_the_order_of_asking() {
    let all = |name: &str| Tokens::text(EDGE).unwrap().identity(Identity::new(name).plug("*"));
    let hub =
        Socket::builder().authenticator(AnyOf::new().or(all("first")).or(all("second"))).build();
    let _edge = Peer::plugged_as(&hub, &hello("edge-1", EDGE)).await;
    assert_eq!(hub.connected()[0].identity().unwrap().name(), "first");
    let nobody = Socket::builder().authenticator(AnyOf::new()).build();
    assert_eq!(refused(&nobody, &hello("edge-1", EDGE)).await.code, refusal::AUTH_REQUIRED);
}
