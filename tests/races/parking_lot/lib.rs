//! The locks of `parking_lot`, and tasks as tokio's, where shuttle decides who goes on.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

pub use shuttle_parking_lot_impl::*;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// No time passes here; others may go on or not.
pub async fn catch_up<T>(_: &T) {
    shuttle::future::yield_now().await;
}

thread_local! {
    /// How many of these tasks are in a turn. Shuttle runs all tasks of a schedule on one thread.
    static TURNS: Cell<usize> = const { Cell::new(0) };
}

/// A turn of a task, in which it may hold locks.
struct Turn;

impl Turn {
    fn begin() -> Self {
        TURNS.set(TURNS.get() + 1);
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURNS.set(TURNS.get() - 1);
    }
}

/// Waits until no task is in a turn: a schedule that ends meanwhile drops it, and the locks that it
/// waits for are never free.
pub fn rest() {
    while TURNS.get() > 0 {
        shuttle::thread::yield_now();
    }
}

/// As `tokio::spawn`, in a task of shuttle's. The handle is one of tokio's, as callers expect: of a
/// task that waits for the output of the other.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (mut sender, receiver) = oneshot::channel();
    let run = async move {
        let mut future = pin!(future);
        let output = poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // It is aborted, or the runtime is gone.
            Poll::Pending => sender.poll_closed(context).map(|()| None),
        });
        if let Some(output) = output.await {
            let _ = sender.send(output);
        }
    };
    let mut run = Box::pin(run);
    drop(shuttle::future::spawn(poll_fn(move |context| {
        let _turn = Turn::begin();
        run.as_mut().poll(context)
    })));
    tokio::spawn(async move {
        let output = receiver.await;
        // Without a message: shuttle says what has happened, unless the schedule has just ended.
        output.unwrap_or_else(|error| std::panic::resume_unwind(Box::new(error)))
    })
}
