//! What is measured: brpc, the limits of the machine, and peers.

pub(crate) mod brpc;
pub(crate) mod dial;
#[cfg(feature = "go")]
pub(crate) mod go;
#[cfg(feature = "peers")]
pub(crate) mod peers;
pub(crate) mod raw;
pub(crate) mod secure;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use tokio::task::JoinSet;

use crate::Error;
use crate::echo::{Failure, Message};
use crate::flags::Setup;
use crate::tally::Tally;

/// How long the callers may take to end; a call that takes longer is not answered at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The side that calls, waiting for its plugins.
pub(crate) trait Hub: Send + Sized + 'static {
    /// A plugin that can be called.
    type Plugin: Plugin;

    /// Where the plugins find it.
    fn address(&self) -> String;

    /// The process between hub and plugins, if there is one.
    fn broker(&self) -> Option<Pid> {
        None
    }

    /// Waits until all plugins are connected; those that are to be called come first.
    fn accept(
        &mut self,
        setup: &Setup,
    ) -> impl Future<Output = Result<Vec<Self::Plugin>, Error>> + Send;

    /// Calls all plugins at once, and checks the answers. Returns how many were right.
    fn broadcast(
        &self,
        plugins: &[Self::Plugin],
        message: &Message,
    ) -> impl Future<Output = usize> + Send;
}

/// One whose plugins send events.
pub(crate) trait EventHub: Hub {
    /// The next event. None is lost.
    fn next_event(&mut self) -> impl Future<Output = Result<Message, Failure>> + Send;
}

/// One whose plugins come and go.
pub(crate) trait ChurnHub: Hub {
    /// Calls each plugin that comes, until the time is over. Counts those that have come, were
    /// called, and are gone.
    fn outlive(
        self,
        setup: &Setup,
        tally: &Arc<Tally>,
        lives: &Arc<AtomicU64>,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A plugin, as the hub sees it.
pub(crate) trait Plugin: Clone + Send + Sync + 'static {
    /// Calls `echo`.
    fn echo(&self, message: &Message) -> impl Future<Output = Result<Message, Failure>> + Send;
}

/// Calls each plugin in a task of its own; returns the number of right answers. For systems that
/// have no broadcast.
pub(crate) async fn call_each<P: Plugin>(plugins: &[P], message: &Message) -> usize {
    let message = Arc::new(message.clone());
    let call = |plugin: &P| {
        let (plugin, message) = (plugin.clone(), message.clone());
        tokio::spawn(async move {
            let answer = plugin.echo(&message).await;
            answer.is_ok_and(|answer| answer.check(&message).is_ok())
        })
    };
    let calls: Vec<_> = plugins.iter().map(call).collect();
    let mut right = 0;
    for call in calls {
        right += usize::from(call.await.unwrap_or(false));
    }
    right
}

/// Waits for the calls of the last plugins, when no new ones come.
pub(crate) async fn finish_lives(calls: JoinSet<()>, tally: &Tally) {
    if tokio::time::timeout(PATIENCE, calls.join_all()).await.is_err() {
        tally.failed(Failure::Failed("a call was not answered".to_owned()));
    }
}

/// Calls a plugin as often as it is to be called in its life.
pub(crate) async fn call_in_life(plugin: &impl Plugin, number: u64, setup: &Setup, tally: &Tally) {
    let mut message = Message::new(number << 32, setup.payload);
    for _ in 0..setup.calls {
        message.id += 1;
        let start = Instant::now();
        match plugin.echo(&message).await.and_then(|answer| answer.check(&message)) {
            Ok(()) => tally.answered(start.elapsed()),
            Err(failure) => tally.failed(failure),
        }
    }
}
