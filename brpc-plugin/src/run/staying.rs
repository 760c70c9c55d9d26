//! One connection after the other.

use std::sync::Arc;

use brpc_core::{RefusalCode, Wire};
use brpc_rt::foreign::shielded;
use brpc_rt::serving::{Receiver, Remaining, Resuming};
use tokio::time::Instant;

use super::control::Control;
use super::dialling::Dialling;
use super::schedule::Schedule;
use super::state::{AwayReason, RunState, Teller};
use crate::backoff::Backoff;
use crate::end::EndReason;
use crate::error::ConnectError;
use crate::lasting::Lasting;

/// A plugin that connects again whenever its connection has ended.
pub(super) struct Staying<R: Receiver> {
    plugin: Arc<Lasting<R>>,
    dialling: Dialling<R>,
    control: Arc<Control>,
    teller: Teller,
    /// The handlers of all its connections.
    handlers: Remaining,
    /// The calls that outlive a connection. They don't outlive the run.
    kept: Arc<Resuming>,
}

impl<R: Receiver> Staying<R> {
    pub(super) fn new(
        mut plugin: Lasting<R>,
        dialling: Dialling<R>,
        control: Arc<Control>,
        teller: Teller,
        handlers: Remaining,
    ) -> Self {
        let kept = Arc::new(Resuming::new(&plugin.limits, plugin.service.left.clone()));
        if plugin.wire == Wire::Native {
            plugin.resuming = Some(kept.clone());
        }
        Self { plugin: Arc::new(plugin), dialling, control, teller, handlers, kept }
    }

    /// Connects until it is stopped or it makes no sense to go on. What its connections have left may
    /// still run then.
    pub(super) async fn connect(&self, backoff: Backoff) -> Result<EndReason, ConnectError> {
        let Self { plugin, dialling, control, teller, .. } = self;
        let mut schedule = Schedule::new(backoff, dialling.hubs());
        loop {
            let attempt = schedule.next(brpc_rt::now(), brpc_rt::random());
            let (number, after) = (attempt.number, attempt.after);
            let hub = dialling.address(attempt.hub).cloned();
            teller.tell(RunState::Connecting { attempt: number, after, hub });
            let opening = async {
                tokio::time::sleep(after).await;
                shielded(dialling.open(attempt.hub, plugin, self.handlers.clone())).await
            };
            let opened = tokio::select! {
                biased;
                () = control.stopped(self.kept.emptied()) => return Ok(EndReason::Stopped),
                opened = opening => opened,
                () = self.kept.expire() => unreachable!("it never returns"),
            };
            let session = match opened {
                Ok(session) => session,
                Err(error) if !error.is_transient() && !plugin.may_be_known_later(&error) => {
                    return final_end(error);
                }
                Err(error) => {
                    schedule.failed(error.retry_after(), brpc_rt::now());
                    let reason = AwayReason::NotConnected(Arc::new(error));
                    teller.tell(RunState::Away { reason });
                    continue;
                }
            };
            control.enter(session.handle().link);
            teller.tell(RunState::connected(session.terms(), session.dropped_events()));
            let begun = Instant::now();
            let reason = session.run().await;
            teller.tell(RunState::Away { reason: AwayReason::Ended(reason.clone()) });
            if !is_transient(&reason, plugin.wire) {
                return Ok(reason);
            }
            if control.is_stopped() {
                return Ok(EndReason::Stopped);
            }
            schedule.ended(begun.elapsed(), reason.retry_after(), brpc_rt::now());
        }
    }

    /// Gives up the calls that go on over another connection: there will be none.
    pub(super) fn keep_nothing(&self) {
        self.kept.end();
    }
}

impl<R: Receiver> Drop for Staying<R> {
    fn drop(&mut self) {
        self.keep_nothing();
    }
}

/// Whether the plugin is to come back after this end.
fn is_transient(reason: &EndReason, wire: Wire) -> bool {
    // A Go hub says so whenever it ends a connection, also when it restarts.
    let is_said_of_all = wire == Wire::Gob && matches!(reason, EndReason::Unplugged { .. });
    is_said_of_all || reason.is_transient()
}

/// How the run ends after an attempt that it makes no sense to repeat.
fn final_end(error: ConnectError) -> Result<EndReason, ConnectError> {
    match error {
        // As if it had been connected when the hub said so.
        ConnectError::Refused(refusal) if refusal.code == RefusalCode::Unplugged => {
            Ok(EndReason::Unplugged { trace: String::new(), retry_after: None })
        }
        error => Err(error),
    }
}
