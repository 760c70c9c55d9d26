//! The plugin: what its shell does with the events of its connections.

use std::time::Instant;

use brpc_core::{Answer, Failure, Limits, Metadata, Status};
use brpc_proto::resume::{Continuation, Kept};
use brpc_proto::{Event, Origin};

use super::calls::Journal;
use super::coverage::Place;
use super::line::Line;
use crate::rng::Rng;

/// To whom a handler answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum To {
    /// The connection on which it was called.
    Line(u64, u64),
    /// The one on which the hub knows the call.
    Kept(Origin),
}

#[derive(Debug)]
struct Handler {
    index: usize,
    to: To,
    /// It may stop: its call is cancelled.
    is_cancelled: bool,
}

/// A handler is named by its call.
#[derive(Debug)]
pub(crate) struct Plugin {
    pub(crate) kept: Kept<usize>,
    handlers: Vec<Handler>,
    /// Whether something may get lost, as answers are too many.
    is_limited: bool,
    /// The most calls in flight.
    max_calls: usize,
    /// Whether it has left on purpose.
    pub(crate) stays_away: bool,
}

impl Plugin {
    pub(crate) fn new(limits: &Limits, is_limited: bool) -> Self {
        let (kept, max_calls) = (Kept::new(limits), limits.max_calls);
        Self { kept, handlers: Vec::new(), is_limited, max_calls, stays_away: false }
    }

    /// Handles the events of a connection, in order.
    pub(crate) fn handle_events(&mut self, line: &mut Line, journal: &mut Journal, now: Instant) {
        while let Some(event) = line.plugin.connection.poll_event() {
            match event {
                Event::Welcomed(terms) => {
                    let (recalled, unwanted) = self.kept.begin(terms.epoch, terms.generation);
                    self.stop(&unwanted);
                    if !terms.features.has(brpc_proto::Features::RESUME) {
                        let unwanted = self.kept.end();
                        self.stop(&unwanted);
                    }
                    line.plugin.connection.resume(recalled);
                    line.has_joined = true;
                }
                Event::Call { id, call, deadline } => {
                    let text = std::str::from_utf8(&call.payload).expect("a number");
                    let index = text.parse().expect("a number");
                    journal.started(index, now);
                    let to = if call.resumable.is_some() {
                        To::Kept(self.kept.called(id, &call, deadline, index))
                    } else {
                        To::Line(line.generation, id)
                    };
                    self.handlers.push(Handler { index, to, is_cancelled: false });
                    assert!(self.handlers.len() <= self.max_calls, "more run than was agreed");
                    assert!(self.kept.len() <= self.max_calls, "more are kept than was agreed");
                }
                Event::Continue { id, origin } => match self.kept.go_on(id, origin) {
                    Continuation::Runs => {}
                    Continuation::Answered(answer, metadata) => {
                        journal.cover.visit(Place::Replayed);
                        line.plugin.connection.answer(id, answer, metadata);
                    }
                    Continuation::Gone => {
                        let gone = Err(Failure::new(Status::Cancelled, ""));
                        line.plugin.connection.answer(id, gone, Metadata::new());
                    }
                },
                Event::Cancel(id) => {
                    let kept = self.kept.cancelled(id).copied();
                    let to = To::Line(line.generation, id);
                    let meant =
                        |handler: &&mut Handler| handler.to == to || Some(handler.index) == kept;
                    if let Some(handler) = self.handlers.iter_mut().find(meant) {
                        handler.is_cancelled = true;
                    }
                }
                Event::Confirmed(id) => self.kept.confirmed(id),
                Event::Resumed => {
                    let unwanted = self.kept.resumed();
                    if !unwanted.is_empty() {
                        journal.cover.visit(Place::Unwanted);
                    }
                    self.stop(&unwanted);
                }
                Event::Lost(last_id) => {
                    journal.trace.note(now, || format!("lost at {last_id}"));
                    line.was_lost = true;
                    let unwanted = self.kept.lost(last_id, now);
                    self.stop(&unwanted);
                }
                Event::Closed(reason, _) => {
                    journal.trace.note(now, || format!("the plugin's connection ends: {reason:?}"));
                    if line.has_joined && !line.was_lost {
                        let unwanted = self.kept.end();
                        self.stop(&unwanted);
                        self.stays_away = reason.is_graceful();
                    }
                    let of_line =
                        |to: To| matches!(to, To::Line(line_of, _) if line_of == line.generation);
                    self.handlers.retain(|handler| !of_line(handler.to));
                }
                _ => {}
            }
        }
    }

    /// Gives up what was kept for too long.
    pub(crate) fn tick(&mut self, journal: &mut Journal, now: Instant) {
        let unwanted = self.kept.expire(now);
        if !unwanted.is_empty() {
            journal.cover.visit(Place::KeptTooLong);
        }
        self.stop(&unwanted);
        let next = self.kept.next_timeout();
        assert!(next.is_none_or(|next| next > now), "a timer in the past");
    }

    /// A handler comes to its end.
    pub(crate) fn finish_one(
        &mut self,
        line: Option<&mut Line>,
        journal: &mut Journal,
        rng: &mut Rng,
        now: Instant,
    ) {
        if self.handlers.is_empty() {
            return;
        }
        let Handler { index, to, is_cancelled } =
            self.handlers.swap_remove(rng.range(0, self.handlers.len() - 1));
        let answer: Answer = if is_cancelled && rng.one_in(2) {
            Err(Failure::new(Status::Cancelled, ""))
        } else {
            let size = if self.is_limited { rng.range(0, 300) } else { 0 };
            Ok(format!("{index}{}", " ".repeat(size)).into())
        };
        journal.answered(index, &answer, now);
        let before = self.kept.len();
        let id = match to {
            To::Line(generation, id) => {
                line.as_ref().is_some_and(|line| line.generation == generation).then_some(id)
            }
            To::Kept(origin) => self.kept.finished(origin, &answer, &Metadata::new()),
        };
        if self.kept.len() < before && !is_cancelled {
            journal.cover.visit(Place::AnswerDropped);
        }
        if let (Some(id), Some(line)) = (id, line) {
            line.plugin.connection.answer(id, answer, Metadata::new());
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.handlers.is_empty()
    }

    /// Stops the handlers of these calls, at once.
    fn stop(&mut self, unwanted: &[usize]) {
        self.handlers.retain(|handler| !unwanted.contains(&handler.index));
    }
}
