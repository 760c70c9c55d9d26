//! Runs one handler, so that a panic in it ends only its call.

use std::task::{Poll, Waker};

use brpc_core::{Answer, Failure, Status};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::receiver::OnCancel;
use crate::BoxFuture;
use crate::foreign::contain;

/// An async handler. A panic in it, also when it is dropped, ends only its call.
pub(super) struct Handler(Option<BoxFuture<Answer>>);

impl Handler {
    /// Makes a handler and polls it once; returns its answer, or the handler if it has to wait.
    pub(super) fn begin(begin: impl FnOnce() -> BoxFuture<Answer>) -> Result<Answer, Self> {
        let mut handler = Self(None);
        let first = contain(|| {
            let handler = handler.0.insert(begin());
            // The task that polls it next sets the waker.
            handler.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()))
        });
        match first {
            Ok(Poll::Ready(answer)) => Ok(handler.discard().and(answer)),
            Ok(Poll::Pending) => Err(handler),
            Err(text) => {
                let _ = handler.discard();
                Ok(Err(panicked(text)))
            }
        }
    }

    /// Runs the handler to its end, or until its call is cancelled and it may be dropped.
    pub(super) async fn run(
        mut self,
        on_cancel: OnCancel,
        cancelled: &CancellationToken,
    ) -> Answer {
        let answer = std::future::poll_fn(|context| {
            let Some(handler) = &mut self.0 else { return Poll::Pending };
            match contain(|| handler.as_mut().poll(context)) {
                Ok(poll) => poll,
                Err(text) => Poll::Ready(Err(panicked(text))),
            }
        });
        let answer = match on_cancel {
            OnCancel::Finish => answer.await,
            OnCancel::Drop => match cancelled.run_until_cancelled(answer).await {
                Some(answer) => answer,
                None => Err(Failure::new(Status::Cancelled, "")),
            },
        };
        self.discard().and(answer)
    }

    /// Drops the handler.
    fn discard(&mut self) -> Result<(), Failure> {
        let handler = self.0.take();
        contain(|| drop(handler)).map_err(panicked)
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        let _ = self.discard();
    }
}

/// Runs a handler that never waits; returns its answer.
#[inline]
pub(super) fn catching(run: impl FnOnce() -> Answer) -> Answer {
    contain(run).unwrap_or_else(|text| Err(panicked(text)))
}

/// Runs a blocking handler, which may have waited for a thread.
pub(super) fn run_blocking<R>(
    invoke: fn(&R, &Context, &[u8]) -> Answer,
    receiver: &R,
    context: &Context,
    payload: &[u8],
) -> Answer {
    let run = || catching(|| invoke(receiver, context, payload));
    expired(context, Instant::now()).or_else(|| unwanted(context)).unwrap_or_else(run)
}

/// The answer if the call's deadline passed before its handler started, which it does now.
pub(super) fn expired(context: &Context, now: Instant) -> Option<Answer> {
    let is_over = context.deadline().is_some_and(|deadline| deadline <= now);
    is_over.then(|| Err(Failure::new(Status::Expired, "")))
}

/// The answer if the call was cancelled before its handler started.
pub(super) fn unwanted(context: &Context) -> Option<Answer> {
    context.is_cancelled().then(|| Err(Failure::new(Status::Cancelled, "")))
}

/// The failure of a handler that panicked, with the panic's text.
fn panicked(text: String) -> Failure {
    Failure::new(Status::Panicked, text)
}
