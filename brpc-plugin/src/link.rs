//! One connection of a plugin: what its driver, its handlers and its handles share.

use std::collections::vec_deque::Drain;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use brpc_core::{DisconnectReason, Refusal};
use brpc_proto::{DrainCause, Event, Terms};
use brpc_rt::serving::{Handlers, InPlace, Receiver};
use brpc_rt::{Link, SharedConnection, Slot};
use parking_lot::Mutex;

use crate::end::EndReason;
use crate::handle::{Stop, StopAt, Stopping};

/// One connection of a plugin.
pub(crate) struct HubLink<R> {
    handlers: Arc<Handlers<R>>,
    /// The hub's address, if the plugin dialled itself.
    hub: Option<SocketAddr>,
    progress: Mutex<Progress>,
    stopping: Stopping,
}

/// What has happened so far.
#[derive(Debug, Default)]
struct Progress {
    admittance: Option<Admittance>,
    drain: Option<(DrainCause, String)>,
    /// After how long the plugin is to dial again, if the hub said so.
    retry_after: Option<Duration>,
    /// Why the hub refused the plugin, if it did so after `Welcomed`.
    refusal: Option<Refusal>,
    end: Option<DisconnectReason>,
    /// How many events were dropped before, while the plugin was not connected.
    dropped_events: u64,
}

/// Whether the hub registered the plugin.
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
    pub(crate) fn new(handlers: Arc<Handlers<R>>, hub: Option<SocketAddr>) -> Self {
        Self { handlers, hub, progress: Mutex::default(), stopping: Stopping::new() }
    }

    /// Whether the hub registered the plugin, once this is known.
    pub(crate) fn admittance(&self) -> Option<Admittance> {
        self.progress.lock().admittance.clone()
    }

    pub(crate) fn handlers(&self) -> &Handlers<R> {
        &self.handlers
    }

    /// How many events were dropped before, while the plugin was not connected.
    pub(crate) fn dropped_events(&self) -> u64 {
        self.progress.lock().dropped_events
    }

    /// Waits until the plugin must stop its handlers.
    pub(crate) async fn cut_off(&self) {
        self.stopping.cut_off().await;
    }

    /// Ends the connection now, with a Goodbye.
    pub(crate) fn cut(&self) {
        let mut connection = self.handlers.connection().lock();
        connection.close(DisconnectReason::Clean);
        connection.unlock_and_wake();
    }

    /// Why the run ended.
    pub(crate) fn end_reason(&self) -> EndReason {
        let progress = self.progress.lock();
        if let Some(refusal) = &progress.refusal {
            return EndReason::Refused(refusal.clone());
        }
        let reason = progress.end.unwrap_or(DisconnectReason::Unclean);
        let (drain, retry_after) = (progress.drain.clone(), progress.retry_after);
        EndReason::new(reason, drain, retry_after, self.stopping.at().is_some())
    }

    fn handle_event(&self, event: Event<Arc<Slot>>, in_place: &mut InPlace) {
        let hub = self.hub.map(tracing::field::display);
        match event {
            Event::Welcomed(terms) => {
                let (plugin, generation) = (&terms.name, terms.generation);
                tracing::info!(plugin, generation, hub, "connected");
                let dropped = self.handlers.open(&terms);
                self.progress.lock().admittance = Some(Admittance::Welcomed(terms));
                if dropped > 0 {
                    tracing::warn!(dropped, hub, "events were dropped while the plugin was away");
                    self.progress.lock().dropped_events = dropped;
                }
            }
            Event::Refused(refusal) => {
                let mut progress = self.progress.lock();
                match progress.admittance {
                    None => progress.admittance = Some(Admittance::Refused(refusal)),
                    Some(_) => progress.refusal = Some(refusal),
                }
            }
            Event::Call { id, call, deadline } => {
                self.handlers.start(id, call, deadline, in_place);
            }
            Event::Continue { id, origin } => self.handlers.go_on(id, origin),
            Event::Cancel(id) => self.handlers.cancel(id),
            Event::Confirmed(id) => self.handlers.confirm(id),
            Event::Resumed => self.handlers.resumed(),
            Event::Lost(last_id) => self.handlers.lose(last_id),
            Event::Credit => self.handlers.credit(),
            Event::Room => self.handlers.resume(in_place),
            Event::Drain(cause, trace) => {
                // Printed with escapes, since it may be any text.
                tracing::info!(?cause, ?trace, hub, "the hub asks the plugin to leave");
                self.progress.lock().drain = Some((cause, trace));
            }
            Event::Return(after) => self.progress.lock().retry_after = Some(after),
            Event::LastWords(words) => {
                // Printed with escapes, since it may be any text.
                tracing::warn!(?words, hub, "the hub says why it ends the connection");
            }
            Event::Closed(reason, _) => {
                tracing::info!(?reason, hub, "disconnected");
                let mut progress = self.progress.lock();
                progress.admittance.get_or_insert(Admittance::Lost(reason));
                progress.end = Some(reason);
                drop(progress);
                // It isn't lost if this side has ended it.
                self.handlers.close(reason != DisconnectReason::Clean);
            }
            _ => {}
        }
    }
}

impl<R: Receiver> Stop for HubLink<R> {
    fn stop(&self, until: StopAt) {
        self.stopping.stop(until);
        let mut connection = self.handlers.connection().lock();
        connection.leave();
        connection.unlock_and_wake();
    }
}

/// A connection in the hands of its driver. A driver that is dropped early ends the connection.
pub(crate) struct Attached<R: Receiver>(pub(crate) Arc<HubLink<R>>);

impl<R: Receiver> Link for Attached<R> {
    fn connection(&self) -> &SharedConnection {
        self.0.handlers.connection()
    }

    fn deputized(&self) -> Option<Arc<SharedConnection>> {
        Some(self.0.handlers.connection().clone())
    }

    fn handle_events(&self, events: Drain<'_, Event<Arc<Slot>>>) {
        let mut in_place = self.0.handlers.in_place();
        events.for_each(|event| self.0.handle_event(event, &mut in_place));
        in_place.end();
    }
}

impl<R: Receiver> Drop for Attached<R> {
    fn drop(&mut self) {
        self.connection().lock().close(DisconnectReason::Clean);
        self.finish();
    }
}
