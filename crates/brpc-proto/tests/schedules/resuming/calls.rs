//! The journal: what became of each call, at its caller and at the plugin.

use std::time::Instant;

use brpc_core::{Admission, Answer, CallErrorKind, Execution};
use brpc_proto::{Origin, Settlement};

use super::coverage::{Coverage, Place};
use crate::trace::Trace;

/// Where a call is at the hub.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum At {
    /// On the connection with this number, under this id.
    Line(u64, u64),
    Suspended(Origin),
    Over,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) at: At,
    pub(crate) is_resumable: bool,
    admission: Admission,
    /// How often it was suspended.
    pub(crate) suspended: usize,
    /// How often its handler was started.
    starts: usize,
    /// What its handler has answered.
    answer: Option<Answer>,
    /// What its caller was told about its execution.
    told: Option<Execution>,
}

/// All calls.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) calls: Vec<Call>,
    pub(crate) cover: Coverage,
    pub(crate) trace: Trace,
    /// Whether every resumable call must end well.
    pub(crate) is_lossless: bool,
    /// The call whose handler was started last.
    pub(crate) last_started: Option<usize>,
}

impl Journal {
    /// A call is made.
    pub(crate) fn made(&mut self, at: At, is_resumable: bool, admission: Admission) -> usize {
        self.calls.push(Call {
            at,
            is_resumable,
            admission,
            suspended: 0,
            starts: 0,
            answer: None,
            told: None,
        });
        self.calls.len() - 1
    }

    /// A handler is started.
    pub(crate) fn started(&mut self, index: usize, now: Instant) {
        self.trace.note(now, || format!("call {index} starts"));
        let before = self.last_started.replace(index);
        assert!(before < Some(index), "call {index} is overtaken by {before:?}");
        let call = &mut self.calls[index];
        call.starts += 1;
        assert_eq!(call.starts, 1, "call {index} is started twice");
        assert_ne!(call.told, Some(Execution::Never), "call {index} was said never to run");
    }

    /// A handler has ended.
    pub(crate) fn answered(&mut self, index: usize, answer: &Answer, now: Instant) {
        self.trace.note(now, || format!("call {index} is answered: {answer:?}"));
        let before = self.calls[index].answer.replace(answer.clone());
        assert!(before.is_none(), "call {index} ends twice at the plugin");
    }

    /// A call ends for its caller.
    pub(crate) fn ended(&mut self, index: usize, settlement: Settlement, now: Instant) {
        let settled = format!("{settlement:.200?}");
        self.trace.note(now, || format!("call {index} ends: {settled}"));
        let result = settlement.into_result(|| "method");
        let call = &mut self.calls[index];
        assert_ne!(call.at, At::Over, "call {index} ends twice: {result:?}");
        call.at = At::Over;
        match result {
            Ok(response) => {
                assert_eq!(call.starts, 1, "call {index} has not run");
                let own = call.answer.as_ref().expect("it has an answer");
                assert_eq!(own.as_ref(), Ok(&response.output), "the answer to another call");
                self.cover.visit(Place::Ok);
            }
            Err(error) => self.failed(index, &error),
        }
    }

    fn failed(&mut self, index: usize, error: &CallErrorKind) {
        let call = &mut self.calls[index];
        let execution = error.execution();
        call.told = Some(execution);
        assert!(
            execution != Execution::Never || call.starts == 0,
            "call {index} has run: {error:?}"
        );
        assert!(
            execution != Execution::Completed || call.starts == 1,
            "call {index} has not run: {error:?}"
        );
        if call.admission == Admission::Refuse && matches!(error, CallErrorKind::Overloaded { .. })
        {
            assert_eq!(call.suspended, 0, "call {index} had its place before");
            return self.cover.visit(Place::Refused);
        }
        assert!(
            !(self.is_lossless && call.is_resumable),
            "call {index} is lost, though it may go on: {error:?}"
        );
    }

    pub(crate) fn are_all_over(&self) -> bool {
        self.calls.iter().all(|call| call.at == At::Over)
    }
}
