//! Where a call is that may go on over another connection.

use std::fmt;
use std::sync::Weak;

use brpc_core::Stage;
use brpc_proto::Origin;
use parking_lot::Mutex;

/// What has calls: a connection, or the hub for those whose connection was lost.
pub trait Holder: Send + Sync {
    /// Takes out a call that is cancelled; returns how far it has come. `None` if it isn't there. A
    /// connection looks at the id only.
    fn cancel(&self, call: Origin) -> Option<Stage>;
}

/// Where a call is, and as which.
pub(crate) type At = (Weak<dyn Holder>, Origin);

/// Where a call is that may go on over another connection. Whoever moves it does so under this lock,
/// so that a cancel finds it where it is, or stops it on the way. Taken before the locks of holders.
#[derive(Default)]
pub(crate) struct Place(Mutex<State>);

#[derive(Default)]
struct State {
    at: Option<At>,
    /// Whether it is cancelled, and moves no more.
    is_cancelled: bool,
}

impl Place {
    /// Cancels the call; returns the stage that it had reached. `None` if it is settled, or on its
    /// way: then it is settled where it would have gone.
    pub(crate) fn cancel(&self) -> Option<Stage> {
        let (holder, call) = {
            let mut state = self.0.lock();
            state.is_cancelled = true;
            state.at.take()?
        };
        holder.upgrade()?.cancel(call)
    }

    /// Moves the call, unless it is cancelled; whether it did.
    pub(crate) fn move_to<E>(&self, to: impl FnOnce() -> Result<At, E>) -> Result<bool, E> {
        let mut state = self.0.lock();
        if !state.is_cancelled {
            state.at = Some(to()?);
        }
        Ok(!state.is_cancelled)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = self.0.lock().at.as_ref().map(|(_, call)| *call);
        f.debug_tuple("Place").field(&call).finish()
    }
}
