//! What a plugin shows its hub, and what becomes of it if that is wrong.

use std::future::IntoFuture as _;
use std::path::PathBuf;
use std::time::Duration;

use brpc::{
    AwayReason, ConnectError, CredentialError, DisconnectReason, EndReason, Plugin, RefusalCode,
    RunState, Secret, Token,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::support::LONG;
use crate::support::peer::{Frame, Peer, Writer, kind, refusal, refusal_of};
use crate::support::traced::{said, trace};
use crate::support::worker::{Worker, worker};

const TOKEN: u64 = 4;
const KEY: u64 = 5;

/// The bytes of the extension of this number in a Hello.
fn extension(hello: &Frame, number: u64) -> Option<Vec<u8>> {
    let mut fields = hello.fields();
    let _versions = (fields.byte(), fields.byte());
    let _limits = (fields.number(), fields.number(), fields.number());
    let _names = (fields.text(), fields.text());
    fields.0 = &fields.0[48..];
    let mut found = None;
    for _ in 0..fields.number() {
        let this = fields.number();
        let size = usize::try_from(fields.number()).unwrap();
        let (bytes, rest) = fields.0.split_at(size);
        fields.0 = rest;
        if this == number {
            assert!(found.replace(bytes.to_vec()).is_none(), "once");
        }
    }
    found
}

/// A hub that reads what the plugin says first.
async fn greeted(stream: DuplexStream) -> (Peer, Frame) {
    let mut hub = Peer::new(stream);
    hub.hear_preface().await;
    let hello = hub.expect(kind::HELLO).await;
    (hub, hello)
}

/// What lets a plugin in, after its Hello.
async fn let_in(hub: &mut Peer, preface: bool) {
    if preface {
        hub.send(&crate::support::peer::PREFACE).await;
    }
    hub.send_frame(kind::ACCEPTED, &[0]).await;
    hub.send_welcome("worker").await;
}

fn secret() -> Secret {
    Secret::new("0123456789abcdef").unwrap()
}

/// A run whose dials arrive here, as they are.
fn run(plugin: &Plugin<Worker>) -> (brpc::Run<Worker>, UnboundedReceiver<DuplexStream>) {
    let (said, dialled) = unbounded_channel();
    let run = plugin.run_over(move || {
        let (ours, theirs) = tokio::io::duplex(8 * 1024);
        let _ = said.send(theirs);
        async { Ok(ours) }
    });
    (run, dialled)
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("brpc-it-{}-{name}", std::process::id()))
}

