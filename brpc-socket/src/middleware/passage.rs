//! A call's way through the middleware. Whatever the middleware does, it ends when its time is over,
//! when it is cancelled, or with the hub; and from then on nothing of it goes out any more.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use brpc_core::{CallError, Execution, Response, Stage};
use bytes::Bytes;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{AnyMiddleware, BoxOutcome, Next, Outcome, Outgoing};
use crate::call::Call;
use crate::hub::Hub;
use crate::running::{Route, Running};
use crate::slot::Slot;

/// How much later than its time a call ends: the timers of connections fire first.
const SLACK: Duration = Duration::from_millis(10);

/// What one call shares with all that it goes through.
pub(super) struct Passage {
    hub: Arc<Hub>,
    /// When its time is over; `None` if it has no limit.
    deadline: Option<Instant>,
    /// For how many bytes of its input room is taken.
    charged: usize,
    made: Mutex<Made>,
}

/// The calls that were made of it: middleware may make none, or several.
#[derive(Default)]
struct Made {
    /// Those that are not over.
    under_way: Vec<(u64, Route)>,
    /// The number of the one that was made last.
    last: u64,
    /// Whether the method may have run in one of the others.
    may_have_run: bool,
    /// Set at the end: no more are made.
    is_over: bool,
}

impl Passage {
    /// The middleware at this place.
    pub(super) fn step(&self, place: usize) -> Option<Arc<dyn AnyMiddleware>> {
        self.hub.config().middleware.get(place).cloned()
    }

    /// Makes the call.
    pub(super) async fn make(&self, mut call: Outgoing) -> Outcome {
        let left = self.deadline.map(|deadline| deadline.duration_since(Instant::now()));
        call.timeout = [call.timeout, left].into_iter().flatten().min();
        let (call, mut attempt) = self.start(call)?;
        let outcome = call.await;
        attempt.may_have_run = !is_never(&outcome);
        outcome
    }

    /// Under the lock, so that whoever ends the passage finds the call made, or keeps it from being
    /// made.
    fn start(&self, call: Outgoing) -> Result<(Call<Response<Bytes>>, Attempt<'_>), CallError> {
        let mut made = self.made();
        if made.is_over {
            return Err(CallError::Cancelled { stage: Stage::Queued });
        }
        let running = Running::pass(&self.hub, call, self.charged)?;
        made.last += 1;
        let number = made.last;
        made.under_way.push((number, running.route()));
        Ok((Call::running(running), Attempt { passage: self, number, may_have_run: true }))
    }

    /// Ends it, with all that is under way. How far it may have come.
    fn end(&self) -> Stage {
        let (under_way, may_have_run) = {
            let mut made = self.made();
            made.is_over = true;
            (std::mem::take(&mut made.under_way), made.may_have_run)
        };
        let mut stage = if may_have_run { Stage::Sent } else { Stage::Queued };
        for (_, route) in under_way {
            // One that can't be given up any more has an outcome that nobody took.
            if route.give_up() != Some(Stage::Queued) {
                stage = Stage::Sent;
            }
        }
        stage
    }

    /// Ends it if no call was made, or none that may have run; whether it did.
    fn end_unmade(&self) -> bool {
        let mut made = self.made();
        let is_unmade = made.under_way.is_empty() && !made.may_have_run;
        made.is_over |= is_unmade;
        is_unmade
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was made, until its outcome is taken or nobody waits for it any more.
struct Attempt<'a> {
    passage: &'a Passage,
    number: u64,
    /// Whether the method may have run, as far as is known.
    may_have_run: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut made = self.passage.made();
        made.under_way.retain(|(number, _)| *number != self.number);
        made.may_have_run |= self.may_have_run;
    }
}

/// Ends a passage, however its future ends.
struct Traveller(Arc<Passage>);

impl Drop for Traveller {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Takes a call through the middleware of its hub. A slot is that of a cancel handle. Room for an
/// input that is shared is taken by somebody else.
pub(crate) fn through(
    hub: Arc<Hub>,
    call: Outgoing,
    slot: Option<Arc<Slot>>,
    is_shared: bool,
) -> BoxOutcome {
    Box::pin(async move {
        let stop = hub.serving().ok_or(CallError::ShuttingDown)?;
        let charged = call.input.len();
        let _charge = if is_shared { None } else { Some(hub.clone().charge(charged)?) };
        let deadline = call.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let passage = Passage { hub, deadline, charged, made: Mutex::default() };
        let traveller = Traveller(Arc::new(passage));
        let passage = &traveller.0;
        tokio::select! {
            biased;
            () = cancelled(slot) => Err(CallError::Cancelled { stage: passage.end() }),
            outcome = Next { passage: passage.clone(), passed: 0 }.run(call) => outcome,
            () = late(passage) => Err(CallError::DeadlineExceeded { stage: passage.end() }),
            () = stopped(passage, &stop) => Err(CallError::ShuttingDown),
        }
    })
}

/// Returns when a cancel handle says so.
async fn cancelled(slot: Option<Arc<Slot>>) {
    match slot {
        Some(slot) => poll_fn(|context| slot.poll_cancelled(context)).await,
        None => pending().await,
    }
}

/// Returns when the time is over.
async fn late(passage: &Passage) {
    let Some(deadline) = passage.deadline else { return pending().await };
    sleep_until(deadline).await;
    if !passage.made().under_way.is_empty() {
        // It is due as well, and its connection knows how far it has come.
        sleep(SLACK).await;
    }
}

/// Returns when the hub shuts down and nothing was made of the call. What is under way is finished
/// by its connection, as far as the grace allows.
async fn stopped(passage: &Passage, stop: &CancellationToken) {
    stop.cancelled().await;
    if !passage.end_unmade() {
        pending::<()>().await;
    }
}

fn is_never(outcome: &Outcome) -> bool {
    outcome.as_ref().is_err_and(|error| error.execution() == Execution::Never)
}
