//! The hub's side of a connection: what its driver does.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::BytesMut;

use super::{HubConnection, Phase, later};
use crate::codec;
use crate::connection::{Connection, End, free_queue};
use crate::event::HubEvent;
use crate::handshake::Rejected;
use crate::session::{Handed, HubSession, Intake, Settlement};
use crate::wire::WriteBuffer;
use crate::{DisconnectReason, Refusal, RefusalCode};

impl<T> HubConnection<T> {
    /// Whether the owner is about to say if the plugin is let in. What is to be sent before goes
    /// with it, in one write.
    fn awaits_welcome(&self) -> bool {
        matches!(&self.phase, Phase::Handshake(handshake) if handshake.awaits_welcome())
    }

    /// Takes messages off the input until it is empty, a word of the owner is due, or the end.
    fn take_messages(&mut self, input: &mut BytesMut, took_message: &mut bool) {
        loop {
            let before = input.len();
            match &mut self.phase {
                Phase::Handshake(handshake) => {
                    match handshake.handle_input(input, &mut self.stream.reader, &mut self.wire) {
                        Ok(step) => self.handle_step(step),
                        Err(Rejected::Refused(refusal)) => self.refuse(refusal),
                        Err(Rejected::Stranger(protocol, told)) => {
                            let first = input[..input.len().min(8)].into();
                            self.events.push_back(HubEvent::Stranger(protocol, first));
                            self.stream.control.with(|out| out.extend(codec::words(protocol)));
                            match told {
                                Some(why) => self.refuse(Refusal::new(RefusalCode::Wire, why)),
                                None => self.close(Rejected::STRANGER),
                            }
                        }
                    }
                    // A step that takes nothing waits: for input, or for the owner.
                    if input.len() == before {
                        return;
                    }
                }
                Phase::Session(session) => {
                    if self.wire.is_foreign()
                        && !self.takes_all
                        && !session.has_room_for_event(self.limits.max_frame)
                    {
                        self.stream.is_held = true;
                        return;
                    }
                    let (reader, events) = (&self.stream.reader, &mut self.events);
                    match self.wire.handle_input(input, reader, session, events) {
                        Ok(Some(None)) => {}
                        Ok(Some(Some(reason))) => self.end(reason, None),
                        Ok(None) => {
                            *took_message |= input.len() < before;
                            return;
                        }
                        Err(error) => self.close(DisconnectReason::Protocol(error)),
                    }
                }
                Phase::Closed { .. } => return input.clear(),
            }
            *took_message = true;
        }
    }
}

impl<T> Connection for HubConnection<T> {
    type Event = HubEvent<T>;
    type Intake = Intake<T>;

    fn offer(&self, intake: &mut Intake<T>) {
        let (last_id, room) = self.session().map(HubSession::offer).unwrap_or_default();
        intake.offer(last_id, room);
    }

    fn handed(intake: &Intake<T>) -> Handed {
        intake.handed()
    }

    fn take_over(&mut self, intake: &mut Intake<T>) {
        intake.exchange(&mut self.handed);
    }

    fn free_room(&mut self, intake: &mut Intake<T>) {
        intake.free_room();
        self.handed.free_room();
        if let Phase::Session(session) = &mut self.phase {
            session.free_room();
        }
        free_queue(&mut self.events);
    }

    fn handle_handed(&mut self, mut out: Option<&mut WriteBuffer>, now: Instant) {
        let (phase, wire, events) = (&mut self.phase, &mut self.wire, &mut self.events);
        if let Some(out) = &mut out {
            let (calls, bytes) = self.handed.size();
            out.reserve(calls, bytes);
        }
        self.handed.take(|handed| {
            let taken = match phase.for_calls() {
                Ok(session) => session.take_over(handed, wire, out.as_deref_mut(), now),
                Err(error) => Err((handed.caller, error)),
            };
            // It was over before this was known where the call was made.
            if let Err((caller, error)) = taken {
                events.push_back(HubEvent::Settled(caller, Settlement::Ended(error)));
            }
        });
        if let Some(out) = out {
            self.stream.note_output(0, !out.is_empty(), now);
        }
    }

    fn handle_input(&mut self, input: &mut BytesMut, now: Instant) {
        let mut took_message = false;
        self.stream.is_held = false;
        self.take_messages(input, &mut took_message);
        self.stream.note_input(input, took_message, now);
    }

    fn takes_input(&self) -> bool {
        !self.stream.is_held
    }

    fn handle_rest(&mut self, input: &mut BytesMut, now: Instant) {
        // Answers, and events of which there are no more than were read.
        self.takes_all = true;
        self.handle_input(input, now);
    }

    fn handle_end(&mut self, end: End, _now: Instant) {
        let mut reason = self.stream.reason_of(end);
        if let Phase::Session(session) = &self.phase
            && self.wire.is_foreign()
            && reason == DisconnectReason::Unclean
        {
            reason = session.reason_of_silence().unwrap_or(reason);
        }
        self.end(reason, None);
    }

    fn handle_timeout(&mut self, now: Instant) {
        let reason = match &mut self.phase {
            Phase::Handshake(_) if self.hello_deadline <= now => {
                let waited = self.limits.hello_deadline;
                let message = format!("the handshake took more than {waited:?}");
                return self.refuse(later(RefusalCode::HandshakeTimeout, &message));
            }
            Phase::Session(session) => session
                .handle_timeout(now, &mut self.events)
                .or_else(|| self.stream.handle_timeout(now)),
            Phase::Handshake(_) | Phase::Closed { .. } => None,
        };
        if let Some(reason) = reason {
            self.close(reason);
        }
    }

    fn handle_written(&mut self, bytes: usize, more: bool, now: Instant) {
        self.stream.note_output(bytes, more, now);
    }

    fn poll_transmit(&mut self, out: &mut WriteBuffer, now: Instant) {
        if !self.awaits_welcome() {
            out.append(&mut self.stream.control);
        }
        if let Phase::Session(session) = &mut self.phase {
            session.poll_transmit(&mut self.wire, out, now);
        }
        self.stream.note_output(0, !out.is_empty(), now);
    }

    fn wants_transmit(&self) -> bool {
        !(self.stream.control.is_empty() || self.awaits_welcome())
            || matches!(&self.phase, Phase::Session(session) if session.wants_transmit())
    }

    fn transmit_size(&self) -> usize {
        self.queued_bytes()
    }

    fn is_quiet(&self) -> bool {
        self.calls_in_progress() <= 1
    }

    fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    fn invites(event: &HubEvent<T>) -> bool {
        !matches!(event, HubEvent::Message(_))
    }

    fn swap_events(&mut self, events: &mut VecDeque<HubEvent<T>>) {
        std::mem::swap(&mut self.events, events);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Handshake(_) => Some(self.hello_deadline),
            Phase::Session(session) => {
                [session.poll_timeout(), self.stream.poll_timeout()].into_iter().flatten().min()
            }
            Phase::Closed { .. } => None,
        }
    }

    fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed { .. })
    }
}
