//! Where connections with many events wait for their turn to pass a batch of them on.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

/// So many events are passed on at any time, as beside answers.
pub(crate) const FEW: usize = 16;

/// The most events of a turn.
pub(crate) const BATCH: usize = 128;

/// One lane for all connections of an owner: those with many events pass them on one after the
/// other, a batch each, in the order in which they came. Those that wait are parked, and the one
/// whose turn it is yields after its batch, before the next one has its turn.
///
/// So a call that waits for a thread of the runtime waits for one batch, however many connections
/// have events; the runtime looks at its sockets between two batches, as it does when a task has
/// yielded and no other can run; and the readers get ahead of the next batch.
#[derive(Clone, Debug)]
pub struct Lane(Arc<Semaphore>);

impl Default for Lane {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// One connection's end of the lane.
#[derive(Debug)]
pub(crate) struct Queuing(PollSemaphore);

/// The turn of one connection, until this is dropped.
#[derive(Debug)]
pub(crate) struct LaneTurn(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

impl Queuing {
    pub(crate) fn new(lane: Lane) -> Self {
        Self(PollSemaphore::new(lane.0))
    }

    /// Ready when it is this connection's turn. Until then it has its place in the lane.
    pub(crate) fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<LaneTurn> {
        let permit = ready!(self.0.poll_acquire(context));
        Poll::Ready(LaneTurn(permit.expect("nobody closes it")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn each_has_its_turn_in_order() {
        let lane = Lane::default();
        let mut ends = [(); 3].map(|()| (Queuing::new(lane.clone()), Arc::new(Wakes::default())));
        let mut poll = |index: usize| {
            let (end, wakes) = &mut ends[index];
            let turn = end.poll_turn(&mut Context::from_waker(&wakes.clone().into()));
            (turn, wakes.0.load(Ordering::SeqCst))
        };
        let (Poll::Ready(first), 0) = poll(0) else { panic!() };
        assert!(matches!(poll(1), (Poll::Pending, 0)));
        assert!(matches!(poll(2), (Poll::Pending, 0)));
        drop(first);
        // Behind those that wait.
        assert!(matches!(poll(0), (Poll::Pending, 0)));
        assert!(matches!(poll(2), (Poll::Pending, 0)));
        let (Poll::Ready(second), 1) = poll(1) else { panic!() };
        drop(second);
        let (Poll::Ready(_third), 1) = poll(2) else { panic!() };
    }
}
