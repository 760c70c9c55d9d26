//! Go plugins whose name is taken.

use brpc::Socket;

use crate::go_plugin;
use crate::good::{Good, serve};
use crate::scenario::GUARD;
use crate::twin::twin;

/// As a Go program sees it, it was let in before.
pub async fn a_name_that_is_taken_is_refused_with_the_reason() {
    let good = Good::new(Socket::builder()).await;
    let session = twin("native").0.connect(good.address).await.unwrap();
    let native = tokio::spawn(session.run());
    for name in ["good", "native"] {
        let (lines, code) = go_plugin::start(good.address, name, &[]).finish().await;
        assert_eq!(code, Some(3));
        let refusal = format!("refused: another plugin named `{name}` is connected");
        assert_eq!(lines, [format!("connected {name}"), refusal, "closed".to_owned()]);
    }
    good.hub.unplug("native").await.unwrap();
    assert!(native.await.unwrap().is_graceful());
    good.finish().await;
}

/// Which it isn't told: its protocol has no word for that.
pub async fn a_go_plugin_whose_name_is_taken_gets_another() {
    let next = |name: &str| match name.rsplit_once('#') {
        Some((name, n)) => format!("{name}#{}", n.parse::<u32>().unwrap() + 1),
        None => format!("{name}#2"),
    };
    let (hub, address) = serve(Socket::builder().key_sequencer(next, 2)).await;
    let mut programs = Vec::new();
    for name in ["go", "go#2", "go#3"] {
        programs.push(go_plugin::start(address, "go", &[]));
        hub.wait_for(name, GUARD).await.unwrap();
        assert_eq!(hub.call(name, "Who", &()).await, Ok("go".to_owned()));
    }
    let (lines, code) = go_plugin::start(address, "go", &[]).finish().await;
    assert_eq!(code, Some(3), "{lines:?}");
    assert!(hub.shutdown().await.is_clean());
    for program in programs {
        go_plugin::assert_left(program).await;
    }
}
