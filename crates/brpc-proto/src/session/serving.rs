//! The half of a session that answers calls.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::time::Instant;

use brpc_core::{Answer, Failure, MAX_ERROR_TEXT, ProtocolError, Status};

use super::Events;
use super::calls::IdHasher;
use super::deadlines::Deadlines;
use crate::codec::size;
use crate::event::Event;
use crate::message::CallId;
use crate::terms::Terms;

/// The calls of the peer that are not answered.
#[derive(Debug)]
pub(crate) struct Serving {
    /// By id.
    running: HashMap<CallId, Running, BuildHasherDefault<IdHasher>>,
    /// Resumable calls that are answered, and whose answer the peer has not confirmed. Each keeps its
    /// place.
    unconfirmed: HashSet<CallId, BuildHasherDefault<IdHasher>>,
    /// When to check for calls whose deadline has passed.
    deadlines: Deadlines,
    /// Whether a call was cancelled since the owner's events were last checked for it.
    has_cancelled: bool,
    /// Whether the owner has found that too many answers are unsent, so that it waits for an
    /// [`Event::Room`].
    pub(super) is_start_wanted: bool,
    /// The id of the newest call, started or not.
    last_id: CallId,
    /// How many Cancels have arrived.
    cancels: u64,
    /// The most calls in flight, with those whose answer is not sent yet.
    max_calls: usize,
    /// The methods' numbers are lower than this, if there is a limit.
    methods: Option<u32>,
}

/// A call that is not answered.
#[derive(Debug)]
struct Running {
    /// Its deadline, if it has one.
    deadline: Option<Instant>,
    /// Why it is cancelled, if it is; the owner has the event.
    cancelled: Option<Why>,
    /// Whether it may go on over another connection.
    is_resumable: bool,
}

/// Why a call is cancelled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Why {
    /// The peer has given it up.
    GivenUp,
    /// Its deadline has passed.
    Late,
}

impl Serving {
    pub(crate) fn new(terms: &Terms) -> Self {
        Self {
            running: HashMap::default(),
            unconfirmed: HashSet::default(),
            deadlines: Deadlines::default(),
            has_cancelled: false,
            is_start_wanted: false,
            last_id: 0,
            cancels: 0,
            max_calls: terms.calls_in,
            methods: terms.methods,
        }
    }

    /// Notes that a call has arrived, whether it is started or not: the peer can still cancel it,
    /// even after it has asked this side to leave.
    /// `None` is the method of a call that goes on.
    pub(crate) fn note(&mut self, id: CallId, method: Option<u32>) -> Result<(), ProtocolError> {
        if id <= self.last_id {
            return Err(ProtocolError::CallIdOrder);
        }
        if let (Some(method), Some(methods)) = (method, self.methods)
            && method >= methods
        {
            return Err(ProtocolError::UnknownMethod);
        }
        self.last_id = id;
        Ok(())
    }

    /// Starts a call.
    pub(crate) fn start(&mut self, id: CallId, deadline: Option<Instant>, is_resumable: bool) {
        if let Some(deadline) = deadline {
            self.deadlines.note(deadline);
        }
        self.running.insert(id, Running { deadline, cancelled: None, is_resumable });
    }

    /// Ends a call; false if it isn't running.
    pub(crate) fn finish(&mut self, id: CallId) -> bool {
        let Some(call) = self.running.remove(&id) else { return false };
        // The peer has given up one that was cancelled.
        if call.is_resumable && call.cancelled.is_none() {
            self.unconfirmed.insert(id);
        }
        true
    }

    /// Handles a Confirm: the answer has arrived.
    pub(crate) fn handle_confirm<T>(
        &mut self,
        id: CallId,
        events: &mut Events<T>,
    ) -> Result<(), ProtocolError> {
        if id == 0 || id > self.last_id {
            return Err(ProtocolError::UnknownCancel);
        }
        if self.unconfirmed.remove(&id) {
            events.push_back(Event::Confirmed(id));
        }
        Ok(())
    }

    /// Handles a Cancel: gives the owner one event per call. False if there were more of them than
    /// calls to cancel, as in a flood.
    pub(crate) fn handle_cancel<T>(
        &mut self,
        id: CallId,
        events: &mut Events<T>,
    ) -> Result<bool, ProtocolError> {
        if id == 0 || id > self.last_id {
            return Err(ProtocolError::UnknownCancel);
        }
        self.cancels += 1;
        self.tell_cancelled(id, Why::GivenUp, events);
        // It has crossed the answer, which nobody takes.
        if !self.unconfirmed.is_empty() && self.unconfirmed.remove(&id) {
            events.push_back(Event::Confirmed(id));
        }
        Ok(self.cancels <= self.last_id)
    }

