//! Plugins that run in a task of the test.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

use super::{Link, ROOM};
use crate::{ConnectError, EndReason, Handle, Plugin, Receiver, Run, Socket, Source};

/// A plugin that is connected and runs. If this is dropped, it goes on running.
#[derive(Debug)]
pub struct Plugged {
    name: String,
    handle: Handle,
    run: JoinHandle<EndReason>,
}

/// Connects a plugin to a hub in memory, and runs it.
///
/// # Errors
/// As [`Plugin::serve`].
///
/// # Cancel safety
/// If this future is dropped, the plugin is not connected.
pub async fn plug<R: Receiver>(hub: &Socket, plugin: &Plugin<R>) -> Result<Plugged, ConnectError> {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    run(hub, plugin, ours, theirs).await
}

/// The same, over a link that can fail.
///
/// # Errors
/// As [`Plugin::serve`].
///
/// # Cancel safety
/// As [`plug`].
pub async fn plug_through<R: Receiver>(
    hub: &Socket,
    plugin: &Plugin<R>,
    link: &Link,
) -> Result<Plugged, ConnectError> {
    let (ours, theirs) = link.connect();
    run(hub, plugin, ours, theirs).await
}

/// A plugin that stays connected to a hub over a link that can fail: when the link is
/// [cut](Link::cut), it dials again. Await what this returns, in a task.
///
/// ```
/// use brpc::testing::{Link, run_through};
/// use brpc::{Plugin, Socket};
/// # use std::time::Duration;
/// # struct Greeter;
/// # #[brpc::plugin]
/// # impl Greeter { pub fn greet(&self) -> String { "hello".to_owned() } }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (hub, link) = (Socket::default(), Link::new());
/// tokio::spawn(run_through(&hub, &Plugin::new(Greeter), &link).into_future());
/// hub.wait_for("greeter", Duration::from_secs(5)).await?;
/// link.cut();
/// tokio::time::sleep(Duration::from_secs(5)).await;
/// assert_eq!(hub.call::<String>("greeter", "greet", &()).await?, "hello");
/// # Ok(())
/// # }
/// ```
pub fn run_through<R: Receiver>(hub: &Socket, plugin: &Plugin<R>, link: &Link) -> Run<R> {
    let (hub, link) = (hub.clone(), link.clone());
    plugin.run_over(move || {
        let (ours, theirs) = link.connect();
        hub.attach_from(theirs, Source::Local);
        std::future::ready(Ok(ours))
    })
}

async fn run<R, S>(
    hub: &Socket,
    plugin: &Plugin<R>,
    ours: S,
    theirs: S,
) -> Result<Plugged, ConnectError>
where
    R: Receiver,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    hub.attach_from(theirs, Source::Local);
    let session = plugin.serve(ours).await?;
    let (name, handle) = (session.name().to_owned(), session.handle());
    Ok(Plugged { name, handle, run: tokio::spawn(session.run()) })
}

impl Plugged {
    /// The plugin's name on this hub.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Stops it, as a program's own code would.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits until the run has ended; returns why.
    ///
    /// # Panics
    /// If the run panicked.
    ///
    /// # Cancel safety
    /// If this future is dropped, the plugin goes on running.
    pub async fn ended(self) -> EndReason {
        match self.run.await {
            Ok(reason) => reason,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => panic!("the run was stopped with its runtime: {error}"),
        }
    }

    /// Ends it without a Goodbye, as if its process was killed.
    ///
    /// # Cancel safety
    /// Once this has been polled, the plugin ends, even if the future is dropped.
    pub async fn kill(self) {
        self.run.abort();
        let _ = self.run.await;
    }
}
