//! The attempts at one call that passes middleware. Whatever the middleware does, the call ends
//! when its deadline passes, when it is cancelled, or with the hub; from then on nothing more of it
//! is sent.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use brpc_core::caller::Target;
use brpc_core::{CallError, CallErrorKind, Execution, Stage};
use brpc_rt::foreign::shielded;
use brpc_rt::middleware::Inner;
use brpc_rt::{BoxFuture, Canceller, Route, Slot};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::running::Running;
use crate::hub::Hub;
use crate::outgoing::{Called, Outcome, Outgoing};
use crate::wait::all_there;

/// How much later than its deadline a call ends: the timers of connections fire first.
const SLACK: Duration = Duration::from_millis(10);

/// The attempts at one call: middleware may make none, or several.
struct Attempts {
    hub: Arc<Hub>,
    /// The call's deadline; `None` if it has none.
    deadline: Option<Instant>,
    /// How many bytes of its input are charged to the hub's budget.
    charged: usize,
    made: Mutex<Made>,
}

/// The attempts that were made.
#[derive(Default)]
struct Made {
    /// Attempts that are not over: their numbers, and the ways to them.
    pending: Vec<(u64, Route)>,
    /// The number of the last attempt.
    last: u64,
    /// Whether the method may have run in an attempt that is over.
    may_have_run: bool,
    /// Set at the end: no more attempts are made.
    is_over: bool,
}

impl Attempts {
    /// Makes an attempt under the lock, so that the end of the call either finds the attempt or
    /// prevents it.
    fn start(&self, call: Outgoing) -> Result<(Running, Attempt<'_>), CallError> {
        let mut made = self.made.lock();
        if made.is_over {
            return Err(call.name(CallErrorKind::Cancelled { stage: Stage::Queued }.into()));
        }
        let running = Running::start(&self.hub, call, Slot::default(), self.charged)?;
        made.last += 1;
        let number = made.last;
        made.pending.push((number, running.route()));
        Ok((running, Attempt { attempts: self, number, may_have_run: true }))
    }

    /// Ends the call, with all pending attempts. Returns how far the call may have come.
    fn end(&self) -> Stage {
        let (pending, may_have_run) = {
            let mut made = self.made.lock();
            made.is_over = true;
            (std::mem::take(&mut made.pending), made.may_have_run)
        };
        let mut stage = if may_have_run { Stage::Sent } else { Stage::Queued };
        for (_, route) in pending {
            // If it can't be cancelled any more, it has an outcome that was not taken.
            if route.cancel() != Some(Stage::Queued) {
                stage = Stage::Sent;
            }
        }
        stage
    }

    /// Ends the call if no attempt is pending and none may have run; returns whether it did.
    fn end_unmade(&self) -> bool {
        let mut made = self.made.lock();
        let is_unmade = made.pending.is_empty() && !made.may_have_run;
        made.is_over |= is_unmade;
        is_unmade
    }
}

impl Inner<Outgoing> for Attempts {
    fn run(self: Arc<Self>, mut call: Outgoing) -> BoxFuture<Outcome> {
        Box::pin(async move {
            let left = self.deadline.map(|deadline| deadline.duration_since(Instant::now()));
            call.timeout = [call.timeout, left].into_iter().flatten().min();
            match (&call.plugin, call.wait_for_plugin) {
                (Target::Name(name), Some(longest)) => {
                    let name = name.clone();
                    self.run_when_there(&name, call, longest).await
                }
                _ => self.attempt(call).await,
            }
        })
    }
}

impl Attempts {
    /// Makes the call, once.
    async fn attempt(&self, call: Outgoing) -> Outcome {
        // Middleware may have given an input whose memory is its own: dropped last, it is not
        // dropped by the connection, under its lock.
        let _input = call.input.clone();
        let (mut running, mut attempt) = self.start(call)?;
        let outcome = poll_fn(|context| running.poll(context)).await;
        attempt.may_have_run = !is_never(&outcome);
        outcome
    }

