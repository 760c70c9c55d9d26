//! Stopping a plugin that stays connected.

use std::sync::Weak;

use brpc_rt::serving::Remaining;
use parking_lot::Mutex;

use crate::handle::{Stop, StopAt, Stopping};

/// Stops a run, whether it is connected at the moment or not.
pub(super) struct Control {
    stopping: Stopping,
    /// The current connection.
    session: Mutex<Option<Weak<dyn Stop>>>,
}

impl Control {
    pub(super) fn new() -> Self {
        Self { stopping: Stopping::new(), session: Mutex::new(None) }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopping.at().is_some()
    }

    /// Returns when the plugin is told to stop and is `idle`, or its grace period is over.
    pub(super) async fn stopped(&self, idle: impl Future<Output = ()>) {
        self.stopping.begun().await;
        tokio::select! {
            () = idle => {}
            () = self.stopping.cut_off() => {}
        }
    }

    /// Notes the current connection. If the plugin was told to stop meanwhile, the connection is.
    pub(super) fn enter(&self, session: Weak<dyn Stop>) {
        let open = session.upgrade();
        *self.session.lock() = Some(session);
        if let (Some(until), Some(session)) = (self.stopping.at(), open) {
            session.stop(until);
        }
    }

    /// Returns when none of these handlers runs any more; those that still do at the end of the grace
    /// period are cancelled.
    pub(super) async fn finish(&self, handlers: &Remaining) {
        tokio::select! {
            biased;
            () = handlers.ended() => {}
            () = self.stopping.cut_off() => handlers.cancel(),
        }
    }
}

impl Stop for Control {
    fn stop(&self, until: StopAt) {
        self.stopping.stop(until);
        let session = self.session.lock().as_ref().and_then(Weak::upgrade);
        if let Some(session) = session {
            session.stop(until);
        }
    }
}
