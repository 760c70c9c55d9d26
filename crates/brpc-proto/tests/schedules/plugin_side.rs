//! The plugin's owner: virtual handlers that take their time and end in every way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Instant;

use brpc_core::{Answer, Failure, Metadata, Status};
use brpc_proto::{CallId, Connection, EmitError, Event};

use crate::calls::{HandlerPlan, Pattern, Verdict};
use crate::coverage::Place;
use crate::model::Model;

#[derive(Debug)]
pub(crate) struct PluginSide {
    pattern: Pattern,
    running: BTreeMap<CallId, Handler>,
    /// When whose next step is due.
    steps: BinaryHeap<Reverse<(Instant, CallId)>>,
    /// Sizes of events to be emitted outside any call, in order, once there is credit.
    backlog: VecDeque<usize>,
    /// Handlers that wait for credit.
    starved: Vec<CallId>,
    /// Ids whose answer was given to the transport, in order.
    pub(crate) answered: Vec<CallId>,
    /// The newest call.
    pub(crate) newest: CallId,
}

/// One handler.
#[derive(Debug)]
struct Handler {
    /// Which call, as the test counts; none if nobody made it.
    call: Option<usize>,
    plan: HandlerPlan,
    deadline: Option<Instant>,
    has_begun: bool,
    is_cancelled: bool,
}

impl PluginSide {
    pub(crate) fn new(pattern: Pattern) -> Self {
        Self {
            pattern,
            running: BTreeMap::new(),
            steps: BinaryHeap::new(),
            backlog: VecDeque::new(),
            starved: Vec::new(),
            answered: Vec::new(),
            newest: 0,
        }
    }

    /// Takes note of what the connection tells.
    pub(crate) fn handle_event(
        &mut self,
        event: Event<()>,
        connection: &mut Connection<()>,
        model: &mut Model,
        now: Instant,
    ) {
        model.plugin_event(&event, now);
        match event {
            Event::Call { id, call, deadline } => {
                assert!(id > self.newest, "handlers are started in the order of ids");
                self.newest = id;
                let (index, plan) = match model.called(id, &call, deadline) {
                    Some((index, plan)) => (Some(index), plan),
                    None => (None, idle()),
                };
                self.steps.push(Reverse((now + plan.wait, id)));
                let (has_begun, is_cancelled) = (false, false);
                let handler = Handler { call: index, plan, deadline, has_begun, is_cancelled };
                assert!(self.running.insert(id, handler).is_none(), "called twice");
            }
            Event::Cancel(id) => {
                let handler = self.running.get_mut(&id).expect("only what runs is cancelled");
                assert!(!handler.is_cancelled, "a call is cancelled once");
                handler.is_cancelled = true;
                if handler.plan.heeds_cancel || !handler.has_begun {
                    self.steps.push(Reverse((now, id)));
                }
            }
            Event::Credit => {
                model.cover.visit(Place::Refilled);
                self.steps.extend(self.starved.drain(..).map(|id| Reverse((now, id))));
                self.empty_backlog(connection, model);
            }
            Event::Closed(..) => {
                assert_eq!(connection.running(), 0);
                self.running.clear();
                self.steps.clear();
                self.backlog.clear();
                self.starved.clear();
            }
            Event::Alive => model.beats.plugin.is_told(&mut model.cover),
            Event::Welcomed(_) => self.empty_backlog(connection, model),
            _ => {}
        }
    }

    /// Emits an event outside any call, as soon as there is credit.
    pub(crate) fn emit(&mut self, size: usize, plugin: &mut Connection<()>, model: &mut Model) {
        self.backlog.push_back(size);
        self.empty_backlog(plugin, model);
    }

