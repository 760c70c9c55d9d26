//! What the topics share: plugging a plugin in, a plugin that does what the test asks for, and a
//! peer that reads and writes frames by hand.

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../../crates/brpc-tls/src/tests/authority.rs"]
pub mod authority;
pub mod peer;
pub mod traced;
pub mod worker;

use std::time::Duration;

use brpc::{ConnectError, EndReason, Handle, Plugin, Receiver, Session, Socket};
use tokio::task::JoinHandle;

/// Bytes that an in-memory connection holds.
pub const ROOM: usize = 64 * 1024;

/// Long, where the test must not wait so long.
pub const LONG: Duration = Duration::from_hours(1);

/// A plugin that runs in a task.
pub struct Plugged {
    pub name: String,
    pub handle: Handle,
    /// Why the run ended. Aborted, the plugin ends as a killed process does.
    pub run: JoinHandle<EndReason>,
}

impl Plugged {
    /// Why the run ended, once it has.
    pub async fn end(self) -> EndReason {
        self.run.await.unwrap()
    }

    /// Ends it as if its process was killed, and returns when that has happened.
    pub async fn kill(self) {
        self.run.abort();
        let _ = self.run.await;
    }
}

/// Connects a plugin over a connection in memory, without running it.
pub async fn open<R: Receiver>(
    hub: &Socket,
    plugin: &Plugin<R>,
) -> Result<Session<R>, ConnectError> {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    hub.attach(theirs);
    plugin.serve(ours).await
}

/// Connects a plugin and runs it.
pub async fn plug<R: Receiver>(hub: &Socket, plugin: &Plugin<R>) -> Plugged {
    let session = open(hub, plugin).await.unwrap();
    let (name, handle) = (session.name().to_owned(), session.handle());
    Plugged { name, handle, run: tokio::spawn(session.run()) }
}

/// Lets every task that can run do so, some rounds of it; no time passes.
pub async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// Returns when the condition holds; fails if it never does. Time passes in between.
pub async fn eventually(mut condition: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it never happened");
}
