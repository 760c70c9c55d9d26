use std::io;
use std::sync::Arc;
use std::time::Duration;

use brpc::{
    ConnectError, DisconnectReason, EndReason, Event, Listener, MemoryListener, RefusalCode,
    Socket, Source,
};
use tokio::io::DuplexStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::peer::Peer;
use crate::support::worker::worker;
use crate::support::{open, plug, settle};

#[tokio::test(start_paused = true)]
async fn the_renamed_replica_leaves_and_the_original_is_unregistered() {
    let hub = Socket::builder().key_sequencer(|name| format!("{name}x"), 3).build();
    let original = plug(&hub, &worker("worker").0).await;
    let replica = plug(&hub, &worker("worker").0).await;
    assert_eq!((&*original.name, &*replica.name), ("worker", "workerx"));
    let mut events = hub.events();
    replica.kill().await;
    let Some(Event::Disconnected(gone, _)) = events.next().await else { panic!() };
    assert_eq!(gone.name(), "workerx");
    assert_eq!(hub.connected().len(), 1);
    assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn one_silent_client_blocks_shutdown_for_ever() {
    let hub = Socket::default();
    let silent = Peer::dial(&hub);
    settle().await;
    let (start, grace) = (Instant::now(), Duration::from_mins(1));
    let report = hub.shutdown().grace(grace).await;
    assert!(report.plugins.is_empty());
    assert!(start.elapsed() <= Duration::from_millis(250), "nobody is waited for");
    drop(silent);
}

#[tokio::test(start_paused = true)]
async fn a_busy_plugin_blocks_shutdown_for_ever() {
    let hub = Socket::default();
    let plugged = plug(&hub, &worker("worker").0).await;
    let call = tokio::spawn(hub.call::<()>("worker", "wait", &()).timeout(None));
    settle().await;
    let (start, grace) = (Instant::now(), Duration::from_mins(1));
    let report = hub.shutdown().grace(grace).await;
    assert!(start.elapsed() <= grace + Duration::from_millis(250), "{:?}", start.elapsed());
    assert_eq!((report.plugins[0].cut, report.is_clean()), (1, false));
    assert!(call.await.unwrap().unwrap_err().is_disconnected());
    assert!(matches!(plugged.end().await, EndReason::Shutdown { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_while_plugins_churn_panics_the_hub() {
    let (connector, listener) = MemoryListener::new();
    let hub = Socket::default();
    let serving = hub.serve(listener);
    let mut churning = JoinSet::new();
    let ready = Arc::new(Notify::new());
    for number in 0..8 {
        let (connector, ready) = (connector.clone(), ready.clone());
        churning.spawn(async move {
            let (plugin, _) = worker(&format!("worker-{number}"));
            for round in 0_u32.. {
                let Ok(stream) = connector.connect().await else { return };
                match plugin.serve(stream).await {
                    Ok(session) if round % 2 == 0 => drop(session),
                    Ok(session) => {
                        session.handle().stop(Duration::from_secs(1));
                        session.run().await;
                    }
                    Err(ConnectError::Refused(refusal)) => {
                        let codes = [RefusalCode::ShuttingDown, RefusalCode::NameTaken];
                        assert!(codes.contains(&refusal.code), "{refusal:?}");
                    }
                    Err(ConnectError::Lost(_)) => {}
                    Err(error) => panic!("{error:?}"),
                }
                if round == 20 {
                    ready.notify_one();
                }
            }
        });
    }
    ready.notified().await;
    let report = hub.shutdown().await;
    for plugin in &report.plugins {
        assert_eq!(plugin.cut, 0);
    }
    assert!(serving.await.is_ok());
    assert!(hub.connected().is_empty());
    // Nobody listens any more, so all of them find their end; a panic of theirs is one here.
    churning.join_all().await;
}

/// Fails once, then goes on.
struct Flaky {
    error: Option<io::Error>,
    listener: MemoryListener,
}

impl Listener for Flaky {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, Source)> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.listener.accept().await,
        }
    }

    fn is_of_this_host(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn an_accept_error_shuts_the_hub_down() {
    let hub = Socket::default();
    let (connector, listener) = MemoryListener::new();
    let error = Some(io::Error::other("too many open files"));
    let _serving = hub.serve(Flaky { error, listener });
    let session = worker("worker").0.serve(connector.connect().await.unwrap()).await.unwrap();
    assert_eq!(session.name(), "worker");
}

#[tokio::test(start_paused = true)]
async fn a_refused_plugin_only_sees_eof() {
    let hub = Socket::default();
    let _plugged = plug(&hub, &worker("worker").0).await;
    let Err(ConnectError::Refused(refusal)) = open(&hub, &worker("worker").0).await else {
        panic!()
    };
    assert_eq!(refusal.code, RefusalCode::NameTaken);
    assert!(refusal.retry_after.is_some());
}

/// A handler of the library's for them would be seen in the mask of signals that are caught.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn c25_the_library_takes_over_the_process_signals() {
    let hub = Socket::default();
    let (_, listener) = MemoryListener::new();
    let _serving = hub.serve(listener);
    let plugged = plug(&hub, &worker("worker").0).await;
    settle().await;
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
    for (signal, number) in [("HUP", 1), ("INT", 2), ("QUIT", 3), ("TERM", 15)] {
        assert_eq!(caught & (1 << (number - 1)), 0, "SIG{signal}");
    }
    drop(hub);
    let end = plugged.end().await;
    assert!(matches!(end, EndReason::Shutdown { .. }), "{end:?}");
    assert!(!matches!(end, EndReason::Lost(DisconnectReason::Reset)));
}
