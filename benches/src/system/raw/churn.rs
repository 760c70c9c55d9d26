//! The limit of coming and going: connect, answer, close.

use std::sync::Arc;

use super::Mode;
use super::frame::{self, FrameReader};
use super::outbox::write;
use crate::Error;
use crate::flags::Setup;
use crate::system::dial;

/// Lives one life after the other.
pub(super) async fn live_again(mode: Mode, setup: Arc<Setup>) {
    loop {
        dial::or_wait(live(mode, &setup).await).await;
    }
}

async fn live(mode: Mode, setup: &Setup) -> Result<(), Error> {
    let stream = dial::connect(setup).await?;
    let (mut frames, mut answer) = (FrameReader::new(stream, mode.room), Vec::new());
    let mut left = setup.calls;
    while left > 0 {
        if !frames.fill().await {
            return Err("a life ended early".into());
        }
        while let Some((number, encoded)) = frames.next() {
            frame::put(&mut answer, number, &frame::decode(&encoded)?);
            left -= 1;
        }
        write(frames.stream(), &answer).await?;
        answer.clear();
    }
    Ok(())
}
