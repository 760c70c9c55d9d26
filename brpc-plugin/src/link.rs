//! One connection of a plugin: what its driver, its handlers and its handles share.

use std::collections::vec_deque::Drain;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use brpc_core::{Answer, DisconnectReason, Failure, Metadata, Refusal};
use brpc_proto::{CallId, Connection, DrainCause, EmitError, Event, Terms};
use brpc_rt::{Driven, Link, Slot};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Context;
use crate::dispatch::Handlers;
use crate::end::EndReason;
use crate::handle::Stop;
use crate::hook::{AsyncHook, Emit};
use crate::middleware::Chain;
use crate::receiver::Receiver;

/// One connection of a plugin.
pub(crate) struct HubLink<R> {
    driven: Driven,
    handlers: Handlers<R>,
    hook: AsyncHook,
    story: Mutex<Story>,
    /// When the plugin stops whatever runs; `None` until it is asked to.
    stop: watch::Sender<Option<StopAt>>,
}

/// When to stop whatever runs, if ever.
type StopAt = Option<Instant>;

/// What has happened so far.
#[derive(Debug, Default)]
struct Story {
    admittance: Option<Admittance>,
    drain: Option<(DrainCause, String)>,
    /// Why the hub does not let the plugin in, said after it seemed to.
    refusal: Option<Refusal>,
    end: Option<DisconnectReason>,
}

/// Whether the hub let the plugin in.
#[derive(Clone, Debug)]
pub(crate) enum Admittance {
    Welcomed(Box<Terms>),
    Refused(Refusal),
    Lost(DisconnectReason),
}

impl Default for Admittance {
    fn default() -> Self {
        Self::Lost(DisconnectReason::Unclean)
    }
}

impl<R: Receiver> HubLink<R> {
    pub(crate) fn new(
        receiver: Arc<R>,
        hook: AsyncHook,
        middleware: Chain,
        connection: Connection<Arc<Slot>>,
    ) -> Self {
        Self {
            driven: Driven::new(connection),
            handlers: Handlers::new(receiver, middleware),
            hook,
            story: Mutex::default(),
            stop: watch::Sender::new(None),
        }
    }

    fn story(&self) -> MutexGuard<'_, Story> {
        self.story.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the hub let the plugin in, once it is known.
    pub(crate) fn admittance(&self) -> Option<Admittance> {
        self.story().admittance.clone()
    }

    pub(crate) fn handlers(&self) -> &Handlers<R> {
        &self.handlers
    }

    pub(crate) fn hook(&self) -> &AsyncHook {
        &self.hook
    }

    /// Gives a call's answer, with what its handler wanted to go along.
    pub(crate) fn answer(&self, id: CallId, answer: Answer, context: &Context) {
        let metadata = context.take_response_metadata();
        let mut connection = self.driven.lock();
        connection.answer(id, answer, metadata);
        connection.unlock_and_wake();
    }

    /// Answers a call that no handler was started for.
    pub(crate) fn refuse(&self, id: CallId, failure: Failure) {
        let mut connection = self.driven.lock();
        connection.answer(id, Err(failure), Metadata::new());
        connection.unlock_and_wake();
    }

    /// Returns when the plugin is to stop whatever runs.
    pub(crate) async fn cut_off(&self) {
        let mut stop = self.stop.subscribe();
        loop {
            let until = *stop.borrow_and_update();
            tokio::select! {
                () = at(until.flatten()) => return,
                // The sender is a field of this.
                _ = stop.changed() => {}
            }
        }
    }

    /// Ends the connection now, with a goodbye.
    pub(crate) fn cut(&self) {
        let mut connection = self.driven.lock();
        connection.close(DisconnectReason::Clean);
        connection.unlock_and_wake();
    }

    /// Why the run ended.
    pub(crate) fn end_reason(&self) -> EndReason {
        let story = self.story();
        if let Some(refusal) = &story.refusal {
            return EndReason::Refused(refusal.clone());
        }
        let reason = story.end.unwrap_or(DisconnectReason::Unclean);
        EndReason::new(reason, story.drain.clone(), self.stop.borrow().is_some())
    }

    fn handle_event(self: &Arc<Self>, event: Event<Arc<Slot>>) {
        match event {
            Event::Welcomed(terms) => {
                tracing::info!(plugin = terms.name, generation = terms.generation, "connected");
                self.story().admittance = Some(Admittance::Welcomed(terms));
                self.hook.connect(self.clone());
            }
            Event::Refused(refusal) => {
                let mut story = self.story();
                match story.admittance {
                    None => story.admittance = Some(Admittance::Refused(refusal)),
                    Some(_) => story.refusal = Some(refusal),
                }
            }
            Event::Call { id, call, deadline } => self.handlers.start(self, id, call, deadline),
            Event::Cancel(id) => self.handlers.cancel(id),
            Event::Credit => self.hook.ring(),
            Event::Drain(cause, trace) => {
                tracing::info!(?cause, trace, "the hub asks the plugin to leave");
                self.story().drain = Some((cause, trace));
            }
            Event::LastWords(words) => {
                // Printed with escapes, since it may be any text.
                tracing::warn!(?words, "the hub says why it ends the connection");
            }
            Event::Closed(reason, _) => {
                tracing::info!(?reason, "disconnected");
                let mut story = self.story();
                story.admittance.get_or_insert(Admittance::Lost(reason));
                story.end = Some(reason);
                drop(story);
                let link: Arc<dyn Emit> = self.clone();
                self.hook.disconnect(&link);
                self.handlers.cancel_all();
            }
            _ => {}
        }
    }
}

impl<R: Receiver> Emit for HubLink<R> {
    fn emit(&self, event: &[u8]) -> Result<(), EmitError> {
        let mut connection = self.driven.lock();
        connection.emit(event)?;
        connection.unlock_and_wake();
        Ok(())
    }
}

impl<R: Receiver> Stop for HubLink<R> {
    fn stop(&self, until: Option<Instant>) {
        self.stop.send_modify(|stop| {
            // The sooner one counts.
            *stop = Some([stop.flatten(), until].into_iter().flatten().min());
        });
        let mut connection = self.driven.lock();
        connection.leave();
        connection.unlock_and_wake();
    }
}

/// A connection in the hands of its driver. A driver that is dropped early ends the connection.
pub(crate) struct DrivenLink<R: Receiver>(pub(crate) Arc<HubLink<R>>);

impl<R: Receiver> Link for DrivenLink<R> {
    fn driven(&self) -> &Driven {
        &self.0.driven
    }

    fn handle_events(&self, events: Drain<'_, Event<Arc<Slot>>>) {
        events.for_each(|event| self.0.handle_event(event));
    }
}

impl<R: Receiver> Drop for DrivenLink<R> {
    fn drop(&mut self) {
        self.0.driven.lock().close(DisconnectReason::Clean);
        self.finish();
    }
}

/// Returns at this time, and never if there is none.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
