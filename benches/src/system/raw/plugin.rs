//! The plugins' side of the limits.

use std::sync::Arc;

use super::frame::{self, FrameReader};
use super::outbox::{BATCH, Outbox, write};
use super::{Mode, churn, events};
use crate::Error;
use crate::echo::Message;
use crate::flags::{Scenario, Setup};
use crate::system::dial;
use crate::system::secure::{self, Stream};

/// Connects all plugins, and does what the scenario wants of them from then on.
pub(crate) async fn dial(setup: &Setup) -> Result<(), Error> {
    let mode = Mode::new(setup);
    let setup = Arc::new(setup.clone());
    dial::connect_all(&setup.clone(), move |_| {
        let setup = setup.clone();
        async move {
            if setup.scenario == Scenario::Churn {
                tokio::spawn(churn::live_again(mode, setup));
                return Ok(());
            }
            let stream = dial::connect(&setup).await?;
            if setup.scenario == Scenario::Events {
                let message = Message::new(0, setup.payload);
                if mode.spawns {
                    tokio::spawn(events::emit_ahead(stream, message));
                } else {
                    tokio::spawn(events::emit(stream, message));
                }
            } else if mode.spawns {
                tokio::spawn(answer_in_tasks(stream, mode));
            } else {
                tokio::spawn(answer(stream, mode));
            }
            Ok(())
        }
    })
    .await
}

/// Answers in the loop that reads, and writes when all that was read is answered.
async fn answer(stream: Stream, mode: Mode) {
    let (mut frames, mut answers) = (FrameReader::new(stream, mode.room), Vec::new());
    while frames.fill().await {
        while let Some((number, encoded)) = frames.next() {
            let Ok(message) = frame::decode(&encoded) else { return };
            frame::put(&mut answers, number, &message);
            if answers.len() >= BATCH {
                if write(frames.stream(), &answers).await.is_err() {
                    return;
                }
                answers.clear();
            }
        }
        if !answers.is_empty() && write(frames.stream(), &answers).await.is_err() {
            return;
        }
        answers.clear();
    }
}

/// Answers each call in a task of its own.
async fn answer_in_tasks(stream: Stream, mode: Mode) {
    let (reading, writing) = secure::parted(stream);
    let outbox = Outbox::new(mode.outbox, writing);
    let mut frames = FrameReader::new(reading, mode.room);
    while frames.fill().await {
        while let Some((number, encoded)) = frames.next() {
            let outbox = outbox.clone();
            tokio::spawn(async move {
                // One that doesn't decode is not answered, which the caller counts as an error.
                if let Ok(message) = frame::decode(&encoded) {
                    outbox.send(number, &message).await;
                }
            });
        }
    }
    outbox.close();
}
