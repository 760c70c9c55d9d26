//! What a session does with each message of the peer.

use std::time::{Duration, Instant};

use brpc_core::{DisconnectReason, ProtocolError};

use super::calling::Answered;
use super::ending::Ending;
use super::{Events, Session};
use crate::event::Event;
use crate::limits::MAX_STRIKES;
use crate::message::{Call, CallId, Message, Origin, Recalled, kind};
use crate::role::Role;
use crate::sparse::Sparse;

impl<T> Session<T> {
    /// Handles a message; returns an error if it breaks the protocol, and the reason if the peer
    /// has ended the connection.
    pub(crate) fn handle(
        &mut self,
        message: Message,
        sparse: &mut Sparse,
        now: Instant,
        events: &mut Events<T>,
    ) -> Result<Option<DisconnectReason>, ProtocolError> {
        match message {
            Message::Answer { id, answer, metadata } if self.terms.calls_out > 0 => {
                let answer = sparse.own(answer);
                match self.calling.handle_answer(id, answer, metadata, now, events)? {
                    Answered::Settled => {
                        self.tally.finished += usize::from(self.ending.is_some());
                        self.await_goodbye(now);
                    }
                    Answered::Late => {}
                    Answered::Again => self.strike()?,
                }
            }
            Message::Call(id, call)
                if self.terms.calls_in > 0 && (call.resumable.is_none() || self.resumes()) =>
            {
                self.handle_call(id, call, now, events)?;
            }
            Message::Continue { id, origin, timeout }
                if self.resumes() && self.terms.calls_in > 0 =>
            {
                self.handle_continue(id, origin, timeout, now, events)?;
            }
            Message::Confirm(id) if self.resumes() && self.terms.calls_in > 0 => {
                self.serving.handle_confirm(id, events)?;
            }
            Message::Resumed if self.resumes() && self.role == Role::Plugin => {
                self.handle_resumed(events)?;
            }
            Message::Resume(recalled) if self.resumes() && self.role == Role::Hub => {
                self.handle_resume(recalled, events)?;
            }
            Message::Cancel(id) if self.terms.calls_in > 0 => {
                if !self.serving.handle_cancel(id, events)? {
                    self.strike()?;
                }
            }
            Message::Event(event) if self.role == Role::Hub => {
                let is_paid = self.credit_in.spend(event.len() as u64);
                // On a wire without credit, only the events read at the end exceed it.
                if !is_paid && self.traits.has_credit {
                    return Err(ProtocolError::CreditExceeded);
                }
                events.push_back(Event::Message(event));
            }
            // A frame that costs its sender nothing, and has no effect.
            Message::Credit { events: 0, bytes: 0 } if self.role == Role::Plugin => {
                self.strike()?;
            }
            Message::Credit { events: count, bytes } if self.role == Role::Plugin => {
                if !self.credit_out.as_mut().is_some_and(|credit| credit.add(count, bytes)) {
                    return Err(ProtocolError::CreditOverflow);
                }
                // One event for all Credit frames in a batch, or a flood of them would pile up.
                if !matches!(events.back(), Some(Event::Credit)) {
                    events.push_back(Event::Credit);
                }
            }
            Message::Drain { cause, trace, .. } if self.role == Role::Plugin => {
                self.handle_drain(cause, trace, events)?;
            }
            // Once, or a flood of them would pile up.
            Message::Return { after } if self.role == Role::Plugin && self.note_return() => {
                events.push_back(Event::Return(after));
            }
            Message::Leave { last_id } if self.role == Role::Hub => {
                self.handle_leave(last_id, events)?;
                self.await_goodbye(now);
            }
            Message::Refused(refusal) if self.role == Role::Plugin => {
                events.push_back(Event::Refused(refusal));
                return Ok(Some(DisconnectReason::Refused));
            }
            Message::Goodbye { farewell, text } => {
                if !text.is_empty() {
                    events.push_back(Event::LastWords(text));
                }
                return Ok(Some(self.reason_of(farewell)));
            }
            Message::Skipped => self.strike()?,
            message => return Err(ProtocolError::UnexpectedFrame { kind: message.kind() }),
        }
        Ok(None)
    }

    fn handle_call(
        &mut self,
        id: CallId,
        call: Call,
        now: Instant,
        events: &mut Events<T>,
    ) -> Result<(), ProtocolError> {
        if self.recalling.is_some() {
            let kind = if call.resumable.is_some() { kind::RESUMABLE } else { kind::CALL };
            return Err(ProtocolError::UnexpectedFrame { kind });
        }
        self.serving.note(id, Some(call.method))?;
        if self.takes(id, kind::CALL)? {
            let deadline = call.deadline(now);
            self.serving.start(id, deadline, call.resumable.is_some());
            events.push_back(Event::Call { id, call, deadline });
        }
        Ok(())
    }

    fn handle_continue(
        &mut self,
        id: CallId,
        origin: Origin,
        timeout: Option<Duration>,
        now: Instant,
        events: &mut Events<T>,
    ) -> Result<(), ProtocolError> {
        if self.recalling.is_none() {
            return Err(ProtocolError::UnexpectedFrame { kind: kind::CONTINUE });
        }
        self.serving.note(id, None)?;
        if self.takes(id, kind::CONTINUE)? {
            let deadline = timeout.and_then(|timeout| now.checked_add(timeout));
            self.serving.start(id, deadline, true);
            events.push_back(Event::Continue { id, origin });
        }
        Ok(())
    }

    /// Whether a call of the peer is taken; if not, it is ignored. An error if it breaks the protocol.
    fn takes(&self, id: CallId, kind: u8) -> Result<bool, ProtocolError> {
        match self.ending {
            // Sent before the peer received Leave; it knows that such calls don't start.
            Some(Ending::Leaving { told: Some(last_id) }) if id > last_id => return Ok(false),
            Some(Ending::Asked) => return Err(ProtocolError::UnexpectedFrame { kind }),
            _ => {}
        }
        if !self.serving.has_place(self.outbox.answers()) {
            return Err(ProtocolError::TooManyCalls);
        }
        Ok(true)
    }

    fn handle_resume(
        &mut self,
        recalled: Recalled,
        events: &mut Events<T>,
    ) -> Result<(), ProtocolError> {
        let unexpected = ProtocolError::UnexpectedFrame { kind: kind::RESUME };
        self.recalling.as_mut().ok_or(unexpected)?.handle(&recalled)?;
        if recalled.is_last {
            self.recalling = None;
        }
        events.push_back(Event::Resume(recalled));
        Ok(())
    }

    fn handle_resumed(&mut self, events: &mut Events<T>) -> Result<(), ProtocolError> {
        let unexpected = ProtocolError::UnexpectedFrame { kind: kind::RESUMED };
        self.recalling.take().ok_or(unexpected)?;
        events.push_back(Event::Resumed);
        Ok(())
    }

    /// Counts a strike.
    fn strike(&mut self) -> Result<(), ProtocolError> {
        self.strikes += 1;
        if self.strikes > MAX_STRIKES { Err(ProtocolError::TooManyStrikes) } else { Ok(()) }
    }
}
