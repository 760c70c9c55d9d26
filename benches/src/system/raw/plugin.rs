//! The plugins' side of the limits.

use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::frame::{self, FrameReader};
use super::outbox::{BATCH, Outbox};
use super::{Mode, churn, events};
use crate::Error;
use crate::echo::Message;
use crate::flags::{Scenario, Setup};
use crate::system::dial;

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
            let stream = dial::connect(&setup.hub).await?;
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
async fn answer(mut stream: TcpStream, mode: Mode) {
    let (reading, mut writing) = stream.split();
    let (mut frames, mut answers) = (FrameReader::new(reading, mode.room), Vec::new());
    while frames.fill().await {
        while let Some((number, encoded)) = frames.next() {
            let Ok(message) = frame::decode(&encoded) else { return };
            frame::put(&mut answers, number, &message);
            if answers.len() >= BATCH {
                if writing.write_all(&answers).await.is_err() {
                    return;
                }
                answers.clear();
            }
        }
        if !answers.is_empty() && writing.write_all(&answers).await.is_err() {
            return;
        }
        answers.clear();
    }
}

/// Answers each call in a task of its own.
async fn answer_in_tasks(stream: TcpStream, mode: Mode) {
    let (reading, writing) = stream.into_split();
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
