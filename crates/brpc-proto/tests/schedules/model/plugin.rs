//! What the model learns on the plugin's side.

use std::time::Instant;

use brpc_core::{Answer, Failure, Status};
use brpc_proto::{CallId, Event};

use super::Model;
use super::call::AtPlugin;
use crate::calls::HandlerPlan;
use crate::coverage::Place;
use crate::frames::Said;

/// The goodbye of a plugin that has done what it was asked to, by its number on the wire.
const DONE: u64 = 1;

impl Model {
    /// Frames came to the plugin.
    pub(crate) fn plugin_heard(&mut self, said: Vec<Said>, now: Instant) {
        for said in said {
            self.trace.note(now, || format!("plugin hears {:.90}", format!("{said:?}")));
            match said {
                Said::Goodbye { code } => self.plugin.goodbye = Some(code),
                Said::Call { .. } if self.plugin.has_left => {
                    self.cover.visit(Place::CalledWhileLeaving);
                }
                Said::Cancel { id } => {
                    let mut calls = self.calls.iter();
                    if calls.any(|call| call.id == Some(id) && call.answer.is_some()) {
                        self.cover.visit(Place::CancelTooLate);
                    }
                }
                _ => {}
            }
        }
    }

    /// The plugin's connection told its owner something.
    pub(crate) fn plugin_event(&mut self, event: &Event<()>, now: Instant) {
        self.trace.note(now, || format!("plugin learns {:.90}", format!("{event:?}")));
        assert_eq!(self.plugin.end, None, "nothing comes after the end");
        match event {
            Event::Cancel(_) => self.cover.visit(Place::CancelHeard),
            Event::Welcomed(_) => self.plugin.is_in = true,
            Event::Closed(reason, _) => self.plugin_closed(*reason),
            _ => {}
        }
    }

    /// The plugin is to run a call. What it does; nothing for a call that nobody made.
    pub(crate) fn called(
        &mut self,
        id: CallId,
        incoming: &brpc_proto::Call,
        deadline: Option<Instant>,
    ) -> Option<(usize, HandlerPlan)> {
        let index: usize = incoming.trace.parse().ok()?;
        let call = &mut self.calls[index];
        assert!(call.at_plugin == AtPlugin::Unknown, "call {index} reaches the plugin twice");
        assert!(call.is_handed(), "call {index} was not sent");
        assert_eq!(call.id, Some(id));
        assert_eq!(incoming.payload, self.pattern.input(index, call.plan.input));
        assert_eq!(incoming.method as usize, index % crate::pair::METHODS);
        assert_eq!(deadline.is_some(), call.deadline.is_some());
        call.at_plugin = AtPlugin::Called;
        Some((index, call.plan.handler.clone()))
    }

    /// The plugin's connection was given all that it heard. Calls of which it has told nothing were
    /// cancelled in the same bytes, and it has answered them itself.
    pub(crate) fn plugin_fed(&mut self, heard: &[CallId]) {
        if self.plugin.has_left || self.plugin.end.is_some() {
            return;
        }
        let emitted = self.emitted.len();
        for call in &mut self.calls {
            let is_heard = call.id.is_some_and(|id| heard.contains(&id));
            if is_heard && call.at_plugin == AtPlugin::Unknown {
                assert!(call.is_over(), "nobody cancelled it: {call:?}");
                call.answer = Some((Err(Failure::new(Status::Cancelled, "")), emitted));
                self.cover.visit(Place::CancelAtOnce);
            }
        }
    }

    /// A handler was started.
    pub(crate) fn begun(&mut self, index: usize) {
        let call = &mut self.calls[index];
        assert!(!call.was_promised_never(), "call {index} begins after all: {call:?}");
        assert_eq!(call.at_plugin, AtPlugin::Called, "call {index} begins once");
        call.at_plugin = AtPlugin::Begun;
    }

    /// The plugin answers a call.
    pub(crate) fn answered(&mut self, index: usize, answer: &Answer) {
        self.calls[index].answer = Some((answer.clone(), self.emitted.len()));
    }

    /// Frames were handed to the transport by the plugin.
    pub(crate) fn plugin_said(&mut self, said: &[Said], now: Instant) {
        for said in said {
            self.trace.note(now, || format!("plugin says {:.90}", format!("{said:?}")));
            match said {
                Said::Answer { .. } => self.plugin.answers += 1,
                Said::Event { size } => {
                    assert_eq!(self.emitted.get(self.plugin.events), Some(size), "in order");
                    self.plugin.events += 1;
                }
                Said::Leave { .. } => self.plugin.has_left = true,
                Said::Goodbye { code: DONE } if self.plugin.is_done => {
                    let answers = self.calls.iter().filter(|call| call.answer.is_some()).count();
                    assert_eq!(self.plugin.answers, answers, "answers before the goodbye");
                    assert_eq!(self.plugin.events, self.emitted.len(), "events before the goodbye");
                }
                _ => {}
            }
        }
    }

    /// The plugin emitted an event of this size.
    pub(crate) fn emit(&mut self, size: usize) {
        self.emitted.push(size.max(8));
    }

    /// How many events were emitted.
    pub(crate) fn emitted(&self) -> u64 {
        self.emitted.len() as u64
    }
}
