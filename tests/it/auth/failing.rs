//! Authenticators that hang, fail and panic: they harm nobody else.

use std::any::Any;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use brpc::auth::{Attempt, Authenticator, Denial, Identity, async_trait};
use brpc::{Encryption, Limits, Listener as _, MemoryListener, Socket};
use brpc_tls::{ClientTls, Report};
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::{EDGE, dial_from, hear_refusal, hello, refused};
use crate::encryption::tls;
use crate::support::peer::{PREFACE, Peer, frame, kind, refusal};
use crate::support::settle;
use crate::support::traced::{logged, trace};

/// Does with a plugin what its name says.
struct Moody;

#[async_trait]
impl Authenticator for Moody {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        match attempt.name() {
            "hangs" => pending().await,
            "panics" => panic!("on purpose"),
            "panics-late" => {
                tokio::task::yield_now().await;
                panic!("on purpose")
            }
            "busy" => return Err(Denial::unavailable("the database is away")),
            "later" => {
                return Err(Denial::unavailable("away").retry_after(Duration::from_secs(7)));
            }
            "slow" => sleep(Duration::from_secs(3)).await,
            _ => {}
        }
        Ok(Identity::new("anyone").plug("*"))
    }

    async fn changed(&self) {
        panic!("on purpose")
    }

    fn holds(&self, _: &Identity) -> bool {
        panic!("on purpose")
    }
}

fn hub() -> Socket {
    Socket::builder().authenticator(Moody).build()
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_ends_with_the_handshake() {
    let hub = hub();
    let start = Instant::now();
    let mut hanging = Peer::dial(&hub);
    hanging.say_hello(&hello("hangs", EDGE)).await;
    settle().await;
    // Others come in meanwhile.
    let _good = Peer::plugged_as(&hub, &hello("good", EDGE)).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(hear_refusal(hanging).await.code, refusal::HANDSHAKE_TIMEOUT);
    assert_eq!(start.elapsed(), Limits::default().hello_deadline);
    settle().await;
    assert_eq!(hub.connected().len(), 1);
}

/// Its deadline is the handshake's, and no new one.
#[tokio::test(start_paused = true)]
async fn a_slow_one_and_a_slow_plugin_have_one_deadline() {
    let hub = hub();
    let start = Instant::now();
    let mut peer = Peer::dial(&hub);
    sleep(Duration::from_secs(1)).await;
    peer.say_hello(&hello("slow", EDGE)).await;
    peer.hear_preface().await;
    peer.expect(crate::support::peer::kind::ACCEPTED).await;
    assert_eq!(start.elapsed(), Duration::from_secs(4));
    assert_eq!(super::hear_later_refusal(peer).await.code, refusal::HANDSHAKE_TIMEOUT);
    assert_eq!(start.elapsed(), Limits::default().hello_deadline);
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_refuses_for_now() {
    let hub = hub();
    for name in ["panics", "panics-late", "busy"] {
        let told = refused(&hub, &hello(name, EDGE)).await;
        assert_eq!((told.code, told.retry_after), (refusal::AUTH_FAILED, Some(SOON)), "{name}");
        let _good = Peer::plugged_as(&hub, &hello("good", EDGE)).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(hub.connected().len(), 1, "whatever it does where it is asked again");
    }
    let told = refused(&hub, &hello("later", EDGE)).await;
    assert_eq!(told.retry_after, Some(Duration::from_secs(7)));
}

const SOON: Duration = Duration::from_secs(1);

/// It is nobody's fault but the hub's.
#[tokio::test(start_paused = true)]
async fn a_failing_authenticator_slows_nobody_down() {
    let hub = hub();
    for _ in 0..3 {
        for name in ["panics", "busy"] {
            let mut peer = Peer::new(dial_from(&hub, "192.0.2.1"));
            peer.say_hello(&hello(name, EDGE)).await;
            assert_eq!(hear_refusal(peer).await.code, refusal::AUTH_FAILED);
        }
    }
}

/// A plugin that goes while it is looked at leaves nothing behind, and nobody looks any longer: its place
/// is free for the next.
#[tokio::test(start_paused = true)]
async fn one_that_goes_meanwhile_is_forgotten_at_once() {
    const PLACES: usize = 50;
    for encryption in [Encryption::Off, Encryption::Demanded] {
        let idle = Handle::current().metrics().num_alive_tasks();
        let (alive, start) = (Arc::new(()), Instant::now());
        let (ours, theirs) = tls();
        let hub = Socket::builder().tls(ours).authenticator(Counting(alive.clone()));
        let hub = hub.max_handshakes(PLACES).build();
        let (connector, listener) = MemoryListener::new();
        let serving = hub.serve(listener.with_encryption(encryption));
        for _ in 0..3 {
            let mut plugins = Vec::new();
            for _ in 0..PLACES {
                let stream = connector.connect().await.unwrap();
                let hello =
                    [&PREFACE[..], &frame(kind::HELLO, &hello("edge-1", EDGE).body())].concat();
                plugins.push(say(&theirs, encryption, stream, &hello).await);
            }
            settle().await;
            assert_eq!(Arc::strong_count(&alive), 2 + PLACES, "it thinks about all of them");
            drop(plugins);
            settle().await;
            assert_eq!(Arc::strong_count(&alive), 2, "it thinks about none");
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        drop(hub);
        serving.await.unwrap();
        drop(connector);
        settle().await;
        let tasks = Handle::current().metrics().num_alive_tasks();
        assert_eq!((Arc::strong_count(&alive), tasks), (1, idle));
    }
}

/// That is a decision of its own.
#[tokio::test(start_paused = true)]
async fn one_that_goes_meanwhile_is_in_the_audit_log() {
    trace();
    let hub = hub();
    let mut peer = Peer::new(dial_from(&hub, "198.51.100.44"));
    peer.say_hello(&hello("hangs", EDGE)).await;
    settle().await;
    let decisions = || {
        let lines = logged("source", "198.51.100.44:1");
        lines.into_iter().filter(|line| line.contains(" decision=")).collect::<Vec<_>>()
    };
    assert!(decisions().is_empty());
    drop(peer);
    settle().await;
    let [line] = &decisions()[..] else { panic!("{:?}", decisions()) };
    assert!(line.contains("decision=\"refused\"") && line.contains("plugin=\"hangs\""), "{line}");
}

/// A plugin that has said this, over TLS or not.
async fn say(
    tls: &ClientTls,
    encryption: Encryption,
    mut stream: DuplexStream,
    said: &[u8],
) -> Box<dyn Any> {
    if encryption == Encryption::Off {
        stream.write_all(said).await.unwrap();
        return Box::new(stream);
    }
    let mut stream = tls.connect("hub.test", stream, &Report::new()).await.unwrap();
    stream.write_all(said).await.unwrap();
    stream.flush().await.unwrap();
    Box::new(stream)
}

/// Thinks for ever; how often it does at the moment, others of its counter can see.
struct Counting(Arc<()>);

#[async_trait]
impl Authenticator for Counting {
    async fn authenticate(&self, _: &Attempt) -> Result<Identity, Denial> {
        let _thinking = self.0.clone();
        pending().await
    }
}
