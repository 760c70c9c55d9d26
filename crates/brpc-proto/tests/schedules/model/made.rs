//! What the hub's owner does: calls are made and given up, and the plugin is asked to leave.

use std::time::Instant;

use brpc_core::{CallErrorKind, DisconnectReason, Scope, Stage};
use brpc_proto::{Admission, CallId, DrainCause};

use super::Model;
use super::call::{AtHub, Call, Ended};
use crate::calls::CallPlan;

impl Model {
    /// The number and the input of a call that is about to be made.
    pub(crate) fn new_call(&mut self, plan: &CallPlan, now: Instant) -> (usize, brpc_proto::Call) {
        let index = self.calls.len();
        let deadline = plan.timeout.and_then(|timeout| now.checked_add(timeout));
        let call = brpc_proto::Call {
            method: u32::try_from(index % crate::pair::METHODS).expect("few"),
            payload: self.pattern.input(index, plan.input),
            timeout: plan.timeout,
            trace: index.to_string(),
            metadata: index.is_multiple_of(5).then_some(("key", "value")).into_iter().collect(),
            admission: plan.admission,
            resumable: None,
        };
        self.calls.push(Call::new(plan.clone(), deadline));
        (index, call)
    }

    /// A call was made.
    pub(crate) fn made(&mut self, result: Result<CallId, (usize, CallErrorKind)>, now: Instant) {
        let index = self.calls.len() - 1;
        let size = if index.is_multiple_of(5) { 8 } else { 0 };
        let trace = index.to_string() + &"_".repeat(size);
        let expected = self.refusal(&self.calls[index], &trace, now);
        match (result, expected) {
            (Ok(id), Refusal::None | Refusal::AtTheEdge(None)) => {
                self.trace.note(now, || format!("call {index} is made, id {id}"));
                self.by_id.push(index);
                assert_eq!(id, self.by_id.len() as u64, "ids count up");
                let call = &mut self.calls[index];
                call.id = Some(id);
                call.at_hub = AtHub::Queued;
                call.waited = self.in_table >= self.max_calls;
                self.in_table += 1;
                self.peak = self.peak.max(self.in_table);
                self.unsent += 1;
                self.unsent_bytes += call.plan.input;
            }
            (Err((caller, error)), expected) => {
                assert_eq!(caller, index, "the caller is handed back");
                let is_too_large = matches!(error, CallErrorKind::InputTooLarge { .. });
                let is_expected = match &expected {
                    Refusal::Certain(expected) => error == *expected,
                    Refusal::TooLarge => is_too_large,
                    Refusal::AtTheEdge(other) => is_too_large || Some(&error) == other.as_ref(),
                    Refusal::None => false,
                };
                assert!(is_expected, "call {index} is refused: {error:?}, not {expected:?}");
                self.ended(index, Ended::AtStart(error), now);
            }
            (Ok(_), expected) => panic!("call {index} is let in: {expected:?}"),
        }
    }

    /// The caller of a call gave it up.
    pub(crate) fn cancelled(&mut self, index: usize, given: Option<(usize, Stage)>, now: Instant) {
        let waits = !self.calls[index].is_over();
        assert_eq!(given.is_some(), waits, "cancel tells whether somebody waited");
        if let Some((caller, stage)) = given {
            assert_eq!(caller, index, "the caller is handed back");
            self.given_up(index, stage);
            self.ended(index, Ended::Cancelled(stage), now);
        }
    }

    /// The plugin was let in.
    pub(crate) fn hub_welcomed(&mut self) {
        self.hub.is_in = true;
    }

    /// The owner asks the plugin to leave.
    pub(crate) fn draining(&mut self, cause: DrainCause, until: Option<Instant>) {
        if !self.hub.is_in {
            self.hub_must_end(DisconnectReason::Refused);
        } else if let Some((_, earlier)) = &mut self.drain {
            *earlier = [*earlier, until].into_iter().flatten().min();
        } else {
            self.drain = Some((cause, until));
        }
    }

    /// What a call must be refused for; what a frame takes besides its texts is a few numbers, and
    /// the limit may be judged by their longest or their real size.
    fn refusal(&self, call: &Call, trace: &str, now: Instant) -> Refusal {
        if let Some(reason) = self.hub.end {
            return Refusal::Certain(CallErrorKind::Disconnected {
                stage: Stage::Queued,
                reason,
                generation: if self.hub.is_in { crate::pair::GENERATION } else { 0 },
            });
        }
        if !self.hub.is_in {
            return Refusal::Certain(CallErrorKind::Draining);
        }
        if let Some(error) = self.ending() {
            return Refusal::Certain(error);
        }
        if call.deadline.is_some_and(|deadline| deadline <= now) {
            return Refusal::Certain(CallErrorKind::DeadlineExceeded { stage: Stage::Queued });
        }
        let texts = call.plan.input + trace.len();
        if texts + 6 > self.plugin_takes {
            return Refusal::TooLarge;
        }
        // One always finds room.
        let is_full = self.unsent > 0
            && (self.unsent >= self.hub_limits.queue_calls
                || self.unsent_bytes + call.plan.input > self.hub_limits.queue_bytes);
        if is_full || (self.in_table >= self.max_calls && call.plan.admission == Admission::Refuse)
        {
            let error = CallErrorKind::Overloaded { scope: Scope::Plugin, retry_after: None };
            return if texts + 40 > self.plugin_takes {
                Refusal::AtTheEdge(Some(error))
            } else {
                Refusal::Certain(error)
            };
        }
        if texts + 40 > self.plugin_takes { Refusal::AtTheEdge(None) } else { Refusal::None }
    }

    /// What a new call is told, if the session is to end.
    pub(super) fn ending(&self) -> Option<CallErrorKind> {
        match (self.drain, self.leave) {
            (Some((DrainCause::Shutdown, _)), _) => Some(CallErrorKind::ShuttingDown),
            (Some((DrainCause::Unplug, _)), _) | (None, Some(_)) => Some(CallErrorKind::Draining),
            (None, None) => None,
        }
    }
}

/// What the model expects of a call that is made.
#[derive(Debug)]
enum Refusal {
    None,
    Certain(CallErrorKind),
    TooLarge,
    /// Too large, or this.
    AtTheEdge(Option<CallErrorKind>),
}
