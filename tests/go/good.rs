//! A hub with a Go plugin that must go on answering whatever others do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use brpc::{Builder, Socket};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::go_plugin;
use crate::program::Program;
use crate::scenario::eventually;

/// A hub on a port of its own.
pub async fn serve(builder: Builder) -> (Socket, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // What is slow here is the machine.
    let hub = builder.default_timeout(None).build();
    drop(hub.serve(listener));
    (hub, address)
}

/// A hub, and a Go plugin on it that is called without a pause.
pub struct Good {
    pub hub: Socket,
    pub address: SocketAddr,
    program: Program,
    calls: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    caller: JoinHandle<()>,
}

impl Good {
    pub async fn new(builder: Builder) -> Self {
        let (hub, address) = serve(builder).await;
        let program = go_plugin::connect(&hub, address, "good").await;
        let (calls, is_over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let caller = tokio::spawn(keep_calling(hub.clone(), calls.clone(), is_over.clone()));
        Self { hub, address, program, calls, is_over, caller }
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

    /// Returns when nobody else is connected.
    pub async fn is_alone(&self) {
        eventually(
            "only the good plugin is connected",
            || matches!(&self.hub.connected()[..], [plugin] if plugin.name() == "good"),
        )
        .await;
    }

    /// Ends all; every call must have been answered, on one connection.
    pub async fn finish(self) {
        self.is_alone().await;
        self.answers().await;
        self.is_over.store(true, Ordering::SeqCst);
        self.caller.await.unwrap();
        assert!(self.hub.shutdown().await.is_clean());
        go_plugin::assert_left(self.program).await;
    }
}

async fn keep_calling(hub: Socket, calls: Arc<AtomicU64>, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::SeqCst) {
        let n = calls.load(Ordering::SeqCst);
        assert_eq!(hub.call::<u64>("good", "Echo", &n).await, Ok(n));
        calls.store(n + 1, Ordering::SeqCst);
        // Leaves room for the others.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}
