//! A link that fails when it is told to.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::ROOM;

/// Carries connections in memory, and fails when it is told to. A cheap clone; all clones are the
/// same link. When the last one is dropped, the link goes on as it was.
#[derive(Clone, Debug)]
pub struct Link {
    state: watch::Sender<State>,
}

/// How a link is at the moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct State {
    /// How long bytes are under way.
    delay: Duration,
    /// Whether bytes wait, as on a link whose cable is out.
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

    /// Lets nothing through in either direction from now on, and says so to nobody: both sides see a
    /// peer that is silent.
    pub fn stall(&self) {
        self.state.send_modify(|state| state.is_stalled = true);
    }

    /// Lets everything through again, and first what has waited.
    pub fn resume(&self) {
        self.state.send_modify(|state| state.is_stalled = false);
    }

    /// Has bytes be under way for so long, in each direction; zero at first.
    pub fn delay(&self, delay: Duration) {
        self.state.send_modify(|state| state.delay = delay);
    }

    /// Ends all connections that it carries. What is under way is lost. The link can carry others.
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
                // Dropped, both halves are closed.
                _ = cut.wait_for(|state| state.cuts != cuts) => {}
            }
        };
        let there = carry(near_out, far_in, self.state.subscribe());
        let back = carry(far_out, near_in, self.state.subscribe());
        tokio::spawn(carrying(self.state.subscribe(), there, back));
        (one, other)
    }
}

/// Carries bytes in one direction, up to the end of either side.
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
        // A link that nobody holds any more stays as it was: stalled, for ever.
        if state.wait_for(|state| !state.is_stalled).await.is_err() {
            std::future::pending::<()>().await;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
