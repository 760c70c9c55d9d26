//! A link in memory that fails on request: at any byte, and in either direction.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::{Notify, watch};

/// The state of a link.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct State {
    /// How long a piece takes.
    pub delay: Duration,
    /// Whether nothing passes from the plugin, and from the hub.
    pub is_silent: [bool; 2],
    /// After how many more bytes, in either direction, its connections end.
    pub cut_after: Option<usize>,
}

/// Carries connections in memory.
#[derive(Clone, Default)]
pub struct Wire(watch::Sender<State>);

/// How many bytes it takes at once.
const ROOM: usize = 16 * 1024;

impl Wire {
    pub fn set(&self, state: State) {
        self.0.send_replace(state);
    }

    /// Both ends of a new connection: the plugin's, and the hub's.
    pub fn connect(&self) -> (DuplexStream, DuplexStream) {
        let (plugin, near) = tokio::io::duplex(ROOM);
        let (far, hub) = tokio::io::duplex(ROOM);
        let ((near_in, near_out), (far_in, far_out)) =
            (tokio::io::split(near), tokio::io::split(far));
        let cut = Arc::new(Notify::new());
        let up = carry(near_in, far_out, self.0.clone(), 0, cut.clone());
        let down = carry(far_in, near_out, self.0.clone(), 1, cut.clone());
        tokio::spawn(async move {
            tokio::select! {
                ((), ()) = async { tokio::join!(up, down) } => {}
                () = cut.notified() => {}
            }
        });
        (plugin, hub)
    }
}

async fn carry(
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    link: watch::Sender<State>,
    direction: usize,
    cut: Arc<Notify>,
) {
    let mut states = link.subscribe();
    let mut bytes = vec![0; ROOM];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let Ok(state) =
            states.wait_for(|state| !state.is_silent[direction]).await.map(|state| *state)
        else {
            return;
        };
        tokio::time::sleep(state.delay).await;
        let passing = state.cut_after.map_or(count, |most| most.min(count));
        if to.write_all(&bytes[..passing]).await.is_err() {
            break;
        }
        if let Some(most) = state.cut_after {
            link.send_modify(|state| state.cut_after = Some(most - passing));
            if passing < count {
                return cut.notify_one();
            }
        }
    }
    let _ = to.shutdown().await;
}
