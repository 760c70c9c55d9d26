//! A plugin that leaves after it was called.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use brpc::Plugin;
use tokio::sync::Notify;

use crate::Error;
use crate::echo::Message;
use crate::flags::Setup;
use crate::system::dial;

#[derive(Debug)]
pub(super) struct Mortal {
    /// Calls up to its end.
    left: AtomicU32,
    end: Arc<Notify>,
}

#[brpc::plugin]
impl Mortal {
    /// Gives back what it gets.
    pub async fn echo(&self, message: Message) -> Message {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.end.notify_one();
        }
        message
    }
}

/// Lives one life after the other.
pub(super) async fn live_again(number: u32, setup: Arc<Setup>) {
    for life in 0_u64.. {
        // Never a name that was used before: the hub may not have freed it yet.
        let name = format!("plugin-{number}-{life}");
        dial::or_wait(live(name, &setup).await).await;
    }
}

async fn live(name: String, setup: &Setup) -> Result<(), Error> {
    /// How long the last answer may take to leave.
    const GRACE: Duration = Duration::from_secs(10);
    let end = Arc::new(Notify::new());
    let mortal = Mortal { left: AtomicU32::new(setup.calls), end: end.clone() };
    let plugin = super::trusting(Plugin::new(mortal).name(name), setup)?;
    let session = plugin.connect(&setup.hub).await?;
    let reason = session.run_until(end.notified(), GRACE).await;
    if reason.is_graceful() { Ok(()) } else { Err(format!("a life ended: {reason}").into()) }
}
