//! Calls that may go on over another connection, on their way from one place to the next.

use std::convert::Infallible;
use std::sync::{Arc, Weak};

use brpc_core::{CallErrorKind, Stage};
use brpc_proto::{Call, CallId, Course, Origin, Settlement};

use crate::place::{At, Holder, Place};
use crate::shared::SharedConnection;
use crate::slot::Slot;

impl Holder for SharedConnection {
    fn cancel(&self, call: Origin) -> Option<Stage> {
        Self::cancel(self, call.id)
    }
}

/// A call on this connection.
fn on(connection: &Arc<SharedConnection>, id: CallId) -> At {
    let connection: Arc<dyn Holder> = connection.clone();
    (Arc::downgrade(&connection), Origin { generation: 0, id })
}

/// Submits a call that waits at a slot with this place.
///
/// # Errors
/// If the connection is over, and its inbox is closed.
pub(super) fn submit(
    connection: &Arc<SharedConnection>,
    call: Call,
    input: &[u8],
    slot: &Arc<Slot>,
    place: &Place,
) -> Result<CallId, CallErrorKind> {
    let mut id = 0;
    place.move_to(|| {
        id = connection.submit(call, input, slot.clone())?;
        Ok(on(connection, id))
    })?;
    Ok(id)
}

/// Submits a call whose connection was lost: it goes on here, or is sent again, ahead of new calls. It
/// ends if it is cancelled. Called by the connection's driver.
pub fn resubmit(connection: &Arc<SharedConnection>, call: Call, slot: Arc<Slot>) {
    let course = call.resumable.as_ref().map(|it| it.course);
    let goes_on = matches!(course, Some(Course::GoesOn(_)));
    let stage = if goes_on { Stage::Sent } else { Stage::Queued };
    let Some(place) = slot.place() else { return };
    let moved = place.move_to(|| Ok(on(connection, connection.submit_ahead(call, slot.clone())?)));
    let error = match moved {
        Ok(true) => return,
        Ok(false) => CallErrorKind::Cancelled { stage },
        Err(CallErrorKind::Disconnected { reason, generation, .. }) => {
            CallErrorKind::Disconnected { stage, reason, generation }
        }
        Err(error) => error,
    };
    slot.settle(Settlement::Ended(error));
}

/// Has `insert` put a call that was lost with its connection to a holder, and say which. It ends if it
/// is cancelled.
pub fn suspend(
    slot: Arc<Slot>,
    (origin, stage): (Origin, Stage),
    insert: impl FnOnce(Arc<Slot>) -> Weak<dyn Holder>,
) {
    let Some(place) = slot.place() else { return };
    let moved = place.move_to(|| Ok::<_, Infallible>((insert(slot.clone()), origin)));
    if moved != Ok(true) {
        slot.settle(Settlement::Ended(CallErrorKind::Cancelled { stage }));
    }
}