#[tokio::test]
async fn a_plugin_shows_its_token_and_proves_its_secret() {
    let (plugin, _) = worker("worker");
    let plugin = plugin.token(Token::text("s3cret-token")).secret("edge-7", secret());
    let (run, mut dialled) = run(&plugin);
    let (handle, mut states) = (run.handle(), run.states());
    let running = tokio::spawn(run.into_future());
    let (mut hub, hello) = greeted(dialled.recv().await.unwrap()).await;
    assert_eq!(extension(&hello, TOKEN).unwrap(), b"s3cret-token");
    let key = extension(&hello, KEY).unwrap();
    assert_eq!((&key[..7], key.len()), (&b"\x06edge-7"[..], 39));
    hub.send(&crate::support::peer::PREFACE).await;
    hub.send_frame(kind::CHALLENGE, &[9; 32]).await;
    assert_eq!(hub.expect(kind::PROOF).await.body.len(), 32);
    let_in(&mut hub, false).await;
    loop {
        match states.next().await.unwrap() {
            RunState::Connected { .. } => break,
            RunState::Connecting { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    handle.stop(Duration::ZERO);
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_plugin_without_credentials_shows_none() {
    let (plugin, _) = worker("worker");
    let (run, mut dialled) = run(&plugin);
    let running = tokio::spawn(run.into_future());
    let (_, hello) = greeted(dialled.recv().await.unwrap()).await;
    assert_eq!((extension(&hello, TOKEN), extension(&hello, KEY)), (None, None));
    running.abort();
}

/// For each attempt the file is read anew, so a wrong token need not end the run.
#[tokio::test(start_paused = true)]
async fn a_run_dials_on_with_what_is_in_the_file_by_then() {
    let path = file("token");
    std::fs::write(&path, "first").unwrap();
    let (plugin, _) = worker("worker");
    let (run, mut dialled) = run(&plugin.token(Token::file(&path)));
    let mut states = run.states();
    let running = tokio::spawn(run.into_future());
    for (token, code) in [
        ("first", refusal::AUTH_FAILED),
        ("second", refusal::AUTH_REQUIRED),
        ("second", refusal::NAME_NOT_ALLOWED),
    ] {
        let (mut hub, hello) = greeted(dialled.recv().await.unwrap()).await;
        assert_eq!(extension(&hello, TOKEN).unwrap(), token.as_bytes());
        std::fs::write(&path, "second\n").unwrap();
        hub.send(&refusal_of(code, &[0])).await;
    }
    // Nor does a file that is away for a while.
    std::fs::remove_file(&path).unwrap();
    loop {
        if let RunState::Away { reason: AwayReason::NotConnected(error), .. } =
            states.next().await.unwrap()
            && let ConnectError::Credentials(error) = &*error
        {
            assert!(matches!(error, CredentialError::Unreadable { .. }), "{error}");
            break;
        }
    }
    std::fs::write(&path, "third").unwrap();
    loop {
        // Dials whose file could not be read end without a word.
        let mut hub = Peer::new(dialled.recv().await.unwrap());
        let mut first = [0; 8];
        if hub.stream.read_exact(&mut first).await.is_ok() {
            let hello = hub.expect(kind::HELLO).await;
            assert_eq!(extension(&hello, TOKEN).unwrap(), b"third");
            break;
        }
    }
    std::fs::remove_file(&path).unwrap();
    running.abort();
}

/// One that can't change ends it, as other refusals do.
#[tokio::test(start_paused = true)]
async fn a_run_whose_token_stays_wrong_ends() {
    for code in [refusal::AUTH_REQUIRED, refusal::AUTH_FAILED, refusal::NAME_NOT_ALLOWED] {
        let (plugin, _) = worker("worker");
        let (run, mut dialled) = run(&plugin.token(Token::text("t")));
        let running = tokio::spawn(run.into_future());
        let (mut hub, _) = greeted(dialled.recv().await.unwrap()).await;
        hub.send(&refusal_of(code, &[0])).await;
        let ended = running.await.unwrap().unwrap_err();
        let ConnectError::Refused(refused) = ended else { panic!("{ended:?}") };
        let codes = [
            (refusal::AUTH_REQUIRED, RefusalCode::AuthRequired),
            (refusal::AUTH_FAILED, RefusalCode::AuthFailed),
            (refusal::NAME_NOT_ALLOWED, RefusalCode::NameNotAllowed),
        ];
        assert!(codes.contains(&(code, refused.code)), "{refused:?}");
    }
}

/// The hub tells it when it dials.
#[tokio::test(start_paused = true)]
async fn one_that_is_revoked_dials_again() {
    let (plugin, _) = worker("worker");
    let (run, mut dialled) = run(&plugin);
    let mut states = run.states();
    let running = tokio::spawn(run.into_future());
    let (mut hub, _) = greeted(dialled.recv().await.unwrap()).await;
    let_in(&mut hub, true).await;
    let goodbye = Writer::default().number(9).text("revoked").0;
    hub.send_frame(kind::GOODBYE, &goodbye).await;
    loop {
        if let RunState::Away { reason, .. } = states.next().await.unwrap() {
            let AwayReason::Ended(EndReason::Lost(reason)) = reason else { panic!("{reason:?}") };
            assert_eq!(reason, DisconnectReason::Revoked);
            break;
        }
    }
    let (mut hub, _) = greeted(dialled.recv().await.unwrap()).await;
    hub.send(&refusal_of(refusal::AUTH_FAILED, &[0])).await;
    let ended = running.await.unwrap().unwrap_err();
    assert!(matches!(ended, ConnectError::Refused(_)), "{ended:?}");
}

/// The wire of the Go package has no words for it.
#[tokio::test]
async fn a_hub_of_the_go_package_is_shown_nothing() {
    let (plugin, _) = worker("worker");
    let plugin = plugin.gob().token(Token::text("canary")).secret("canary", secret());
    let (ours, mut theirs) = tokio::io::duplex(8 * 1024);
    let run = tokio::spawn(plugin.serve(ours).await.unwrap().run());
    let mut said = Vec::new();
    while !said.windows(6).any(|name| name == b"worker") {
        assert_ne!(theirs.read_buf(&mut said).await.unwrap(), 0);
    }
    drop(theirs.shutdown().await);
    theirs.read_to_end(&mut said).await.unwrap();
    assert!(!said.windows(6).any(|shown| shown == b"canary"));
    run.await.unwrap();
}

#[tokio::test]
async fn without_a_token_to_show_nothing_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let plugin = worker("worker").0.token(Token::file(file("that-is-not-there")));
    let (connected, accepted) = tokio::join!(plugin.connect(address), listener.accept());
    let error = connected.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("that-is-not-there"), "{error}");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(!source.is_empty() && !error.to_string().contains(&source), "{error}: {source}");
    let mut said = Vec::new();
    accepted.unwrap().0.read_to_end(&mut said).await.unwrap();
    assert!(said.is_empty(), "{said:?}");
}

/// Whatever becomes of it, neither side's log, errors or states have it.
#[tokio::test(start_paused = true)]
async fn a19_neither_token_nor_secret_is_logged_or_told() {
    trace();
    let (plugin, _) = worker("worker");
    let plugin = plugin.token(Token::text("canary-token"));
    let plugin = plugin.secret("id", Secret::new("canary-secret-of-some-length").unwrap());
    let hub = brpc::Socket::default();
    let (ours, theirs) = tokio::io::duplex(8 * 1024);
    hub.attach(theirs);
    let session = plugin.serve(ours).await.unwrap();
    let mut told = vec![format!("{plugin:?} {session:?} {:?}", hub.connected())];
    told.push(format!("{:?} {:?}", hub.plugin_info("worker"), hub.presence()));
    drop(session);
    let (run, mut dialled) = run(&plugin);
    told.push(format!("{run:?}"));
    let running = tokio::spawn(run.into_future());
    let (mut hub, _) = greeted(dialled.recv().await.unwrap()).await;
    hub.send(&refusal_of(refusal::AUTH_FAILED, &[0])).await;
    let ended = tokio::time::timeout(LONG, running).await.unwrap().unwrap().unwrap_err();
    told.push(format!("{ended} {ended:?}"));
    told.extend(said("canary"));
    for said in told {
        assert!(!said.contains("canary"), "{said}");
    }
}