    /// Makes the call, and waits with it up to so long for a plugin that is away. Whenever the plugin
    /// goes before the call is sent, it is away again.
    async fn run_when_there(
        &self,
        name: &Arc<str>,
        mut call: Outgoing,
        longest: Duration,
    ) -> Outcome {
        let begin = Instant::now();
        let over = begin.checked_add(longest);
        let deadline = call.timeout.and_then(|timeout| begin.checked_add(timeout));
        loop {
            let outcome = self.attempt(call.clone()).await;
            if !outcome.as_ref().is_err_and(is_away) {
                return outcome;
            }
            let until = [over, deadline].into_iter().flatten().min();
            let coming = all_there(&self.hub, std::slice::from_ref(name));
            let came = match until {
                Some(until) => timeout_at(until, coming).await,
                None => Ok(coming.await),
            };
            call.timeout = deadline.map(|deadline| deadline.duration_since(Instant::now()));
            match came {
                Ok(true) => {}
                Ok(false) => return Err(call.name(CallErrorKind::ShuttingDown.into())),
                Err(_) if until == deadline => {
                    let kind = CallErrorKind::DeadlineExceeded { stage: Stage::Queued };
                    return Err(call.name(kind.into()));
                }
                Err(_) => return outcome,
            }
        }
    }
}

/// Whether a call was not sent because its plugin is away, or about to go.
fn is_away(error: &CallError) -> bool {
    match error.kind() {
        CallErrorKind::NoPlugin { .. } | CallErrorKind::Draining => true,
        CallErrorKind::Disconnected { stage, .. } => *stage == Stage::Queued,
        _ => false,
    }
}

/// One attempt, until its outcome is taken or the attempt is dropped.
struct Attempt<'a> {
    attempts: &'a Attempts,
    number: u64,
    /// Whether the method may have run, as far as is known.
    may_have_run: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut made = self.attempts.made.lock();
        made.pending.retain(|(number, _)| *number != self.number);
        made.may_have_run |= self.may_have_run;
    }
}

/// Ends a call, however its future ends.
struct EndOnDrop(Arc<Attempts>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Takes a call through the middleware of its hub, under the names that its caller gave it. The
/// canceller belongs to the cancel handle. If the input is shared, the broadcast has charged it
/// already.
pub(crate) fn through(
    hub: Arc<Hub>,
    call: Outgoing,
    called: Called,
    canceller: Option<Arc<Canceller>>,
    is_shared: bool,
) -> BoxFuture<Outcome> {
    let run = async move {
        let stop = hub.phase().serving().ok_or(CallErrorKind::ShuttingDown)?;
        let charged = call.input.len();
        let _charge = if is_shared { None } else { Some(hub.charge(1, charged)?) };
        let deadline = call.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let chain = hub.config().middleware.clone();
        let attempts = Attempts { hub, deadline, charged, made: Mutex::default() };
        let attempts = EndOnDrop(Arc::new(attempts));
        let attempts = &attempts.0;
        tokio::select! {
            biased;
            () = cancelled(canceller) => {
                Err(CallErrorKind::Cancelled { stage: attempts.end() }.into())
            }
            outcome = chain.around(attempts.clone()).run(call) => outcome,
            () = late(attempts) => {
                Err(CallErrorKind::DeadlineExceeded { stage: attempts.end() }.into())
            }
            () = stopped(attempts, &stop) => Err(CallErrorKind::ShuttingDown.into()),
        }
    };
    Box::pin(shielded(async move { run.await.map_err(|error| called.name(error)) }))
}

/// Returns when the cancel handle is used.
async fn cancelled(canceller: Option<Arc<Canceller>>) {
    match canceller {
        Some(canceller) => poll_fn(|context| canceller.poll_cancelled(context)).await,
        None => pending().await,
    }
}

/// Returns when the deadline has passed.
async fn late(attempts: &Attempts) {
    let Some(deadline) = attempts.deadline else { return pending().await };
    sleep_until(deadline).await;
    if !attempts.made.lock().pending.is_empty() {
        // The attempt is due as well, and its connection knows how far it has come.
        sleep(SLACK).await;
    }
}

/// Returns when the hub shuts down and the method can't have run. The connection of a pending
/// attempt finishes it, within the grace period.
async fn stopped(attempts: &Attempts, stop: &CancellationToken) {
    stop.cancelled().await;
    if !attempts.end_unmade() {
        pending::<()>().await;
    }
}

fn is_never(outcome: &Outcome) -> bool {
    outcome.as_ref().is_err_and(|error| error.execution() == Execution::Never)
}
