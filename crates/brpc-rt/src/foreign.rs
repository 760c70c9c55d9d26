//! Code of others: wakers, callbacks, and the drop of their values.
//!
//! A panic in it harms nothing but its own call, so it ends here. And it never runs under a lock of
//! this crate's users: it may come back and take the same lock.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Runs code of others.
///
/// # Errors
/// The text of its panic.
pub fn contain<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(text)
}

/// Awaits a future of others.
///
/// # Errors
/// The text of its panic.
pub async fn contained<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = Box::pin(future);
    let output = poll_fn(|context| match contain(|| future.as_mut().poll(context)) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await;
    // What it owns may panic itself when it is dropped.
    let _ = contain(|| drop(future));
    output
}

/// Wakes tasks.
pub fn wake(tasks: impl IntoIterator<Item = Waker>) {
    for task in tasks {
        let _ = contain(|| task.wake());
    }
}

/// The text of a panic.
#[cold]
fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    // What was thrown may panic itself when it is dropped.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    text.unwrap_or_else(|| "a panic without a text".to_owned())
}

/// Awaits a future that waits in a list with the tasks of others, as those of channels, tokens and
/// notifications do. Whoever wakes such a list loses the rest of it when one waker panics, so this
/// task is entered with one that doesn't.
pub async fn shielded<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut shield: Option<(Waker, Waker)> = None;
    poll_fn(|context| {
        let shield = match &shield {
            Some((task, shield)) if task.will_wake(context.waker()) => shield,
            _ => {
                let task = context.waker().clone();
                let new = Arc::new(Shield(Some(task.clone()))).into();
                &shield.insert((task, new)).1
            }
        };
        future.as_mut().poll(&mut Context::from_waker(shield))
    })
    .await
}

/// A waker that doesn't panic. Empty only while it is dropped.
struct Shield(Option<Waker>);

impl Wake for Shield {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let _ = contain(|| self.0.iter().for_each(Waker::wake_by_ref));
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        let task = self.0.take();
        let _ = contain(|| drop(task));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics when it is woken, and again when it is dropped.
    struct Bomb;

    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            std::panic::panic_any(Self);
        }
    }

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in a drop");
        }
    }

    #[test]
    fn a_panic_is_told_by_its_text() {
        assert_eq!(contain(|| 1), Ok(1));
        assert_eq!(contain(|| panic!("one")), Err::<(), _>("one".to_owned()));
        assert_eq!(contain(|| panic!("{}", 2)), Err::<(), _>("2".to_owned()));
        let without = "a panic without a text".to_owned();
        assert_eq!(contain(|| std::panic::panic_any(Bomb)), Err::<(), _>(without));
    }

    #[tokio::test]
    async fn a_future_that_panics_is_told_by_its_text() {
        assert_eq!(contained(async { 1 }).await, Ok(1));
        let late = async {
            tokio::task::yield_now().await;
            panic!("late")
        };
        assert_eq!(contained(late).await, Err::<(), _>("late".to_owned()));
        let bomb = Bomb;
        let owner = poll_fn(move |_| {
            let _bomb = &bomb;
            Poll::Ready(2)
        });
        assert_eq!(contained(owner).await, Ok(2), "whatever its drop does");
    }

    #[test]
    fn a_shielded_task_can_neither_be_woken_nor_dropped_into_a_panic() {
        let mut kept = None;
        let keep = poll_fn(|context| {
            kept = Some(context.waker().clone());
            Poll::<()>::Pending
        });
        let mut shielded = Box::pin(shielded(keep));
        let bomb = Waker::from(Arc::new(Bomb));
        assert!(shielded.as_mut().poll(&mut Context::from_waker(&bomb)).is_pending());
        // Nobody drops what is left but the shield.
        std::mem::forget((bomb, shielded));
        let kept = kept.unwrap();
        kept.wake_by_ref();
        wake([kept]);
    }
}
