//! Where a connection takes the answers of its handlers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brpc_core::{Answer, Metadata};
use brpc_proto::CallId;

use crate::SharedConnection;

/// Where a connection takes the answers of its handlers.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) connection: Arc<SharedConnection>,
    /// Whether calls wait. Set under the connection's lock when too many answers are unsent.
    pub(super) is_backed_up: AtomicBool,
}

impl Outlet {
    pub(super) fn new(connection: Arc<SharedConnection>) -> Self {
        Self { connection, is_backed_up: AtomicBool::new(false) }
    }

    /// Answers a call.
    pub(super) fn send(&self, id: CallId, answer: Answer, metadata: Metadata) {
        let mut connection = self.connection.lock();
        connection.answer(id, answer, metadata);
        if !connection.may_start() {
            self.is_backed_up.store(true, Ordering::Relaxed);
        }
        connection.unlock_and_wake();
    }
}