    /// When the next step is due.
    pub(crate) fn next_step(&self) -> Option<Instant> {
        self.steps.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes a step that is due; false if none is.
    pub(crate) fn step(
        &mut self,
        connection: &mut Connection<()>,
        model: &mut Model,
        now: Instant,
    ) -> bool {
        let Some(&Reverse((at, id))) = self.steps.peek() else { return false };
        if at > now {
            return false;
        }
        self.steps.pop();
        let Some(handler) = self.running.get_mut(&id) else { return true };
        if !handler.has_begun {
            let is_late = handler.deadline.is_some_and(|deadline| deadline <= now);
            let refused = match handler.plan.verdict {
                Verdict::NotStarted(status) => Some(status),
                _ if is_late => Some(Status::Expired),
                _ => handler.is_cancelled.then_some(Status::Cancelled),
            };
            if let Some(status) = refused {
                self.answer(id, Err(Failure::new(status, "no")), connection, model);
                return true;
            }
            handler.has_begun = true;
            if let Some(call) = handler.call {
                model.begun(call);
            }
        } else if handler.is_cancelled && handler.plan.heeds_cancel {
            let failure = Failure::new(Status::Cancelled, "stopped");
            self.answer(id, Err(failure), connection, model);
            return true;
        } else if let Some(size) = handler.plan.events.pop() {
            let is_done = try_emit(size, &self.pattern, connection, model);
            if !is_done && handler.plan.insists {
                handler.plan.events.push(size);
                self.starved.push(id);
                return true;
            }
        } else {
            let answer = self.verdict(id);
            self.answer(id, answer, connection, model);
            return true;
        }
        let pause = self.running[&id].plan.pause;
        self.steps.push(Reverse((now + pause, id)));
        true
    }

    /// Whether nothing waits for credit.
    pub(crate) fn is_idle(&self) -> bool {
        self.backlog.is_empty() && self.starved.is_empty() && self.running.is_empty()
    }

    fn verdict(&self, id: CallId) -> Answer {
        let handler = &self.running[&id];
        match handler.plan.verdict {
            Verdict::Output(size) => Ok(self.pattern.output(handler.call.unwrap_or(0), size)),
            Verdict::Failure(status, size) => {
                let mut failure = Failure::new(status, "it did not work");
                failure.code = "code".into();
                if size > 0 {
                    failure.data = format!("\"{}\"", "x".repeat(size)).into();
                }
                Err(failure)
            }
            Verdict::NotStarted(status) => Err(Failure::new(status, "no")),
        }
    }

    fn answer(
        &mut self,
        id: CallId,
        answer: Answer,
        connection: &mut Connection<()>,
        model: &mut Model,
    ) {
        let handler = self.running.remove(&id).expect("a running handler answers");
        if let Some(call) = handler.call {
            model.answered(call, &answer);
        }
        let metadata = Pattern::metadata(handler.call.unwrap_or(0));
        let is_taken = connection.answer(id, answer.clone(), metadata);
        assert!(is_taken, "a running call has an answer to give");
        assert!(!connection.answer(id, answer, Metadata::new()), "a call has one answer to give");
    }

    fn empty_backlog(&mut self, connection: &mut Connection<()>, model: &mut Model) {
        while let Some(&size) = self.backlog.front() {
            if !try_emit(size, &self.pattern, connection, model) {
                return;
            }
            self.backlog.pop_front();
        }
    }
}

/// Emits an event; false if it has to wait for credit.
fn try_emit(
    size: usize,
    pattern: &Pattern,
    connection: &mut Connection<()>,
    model: &mut Model,
) -> bool {
    let event = pattern.event(model.emitted(), size);
    match connection.emit(&event) {
        Ok(()) => model.emit(size),
        Err(EmitError::Full) => return false,
        Err(EmitError::TooLarge { .. }) => model.cover.visit(Place::EventTooLarge),
        // Before the handshake's end it waits; after the end there is nobody to wait for.
        Err(_) => return model.is_plugin_closed(),
    }
    true
}

/// What is done with a call that nobody made.
fn idle() -> HandlerPlan {
    HandlerPlan {
        wait: std::time::Duration::ZERO,
        pause: std::time::Duration::ZERO,
        events: Vec::new(),
        insists: false,
        heeds_cancel: false,
        verdict: Verdict::Output(3),
    }
}
