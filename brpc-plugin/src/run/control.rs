//! Stopping a plugin that stays connected.

use std::sync::Weak;

use brpc_rt::foreign::shielded;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::handle::{Stop, StopAt, earlier};

/// Stops a run, whether it is connected at the moment or not.
pub(super) struct Control {
    /// When the plugin stops its handlers; `None` until it is told to stop.
    stop: watch::Sender<Option<StopAt>>,
    /// The current connection.
    session: Mutex<Option<Weak<dyn Stop>>>,
}

impl Control {
    pub(super) fn new() -> Self {
        Self { stop: watch::Sender::new(None), session: Mutex::new(None) }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.borrow().is_some()
    }

    /// Returns when the plugin is told to stop.
    pub(super) async fn stopped(&self) {
        // The sender is a field of this.
        let _ = shielded(self.stop.subscribe().wait_for(Option::is_some)).await;
    }

    /// Notes the current connection. If the plugin was told to stop meanwhile, the connection is.
    pub(super) fn enter(&self, session: Weak<dyn Stop>) {
        let open = session.upgrade();
        *self.session.lock() = Some(session);
        let stop = *self.stop.borrow();
        if let (Some(until), Some(session)) = (stop, open) {
            session.stop(until);
        }
    }
}

impl Stop for Control {
    fn stop(&self, until: StopAt) {
        self.stop.send_modify(|stop| *stop = Some(earlier(*stop, until)));
        let session = self.session.lock().as_ref().and_then(Weak::upgrade);
        if let Some(session) = session {
            session.stop(until);
        }
    }
}