    /// Whether a call was cancelled since the owner's events were last checked for it.
    pub(crate) fn has_cancelled(&self) -> bool {
        self.has_cancelled
    }

    /// Withdraws the calls that were cancelled before the owner took their events, and returns their
    /// ids, each with the status of its answer, which is due.
    pub(crate) fn withdraw<T>(&mut self, events: &mut Events<T>) -> Vec<(CallId, Status)> {
        self.has_cancelled = false;
        let mut withdrawn = Vec::new();
        events.retain(|event| match event {
            Event::Call { id, .. } => {
                let status = match self.running.get(id).and_then(|call| call.cancelled) {
                    None => return true,
                    Some(Why::GivenUp) => Status::Cancelled,
                    Some(Why::Late) => Status::Expired,
                };
                self.running.remove(id);
                withdrawn.push((*id, status));
                false
            }
            Event::Cancel(id) => self.running.contains_key(id),
            _ => true,
        });
        withdrawn
    }

    /// Cancels the calls whose deadline has passed.
    pub(crate) fn expire<T>(&mut self, now: Instant, events: &mut Events<T>) {
        let wanted = self.running.iter().filter(|(_, call)| call.cancelled.is_none());
        let limited = wanted.filter_map(|(id, call)| Some((*id, call.deadline?)));
        for id in self.deadlines.take_due(now, limited) {
            self.tell_cancelled(id, Why::Late, events);
        }
    }

    /// When to call [`expire`](Self::expire) next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Whether one more call may be in flight, with so many unsent answers.
    pub(crate) fn has_place(&self, answers: usize) -> bool {
        self.running.len() + self.unconfirmed.len().max(answers) < self.max_calls
    }

    /// How many calls are not answered.
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }

    /// Entries held; for tests of the limits.
    pub(crate) fn footprint(&self) -> usize {
        self.running.len() + self.unconfirmed.len()
    }

    /// The id of the newest call.
    pub(crate) fn last_id(&self) -> CallId {
        self.last_id
    }

    fn tell_cancelled<T>(&mut self, id: CallId, why: Why, events: &mut Events<T>) {
        if let Some(call) = self.running.get_mut(&id)
            && call.cancelled.is_none()
        {
            call.cancelled = Some(why);
            events.push_back(Event::Cancel(id));
            self.has_cancelled = true;
        }
    }
}

/// Makes an answer fit the peer's limit of a frame: cuts long texts, leaves out data that doesn't fit
/// and says so, and turns an output that doesn't fit into a failure.
pub(crate) fn fit(id: CallId, answer: &mut Answer, max_frame: usize) {
    if let Ok(output) = answer {
        let size = size::of_reply(id, output.len());
        if size <= max_frame {
            return;
        }
        let problem = format!("it makes a frame of {size} bytes, and the limit is {max_frame}");
        *answer = Err(Failure::new(Status::InvalidOutput, problem));
    }
    if let Err(failure) = answer {
        for text in [&mut failure.code, &mut failure.message] {
            text.truncate(text.floor_char_boundary(MAX_ERROR_TEXT));
        }
        if size::of_failed(id, failure) > max_frame {
            let data = std::mem::take(&mut failure.data).len();
            let note = format!(" (its data of {data} bytes is left out: it doesn't fit a frame)");
            let room = MAX_ERROR_TEXT - note.len();
            failure.message.truncate(failure.message.floor_char_boundary(room));
            failure.message.push_str(&note);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_that_does_not_fit_is_left_out_and_the_message_says_so() {
        let failure = |message: &str, data: usize| {
            let failure = Failure::new(Status::Method, message).with_code("full");
            Err(failure.with_data("0".repeat(data)))
        };
        let mut fits = failure("no room", 16_000);
        fit(1, &mut fits, 16_384);
        assert_eq!(fits, failure("no room", 16_000));
        let note = " (its data of 20000 bytes is left out: it doesn't fit a frame)";
        for length in [7, MAX_ERROR_TEXT] {
            let mut answer = failure(&"m".repeat(length), 20_000);
            fit(1, &mut answer, 16_384);
            let failure = answer.unwrap_err();
            assert_eq!((&*failure.code, failure.data.len()), ("full", 0));
            let kept = length.min(MAX_ERROR_TEXT - note.len());
            assert_eq!(failure.message, format!("{}{note}", "m".repeat(kept)));
        }
    }
}
