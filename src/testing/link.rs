//! A link that fails on request.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::ROOM;

/// Carries connections in memory, and fails on request. A cheap clone; all clones are the same
/// link. When the last one is dropped, the link stays as it is.
#[derive(Clone, Debug)]
pub struct Link {
    state: watch::Sender<State>,
}

/// The state of a link.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct State {
    /// How long bytes take.
    delay: Duration,
    /// Whether bytes wait, as on a link whose cable is unplugged.
    is_stalled: bool,
    /// How often it was cut.
    cuts: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

impl Link {
    /// A link that works.
    #[must_use]
    pub fn new() -> Self {
        Self { state: watch::Sender::default() }
    }

    /// Stops all bytes in both directions, without an error: both sides see a silent peer.
    pub fn stall(&self) {
        self.state.send_modify(|state| state.is_stalled = true);
    }

    /// Lets bytes through again, first those that have waited.
    pub fn resume(&self) {
        self.state.send_modify(|state| state.is_stalled = false);
    }

    /// Delays bytes for so long, in each direction; zero at first.
    pub fn delay(&self, delay: Duration) {
        self.state.send_modify(|state| state.delay = delay);
    }

    /// Ends all connections over this link. Bytes on their way are lost. The link can carry new
    /// connections.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Both ends of a new connection over this link.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn connect(&self) -> (DuplexStream, DuplexStream) {
        let (one, near) = tokio::io::duplex(ROOM);
        let (far, other) = tokio::io::duplex(ROOM);
        let ((near_out, near_in), (far_out, far_in)) =
            (tokio::io::split(near), tokio::io::split(far));
        let carrying = async move |mut cut: watch::Receiver<State>, there, back| {
            let cuts = cut.borrow_and_update().cuts;
            tokio::select! {
                ((), ()) = async { tokio::join!(there, back) } => {}
                // Dropping them closes both halves.
                _ = cut.wait_for(|state| state.cuts != cuts) => {}
            }
        };
        let there = carry(near_out, far_in, self.state.subscribe());
        let back = carry(far_out, near_in, self.state.subscribe());
        tokio::spawn(carrying(self.state.subscribe(), there, back));
        (one, other)
    }
}

/// Carries bytes in one direction, until either side ends.
async fn carry(
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    mut state: watch::Receiver<State>,
) {
    let mut bytes = vec![0; ROOM];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let delay = state.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        // A link whose last clone is dropped stays as it is: stalled, for ever.
        if state.wait_for(|state| !state.is_stalled).await.is_err() {
            std::future::pending::<()>().await;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
