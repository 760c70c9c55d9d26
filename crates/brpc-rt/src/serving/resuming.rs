//! The calls of a plugin that go on over another connection when theirs is lost.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use brpc_core::{Answer, Failure, Limits, Metadata, Status};
use brpc_proto::resume::{Continuation, Kept};
use brpc_proto::{Call, CallId, Features, Origin, Terms};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::beside::Beside;
use super::outlet::Outlet;
use super::running::Left;
use crate::foreign::shielded;
use crate::now;

/// The calls of a plugin that go on over another connection when theirs is lost, over all of its
/// connections to one hub after the other.
pub struct Resuming {
    state: Mutex<State>,
    /// Rung when a connection is lost, and calls are kept without one.
    bell: Notify,
    /// Rung when no calls are kept any more.
    emptied: Notify,
}

struct State {
    kept: Kept<Handler>,
    beside: Beside,
    /// The number of the last handler.
    last: u64,
    /// The present connection, or the last.
    outlet: Option<Arc<Outlet>>,
}

/// The handler of a kept call.
#[derive(Debug)]
struct Handler {
    /// Its own, while calls of one hub after the other may have the same origin.
    number: u64,
    /// What cancels it.
    token: CancellationToken,
}

/// To whom a handler answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Recipient {
    /// The connection on which it was called, under this id.
    Connection(CallId),
    /// The one on which the hub knows the call now; with the number of the handler.
    Kept(Origin, u64),
}

impl Resuming {
    /// For a plugin with these limits, whose connections have left these handlers.
    pub fn new(limits: &Limits, left: Left) -> Self {
        let (kept, beside) = (Kept::new(limits), Beside::new(left));
        let state = State { kept, beside, last: 0, outlet: None };
        Self { state: Mutex::new(state), bell: Notify::new(), emptied: Notify::new() }
    }

    /// Changes what is kept, and cancels the handlers that this returns.
    fn change(&self, change: impl FnOnce(&mut State) -> Vec<Handler>) {
        let (unwanted, is_empty) = {
            let mut state = self.state.lock();
            let unwanted = change(&mut state);
            for handler in &unwanted {
                state.beside.give_up(handler.number);
            }
            (unwanted, state.kept.is_empty())
        };
        // Without the lock: this wakes tasks.
        for handler in unwanted {
            handler.token.cancel();
        }
        if is_empty {
            self.emptied.notify_one();
        }
    }

    /// The hub of a new connection has welcomed the plugin.
    pub(super) fn begin(&self, terms: &Terms, outlet: &Arc<Outlet>) {
        let mut recalled = Vec::new();
        self.change(|state| {
            state.outlet = Some(outlet.clone());
            let (parts, mut unwanted) = state.kept.begin(terms.epoch, terms.generation);
            if terms.features.has(Features::RESUME) {
                recalled = parts;
            } else {
                unwanted.extend(state.kept.end());
            }
            unwanted
        });
        let mut connection = outlet.connection.lock();
        connection.resume(recalled);
        connection.unlock_and_wake();
    }

    /// A call has arrived, and its handler is about to be started. Returns to whom that answers, and
    /// what cancels it.
    pub(super) fn called(
        &self,
        id: CallId,
        call: &Call,
        deadline: Option<Instant>,
    ) -> (Recipient, CancellationToken) {
        let token = CancellationToken::new();
        let mut state = self.state.lock();
        state.last += 1;
        let handler = Handler { number: state.last, token: token.clone() };
        let number = handler.number;
        (Recipient::Kept(state.kept.called(id, call, deadline, handler), number), token)
    }

    /// A call goes on under this id on the present connection.
    pub(super) fn go_on(&self, id: CallId, origin: Origin) {
        let (continuation, outlet) = {
            let mut state = self.state.lock();
            (state.kept.go_on(id, origin), state.outlet.clone())
        };
        let Some(outlet) = outlet else { return };
        match continuation {
            Continuation::Runs => {}
            Continuation::Answered(answer, metadata) => outlet.send(id, answer, metadata),
            Continuation::Gone => {
                outlet.send(id, Err(Failure::new(Status::Cancelled, "")), Metadata::new());
            }
        }
    }

    /// A handler runs beside the driver.
    pub(super) fn runs_beside(&self, number: u64) {
        self.state.lock().beside.begin(number);
    }

    /// How many handlers run beside a driver, and are wanted.
    pub(super) fn running(&self) -> usize {
        self.state.lock().beside.wanted()
    }

    /// A handler has ended.
    pub(super) fn answer(
        &self,
        (origin, number): (Origin, u64),
        answer: Answer,
        metadata: Metadata,
    ) {
        let (id, outlet) = {
            let mut state = self.state.lock();
            // Another hub may have made a call of this origin since.
            if !state.beside.end(number) {
                return;
            }
            (state.kept.finished(origin, &answer, &metadata), state.outlet.clone())
        };
        // If that connection is lost meanwhile, the answer is held for the next one.
        if let (Some(id), Some(outlet)) = (id, outlet) {
            outlet.send(id, answer, metadata);
        }
    }

    /// The hub has given a call up.
    pub(super) fn cancel(&self, id: CallId) {
        let token = self.state.lock().kept.cancelled(id).map(|handler| handler.token.clone());
        token.iter().for_each(CancellationToken::cancel);
    }

    /// The hub has an answer.
    pub(super) fn confirm(&self, id: CallId) {
        self.state.lock().kept.confirmed(id);
    }

    /// The hub has named all calls that go on.
    pub(super) fn resumed(&self) {
        self.change(|state| state.kept.resumed());
    }

    /// The connection is lost, over which no call above this id has arrived.
    pub(super) fn lose(&self, last_id: CallId) {
        self.change(|state| state.kept.lost(last_id, now()));
        self.bell.notify_one();
    }

    /// Nothing is kept any more: the plugin has left the hub, or ends.
    pub fn end(&self) {
        self.change(|state| state.kept.end());
    }

    /// Returns when no calls are kept that could go on over another connection.
    pub async fn emptied(&self) {
        while !self.state.lock().kept.is_empty() {
            shielded(self.emptied.notified()).await;
        }
    }

    /// Gives up calls that the hub has given up, while there is no connection over which it says so.
    /// Never returns.
    pub async fn expire(&self) {
        loop {
            let next = self.state.lock().kept.next_timeout();
            match next {
                None => shielded(self.bell.notified()).await,
                Some(next) => {
                    tokio::time::sleep_until(next.into()).await;
                    self.change(|state| state.kept.expire(now()));
                }
            }
        }
    }
}

impl fmt::Debug for Resuming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resuming")
            .field("kept", &self.state.lock().kept.len())
            .finish_non_exhaustive()
    }
}
