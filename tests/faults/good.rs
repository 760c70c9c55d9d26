//! A hub with a plugin that behaves, which must go on answering whatever others do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use brpc::{Builder, Plugin, Session, Socket};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::random::scramble;
use crate::scenario::{eventually, within};
use crate::worker::{Desk, Worker};

/// Long enough for anything; see `scenario`.
pub const LONG: Duration = Duration::from_mins(1);

/// A hub on a port of its own.
pub async fn serve(builder: Builder) -> (Socket, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hub = builder.build();
    drop(hub.serve(listener));
    (hub, address)
}

/// Connects a worker and lets it run.
pub async fn run_worker(name: &str, hub: SocketAddr) -> (Arc<Desk>, JoinHandle<brpc::EndReason>) {
    let (desk, plugin) = Worker::plugin(name);
    let session: Session<Worker> = plugin.connect(hub).await.unwrap();
    (desk, tokio::spawn(session.run()))
}

/// A hub, and a plugin on it that is called without a pause.
pub struct Good {
    pub hub: Socket,
    pub address: SocketAddr,
    calls: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    caller: JoinHandle<()>,
    plugin: JoinHandle<brpc::EndReason>,
}

impl Good {
    pub async fn new(builder: Builder) -> Self {
        let (hub, address) = serve(builder).await;
        let (_, plugin) = run_worker("good", address).await;
        hub.wait_for("good", LONG).await.unwrap();
        let (calls, is_over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let caller = tokio::spawn(keep_calling(hub.clone(), calls.clone(), is_over.clone()));
        Self { hub, address, calls, is_over, caller, plugin }
    }

    /// Returns when the plugin has answered calls that were made after this.
    pub async fn answers(&self) {
        let before = self.calls.load(Ordering::SeqCst);
        eventually("the good plugin answers", || {
            assert!(!self.caller.is_finished(), "a call to the good plugin failed");
            self.calls.load(Ordering::SeqCst) > before + 1
        })
        .await;
    }

    /// Ends all; every call to the plugin must have been answered, on one connection.
    pub async fn finish(self) {
        self.answers().await;
        self.is_over.store(true, Ordering::SeqCst);
        self.caller.await.unwrap();
        self.hub.shutdown().await;
        assert!(within("the good plugin's run", self.plugin).await.unwrap().is_graceful());
    }
}

async fn keep_calling(hub: Socket, calls: Arc<AtomicU64>, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::SeqCst) {
        let n = calls.load(Ordering::SeqCst);
        let answer: u64 = hub.call("good", "scramble_later", &n).await.unwrap();
        assert_eq!(answer, scramble(n));
        calls.store(n + 1, Ordering::SeqCst);
        // Leaves room for the others.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Connects a plugin of a hub that may have no room for it at the moment.
pub async fn connect_at_last(plugin: &Plugin<Worker>, hub: SocketAddr) -> Session<Worker> {
    loop {
        if let Ok(session) = plugin.connect(hub).await {
            return session;
        }
    }
}
