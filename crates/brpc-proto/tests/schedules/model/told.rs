//! What the hub's connection tells its owner.

use std::time::{Duration, Instant};

use brpc_core::{CallErrorKind, Metadata, Stage, Status};
use brpc_proto::{Event, Settlement};

use super::Model;
use super::call::{self, AtHub, Ended};
use crate::calls::Pattern;
use crate::coverage::Place;

/// How much later than the plugin the hub may find that a deadline has passed.
const CLOCKS: Duration = Duration::from_millis(10);

impl Model {
    /// The hub's connection told its owner something.
    pub(crate) fn hub_event(&mut self, event: &Event<usize>, now: Instant) {
        assert_eq!(self.hub.end, None, "nothing comes after the end");
        match event {
            Event::Settled(index, settlement) => {
                self.settled(*index, settlement, now);
                self.ended(*index, Ended::Settled(settlement.clone()), now);
            }
            Event::Message(event) => {
                self.trace.note(now, || format!("event of {} bytes", event.len()));
                // Forged ones have no number.
                if event[..] != [0xFF; 9] {
                    let size = self.emitted.get(self.seen).copied();
                    assert_eq!(Some(event.len()), size, "event {}", self.seen);
                    assert_eq!(event, &self.pattern.event(self.seen as u64, event.len()));
                    self.seen += 1;
                }
            }
            Event::Refused(refusal) => {
                self.trace.note(now, || format!("hub refuses: {refusal}"));
                self.hub.was_refused = true;
            }
            Event::Closed(reason, tally) => {
                self.hub_closed(*reason, *tally, now);
            }
            _ => {}
        }
    }

    /// A call was settled by the connection.
    fn settled(&mut self, index: usize, settlement: &Settlement, now: Instant) {
        match settlement {
            Settlement::Answered(answer, metadata) => {
                let call = &self.calls[index];
                assert_eq!(Some(answer), call.arrived.as_ref(), "the first answer counts");
                let (given, emitted) = call.answer.as_ref().expect("only answers are carried");
                let is_over = call.deadline.is_some_and(|deadline| deadline <= now);
                if let Err(failure) = answer
                    && matches!(failure.status, Status::Cancelled | Status::Expired)
                {
                    assert!(!is_over, "call {index} has run out of time");
                }
                let id = call.id.expect("it was sent");
                match call::as_carried(id, given, self.hub_takes) {
                    Ok(given) => assert_eq!(answer, &given, "call {index}"),
                    Err(status) => {
                        assert_eq!(answer.as_ref().map_err(|failure| failure.status), Err(status));
                        self.cover.visit(Place::OutputTooLarge);
                    }
                }
                let given = Some(Pattern::metadata(index)).filter(Metadata::is_sendable);
                assert_eq!(*metadata, given.unwrap_or_default(), "call {index}");
                if !metadata.is_empty() {
                    self.cover.visit(Place::AnsweredWithMetadata);
                }
                let seen = self.seen;
                assert!(seen >= *emitted, "events before the answer: {seen} of {emitted}");
            }
            Settlement::Ended(CallErrorKind::DeadlineExceeded { stage }) => {
                let call = &self.calls[index];
                let deadline = call.deadline.expect("there was a deadline");
                let earliest = now + if call.arrived.is_some() { CLOCKS } else { Duration::ZERO };
                assert!(deadline <= earliest || self.has_mischief, "too early");
                match &call.arrived {
                    None => self.given_up(index, *stage),
                    // The plugin's timer was the first to fire.
                    Some(answer) => {
                        let status = answer.as_ref().map_err(|failure| failure.status);
                        let said = match stage {
                            Stage::Expired => Status::Expired,
                            _ => Status::Cancelled,
                        };
                        assert_eq!(status, Err(said));
                        assert_ne!(*stage, Stage::Queued);
                    }
                }
            }
            Settlement::Ended(CallErrorKind::Disconnected { stage, generation, .. }) => {
                let is_handed = self.calls[index].is_handed();
                assert_eq!(*stage == Stage::Sent, is_handed, "call {index} at its end");
                assert_eq!(*generation, crate::pair::GENERATION);
                let is_ending = self.drain.is_some() || self.leave.is_some();
                self.cut += usize::from(is_ending);
                if is_ending {
                    self.cover.visit(Place::DrainedByForce);
                }
            }
            Settlement::Ended(error @ (CallErrorKind::Draining | CallErrorKind::ShuttingDown)) => {
                if self.calls[index].is_not_started {
                    assert_eq!(*error, CallErrorKind::Draining);
                    self.drainings_owed -= 1;
                } else {
                    assert_eq!(Some(error), self.ending().as_ref(), "not draining");
                    assert!(self.in_table > self.max_calls, "only those without a place");
                    self.given_up(index, Stage::Queued);
                }
            }
            Settlement::Ended(error) => panic!("call {index} can't end so: {error:?}"),
        }
    }

    /// Nobody waits for a call any more that the plugin has not answered.
    pub(super) fn given_up(&mut self, index: usize, stage: Stage) {
        let call = &mut self.calls[index];
        assert!(call.is_in_table(), "call {index} is over: {call:?}");
        assert_eq!(stage == Stage::Sent, call.is_handed(), "call {index} is given up");
        if call.is_handed() {
            self.cover.visit(Place::Tombstone);
            self.cancels_owed.extend(call.id);
            self.tombstones += 1;
        } else {
            call.at_hub = AtHub::Unknown;
            self.in_table -= 1;
            self.unsent -= 1;
            self.unsent_bytes -= call.plan.input;
        }
    }

    /// The hub was told the time.
    pub(crate) fn hub_ticked(&self, now: Instant) {
        if self.hub.end.is_none() {
            let grace = self.drain.and_then(|(_, until)| until);
            assert!(grace.is_none_or(|until| until > now), "the hub outlives its grace");
            assert!(self.hub.is_in || self.hello_deadline > now, "the handshake takes too long");
        }
        for (index, call) in self.calls.iter().enumerate() {
            let is_due = call.deadline.is_some_and(|deadline| deadline <= now);
            assert!(call.is_over() || !is_due, "call {index} outlives its deadline");
        }
    }
}
