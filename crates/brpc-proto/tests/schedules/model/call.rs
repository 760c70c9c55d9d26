//! One call, as the model knows it.

use std::time::Instant;

use brpc_core::{Answer, CallErrorKind, Execution, Stage, Status};
use brpc_proto::Settlement;

use super::Model;
use crate::calls::CallPlan;
use crate::coverage::Place;

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) plan: CallPlan,
    pub(crate) deadline: Option<Instant>,
    pub(crate) id: Option<u64>,
    /// Waits for a place.
    pub(super) waited: bool,
    pub(super) at_hub: AtHub,
    pub(super) at_plugin: AtPlugin,
    /// The caller was told how it ended, and what about its execution; nothing if it ended well.
    is_over: bool,
    told: Option<Execution>,
    /// What the plugin answered, and how many events it had emitted by then.
    pub(super) answer: Option<(Answer, usize)>,
    /// The answer that came to the hub first.
    pub(super) arrived: Option<Answer>,
    /// The plugin has said that it does not start it.
    pub(super) is_not_started: bool,
}

impl Call {
    pub(super) fn new(plan: CallPlan, deadline: Option<Instant>) -> Self {
        Self {
            plan,
            deadline,
            id: None,
            waited: false,
            at_hub: AtHub::Unknown,
            at_plugin: AtPlugin::Unknown,
            is_over: false,
            told: None,
            answer: None,
            arrived: None,
            is_not_started: false,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether the hub must know it.
    pub(super) fn is_in_table(&self) -> bool {
        matches!(self.at_hub, AtHub::Queued | AtHub::Handed)
    }

    /// Whether some byte of it was given to the transport.
    pub(super) fn is_handed(&self) -> bool {
        matches!(self.at_hub, AtHub::Handed | AtHub::Confirmed)
    }

    /// Whether the caller was told that the handler never starts.
    pub(super) fn was_promised_never(&self) -> bool {
        self.told == Some(Execution::Never)
    }
}

/// What the hub must know of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum AtHub {
    /// Nothing, yet or any more; no byte of it was given to the transport.
    Unknown,
    Queued,
    Handed,
    /// The plugin has said how it ended, or that it will not start.
    Confirmed,
}

/// How far a call came at the plugin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum AtPlugin {
    Unknown,
    Called,
    /// Its handler was started.
    Begun,
}

/// How a call comes to its end.
#[derive(Debug)]
pub(super) enum Ended {
    /// Refused when it was made.
    AtStart(CallErrorKind),
    /// Given up by the caller.
    Cancelled(Stage),
    /// By what the connection says.
    Settled(Settlement),
}

impl Model {
    /// Notes how a call ended, and checks what that says about its execution.
    pub(super) fn ended(&mut self, index: usize, ended: Ended, now: Instant) {
        self.trace.note(now, || format!("call {index} ends: {:.100}", format!("{ended:?}")));
        let (is_at_start, result) = match ended {
            Ended::AtStart(error) => (true, Err(error)),
            Ended::Cancelled(stage) => (false, Err(CallErrorKind::Cancelled { stage })),
            Ended::Settled(settlement) => (false, settlement.into_result(|| "method")),
        };
        let call = &mut self.calls[index];
        assert!(!call.is_over, "call {index} ends twice: {call:?}, {result:?}");
        let execution = result.as_ref().err().map(CallErrorKind::execution);
        match execution {
            Some(Execution::Never) => {
                assert!(call.at_plugin != AtPlugin::Begun, "call {index} has begun: {result:?}");
                self.cover.visit(Place::Never);
            }
            Some(Execution::Unknown) => self.cover.visit(Place::Unknown),
            Some(Execution::Completed) | None => {
                assert!(
                    call.at_plugin == AtPlugin::Begun,
                    "call {index} has not begun: {result:?}"
                );
                self.cover.visit(Place::Completed);
            }
        }
        if !call.is_handed() {
            assert_eq!(execution, Some(Execution::Never), "nothing of call {index} was sent");
        }
        (call.is_over, call.told) = (true, execution);
        if let Some(place) = place(&result, is_at_start, call) {
            self.cover.visit(place);
        }
    }
}

/// The place in the table of coverage.
fn place(
    result: &Result<impl Sized, CallErrorKind>,
    is_at_start: bool,
    call: &Call,
) -> Option<Place> {
    let Err(error) = result else { return Some(Place::Ok) };
    Some(match error {
        CallErrorKind::Method(_) => Place::Method,
        CallErrorKind::Panicked { .. } => Place::Panicked,
        CallErrorKind::InvalidOutput { .. } => Place::InvalidOutput,
        CallErrorKind::MethodNotFound { .. } => Place::MethodNotFound,
        CallErrorKind::InvalidInput { .. } => Place::InvalidInput,
        CallErrorKind::InputTooLarge { .. } => Place::InputTooLarge,
        CallErrorKind::Overloaded { .. } if is_at_start => Place::OverloadedAtHub,
        CallErrorKind::Overloaded { .. } => Place::OverloadedAtPlugin,
        CallErrorKind::Forbidden { .. } => Place::Forbidden,
        CallErrorKind::Draining if is_at_start => Place::DrainingAtStart,
        CallErrorKind::Draining if !call.is_handed() => Place::DrainingWaiting,
        CallErrorKind::Draining if call.is_not_started => Place::DrainingSent,
        CallErrorKind::Draining => Place::DrainingAtPlugin,
        CallErrorKind::ShuttingDown => Place::ShuttingDown,
        CallErrorKind::DeadlineExceeded { .. } if is_at_start => Place::DeadlineAtStart,
        CallErrorKind::DeadlineExceeded { stage: Stage::Queued } => Place::DeadlineQueued,
        CallErrorKind::DeadlineExceeded { stage: Stage::Expired } => Place::DeadlineExpired,
        CallErrorKind::DeadlineExceeded { .. } if call.arrived.is_some() => Place::DeadlineAtPlugin,
        CallErrorKind::DeadlineExceeded { stage: Stage::Sent } => Place::DeadlineSent,
        CallErrorKind::Cancelled { stage: Stage::Queued } => Place::CancelledQueued,
        CallErrorKind::Cancelled { .. } if call.arrived.is_some() => Place::CancelledByPlugin,
        CallErrorKind::Cancelled { .. } => Place::CancelledSent,
        CallErrorKind::Disconnected { .. } if is_at_start => Place::DisconnectedAtStart,
        CallErrorKind::Disconnected { stage: Stage::Queued, .. } => Place::DisconnectedQueued,
        CallErrorKind::Disconnected { .. } => Place::DisconnectedSent,
        // `NoPlugin` is for those who know of several plugins.
        _ => return None,
    })
}

/// What the hub must get if the plugin answers a call like this.
pub(super) fn as_carried(id: u64, answer: &Answer, limit: usize) -> Result<Answer, Status> {
    // The kind, the id, and what is specific to each.
    let numbers = 1 + varint(id);
    match answer {
        Ok(output) if numbers + output.len() > limit => Err(Status::InvalidOutput),
        Err(failure) => {
            let texts = [failure.code.len(), failure.message.len()];
            let texts = texts.into_iter().map(|text| varint(text as u64) + text).sum::<usize>();
            let is_carried = numbers + 1 + texts + failure.data.len() <= limit;
            if is_carried { Ok(answer.clone()) } else { Err(failure.status) }
        }
        Ok(_) => Ok(answer.clone()),
    }
}

/// How many bytes a number takes.
fn varint(number: u64) -> usize {
    (1..10).find(|bytes| number < 1 << (7 * bytes)).unwrap_or(10)
}
