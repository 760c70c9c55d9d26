//! The hub: what its shell does with the events of its connections.

use std::sync::Arc;
use std::time::Instant;

use brpc_core::DisconnectReason;
use brpc_proto::resume::{Resumption, Suspended};
use brpc_proto::{Description, Event, Recalled, Settlement};

use super::calls::{At, Journal};
use super::coverage::Place;
use super::line::Line;

/// What the hub holds beside its connections.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) epoch: [u8; 16],
    /// Calls whose link is lost, and that wait for the plugin.
    pub(crate) suspended: Suspended<usize>,
    /// Which instance has the name: the other one?
    pub(crate) is_held_by_other: bool,
}

impl Hub {
    /// Accepts a plugin that says hello; whether it is to be registered.
    pub(crate) fn takes_hello(line: &mut Line, description: &Arc<Description>) -> bool {
        if !matches!(line.hub.connection.poll_event(), Some(Event::Hello(_))) {
            return false;
        }
        line.hub.connection.accept(Some(description.clone()));
        matches!(line.hub.connection.poll_event(), Some(Event::Described(_)))
    }

    /// Handles the events of a connection, in order.
    pub(crate) fn handle_events(&mut self, line: &mut Line, journal: &mut Journal, now: Instant) {
        while let Some(event) = line.hub.connection.poll_event() {
            match event {
                Event::Settled(index, settlement) => journal.ended(index, settlement, now),
                Event::Suspended(index, suspension) => {
                    journal.trace.note(now, || {
                        format!("call {index} is suspended: {:?}", suspension.origin())
                    });
                    let call = &mut journal.calls[index];
                    assert!(call.is_resumable, "call {index} isn't resumable");
                    call.at = At::Suspended(suspension.origin());
                    call.suspended += 1;
                    journal.cover.visit(match (call.suspended, suspension.stage()) {
                        (1, brpc_core::Stage::Queued) => Place::SuspendedUnsent,
                        (1, _) => Place::SuspendedSent,
                        _ => Place::SuspendedAgain,
                    });
                    self.suspended.insert(index, *suspension, now).expect("they are few");
                }
                Event::Resume(recalled) => self.resume(line, recalled, journal, now),
                _ => {}
            }
        }
    }

    /// The plugin of this connection gets the name.
    pub(crate) fn register(&mut self, line: &mut Line, journal: &mut Journal, now: Instant) {
        let welcomed = line.hub.connection.welcome("plugin", line.generation, self.epoch, now);
        assert!(welcomed, "it was the hub's turn");
        line.is_welcomed = true;
        journal.trace.note(now, || format!("welcomed as {}", line.generation));
        // Those of another instance don't go on, nor those of one that can't take them.
        let is_same = self.is_held_by_other == line.is_of_other;
        let terms = line.hub.connection.terms().expect("it is welcomed");
        if !is_same || !terms.features.has(brpc_proto::Features::RESUME) {
            self.end_suspended(journal, now);
        }
        self.is_held_by_other = line.is_of_other;
        self.suspended.begin();
    }

    fn resume(&mut self, line: &mut Line, recalled: Recalled, journal: &mut Journal, now: Instant) {
        journal.trace.note(now, || format!("the plugin recalls {recalled:?}"));
        let (is_last, kept) = (recalled.is_last, recalled.kept.clone());
        for (index, origin, resumption) in self.suspended.resume(recalled, now) {
            match resumption {
                Resumption::Submit(call) => {
                    line.last_ahead += 1;
                    journal.trace.note(now, || {
                        format!(
                            "call {index} goes on as {}, kept {}",
                            line.last_ahead,
                            kept.contains(&origin)
                        )
                    });
                    journal.cover.visit(if kept.contains(&origin) {
                        Place::Continued
                    } else {
                        Place::SentAgain
                    });
                    journal.calls[index].at = At::Line(line.generation, line.last_ahead);
                    line.hub.connection.submit_call(line.last_ahead, *call, index, now);
                    let connection = &line.hub.connection;
                    if connection.calls() > connection.calls_in_progress() {
                        journal.cover.visit(Place::OthersWait);
                    }
                }
                Resumption::End(error) => {
                    journal.cover.visit(Place::LostOnReturn);
                    journal.ended(index, Settlement::Ended(error), now);
                }
            }
        }
        if is_last {
            line.hub.connection.resumed();
        }
    }

    /// Ends the calls whose time is over.
    pub(crate) fn tick(&mut self, journal: &mut Journal, now: Instant) {
        for (index, error) in self.suspended.expire(now) {
            let is_late = matches!(error, brpc_core::CallErrorKind::DeadlineExceeded { .. });
            journal.cover.visit(if is_late {
                Place::LateWhileSuspended
            } else {
                Place::WindowOver
            });
            journal.ended(index, Settlement::Ended(error), now);
        }
        let next = self.suspended.next_timeout();
        assert!(next.is_none_or(|next| next > now), "a timer in the past");
    }

    /// None of them goes on.
    pub(crate) fn end_suspended(&mut self, journal: &mut Journal, now: Instant) {
        for (index, error) in self.suspended.end() {
            journal.ended(index, Settlement::Ended(error), now);
        }
    }

    /// Replaces a connection by the plugin's new one.
    pub(crate) fn replace(&mut self, line: &mut Line, journal: &mut Journal, now: Instant) {
        if !line.hub.connection.is_closed() {
            journal.cover.visit(Place::Replaced);
            line.hub.connection.close(DisconnectReason::Replaced);
        }
        self.handle_events(line, journal, now);
    }
}
