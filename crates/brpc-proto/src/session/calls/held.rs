//! Calls that are held back until those that go on have their places.

use super::Calls;
use crate::message::{Admission, CallId};

impl<T> Calls<T> {
    /// Holds back all calls but those that go on, until [`release`](Self::release).
    pub(crate) fn hold(&mut self) {
        self.is_held = true;
    }

    /// Whether calls are held back.
    pub(crate) fn is_held(&self) -> bool {
        self.is_held
    }

    /// Gives the places that are left to the calls that were held back, in order. Returns those that
    /// don't wait for one.
    pub(crate) fn release(&mut self) -> Vec<(CallId, T)> {
        self.is_held = false;
        while self.placed < self.max_placed && self.place_first() {}
        let mut refused = Vec::new();
        for (id, call, deadline) in std::mem::take(&mut self.held) {
            if self.placed < self.max_placed {
                self.placed += 1;
                self.queued.push(id, call, deadline);
            } else if call.admission == Admission::Wait {
                self.waiting.push(id, call, deadline);
            } else {
                let entry = self.entries.remove(&id);
                refused.extend(entry.and_then(|entry| Some((id, entry.caller?))));
            }
        }
        refused
    }

    /// Whether a call with this id would have to be sent behind one that is held back.
    pub(super) fn is_behind_held(&self, id: CallId) -> bool {
        self.held.first_id().is_some_and(|first| first < id)
    }

    /// Gives a free place to the call that has waited longest, if one waits.
    pub(super) fn place_first(&mut self) -> bool {
        let Some((id, call, deadline)) = self.waiting.pop() else { return false };
        self.placed += 1;
        self.queued.push(id, call, deadline);
        true
    }
}
