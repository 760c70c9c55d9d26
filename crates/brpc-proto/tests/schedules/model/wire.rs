//! What goes over the hub's wire, either way.

use std::time::Instant;

use super::Model;
use super::call::AtHub;
use crate::coverage::Place;
use crate::frames::Said;

impl Model {
    /// Frames were handed to the transport by the hub.
    pub(crate) fn handed(&mut self, said: Vec<Said>, now: Instant) {
        for said in said {
            self.trace.note(now, || format!("hub says {:.90}", format!("{said:?}")));
            match said {
                Said::Call { id, trace, timeout_ms } => {
                    self.handed_call(id, &trace, timeout_ms, now);
                }
                Said::Cancel { id } => {
                    assert!(
                        self.cancels_owed.remove(&id),
                        "a cancel of {id} that nobody asked for"
                    );
                }
                Said::Drain => {
                    assert!(self.drain.is_some() && !self.has_said_drain, "one drain, if asked");
                    assert_eq!(self.unsent, 0, "calls go before the drain");
                    self.has_said_drain = true;
                }
                _ => {}
            }
        }
        assert!(self.cancels_owed.is_empty(), "cancels go first: {:?}", self.cancels_owed);
    }

    fn handed_call(&mut self, id: u64, trace: &str, timeout_ms: u64, now: Instant) {
        let index: usize = trace.parse().expect("the trace names the call");
        let call = &mut self.calls[index];
        assert_eq!(call.id, Some(id), "call {index} travels under its own id");
        assert!(call.at_hub == AtHub::Queued && !call.is_over(), "{call:?}");
        assert!(id > self.newest_handed, "ids rise");
        assert!(!self.has_said_drain && self.leave.is_none(), "a call after the last word");
        let left = call.deadline.map_or(0, |deadline| {
            deadline.saturating_duration_since(now).as_nanos().div_ceil(1_000_000).max(1)
        });
        assert_eq!(u128::from(timeout_ms), left.min(u64::MAX.into()), "time left");
        call.at_hub = AtHub::Handed;
        self.newest_handed = id;
        self.unsent -= 1;
        self.unsent_bytes -= call.plan.input;
        if call.waited {
            self.cover.visit(Place::Placed);
        }
        let with_places = self.in_table - self.unsent;
        assert!(with_places <= self.max_calls, "{with_places} calls at once");
    }

    /// Frames came to the hub.
    pub(crate) fn hub_heard(&mut self, said: Vec<Said>, now: Instant) {
        for said in said {
            self.trace.note(now, || format!("hub hears {:.90}", format!("{said:?}")));
            match said {
                Said::Answer { id, answer } => {
                    let known = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
                    let index = known.and_then(|place| self.by_id.get(place)).copied();
                    let Some(index) = index.filter(|_| id <= self.newest_handed) else { continue };
                    let call = &mut self.calls[index];
                    if call.at_hub == AtHub::Handed {
                        call.at_hub = AtHub::Confirmed;
                        call.arrived = Some(answer);
                        self.in_table -= 1;
                        if call.is_over() {
                            self.late_answers += 1;
                            self.tombstones -= 1;
                            self.cover.visit(Place::LateAnswer);
                        } else {
                            let is_ending = self.drain.is_some() || self.leave.is_some();
                            self.finished += usize::from(is_ending);
                        }
                    } else {
                        self.strikes += 1;
                        self.cover.visit(Place::AnsweredAgain);
                    }
                }
                Said::Leave { last_id } => self.heard_leave(last_id),
                Said::Goodbye { code } => self.hub.goodbye = Some(code),
                Said::Other(0x80..=0xBF) if self.hub.is_in => self.strikes += 1,
                _ => {}
            }
        }
    }

    fn heard_leave(&mut self, last_id: u64) {
        if self.drain.is_some() {
            self.cover.visit(Place::LeftAndDrained);
        }
        self.leave = Some(last_id);
        for call in self.calls.iter_mut().filter(|call| call.is_in_table()) {
            if call.is_handed() && call.id <= Some(last_id) {
                self.cover.visit(Place::LeftWithCalls);
                continue;
            }
            call.is_not_started = true;
            self.in_table -= 1;
            if call.is_handed() {
                self.tombstones -= usize::from(call.is_over());
                call.at_hub = AtHub::Confirmed;
            } else {
                call.at_hub = AtHub::Unknown;
                self.unsent -= 1;
                self.unsent_bytes -= call.plan.input;
            }
            self.drainings_owed += usize::from(!call.is_over());
        }
    }
}
