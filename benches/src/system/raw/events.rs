//! The limits of events.
//!
//! A stream of frames in one direction, read by the task that decodes them, is the ceiling. A
//! system that bounds what others hold for a slow reader needs more: the plugin counts what it may
//! send ahead, and at the hub a task takes events off the connection, whether or not they are read.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};

use super::frame::{self, FrameReader};
use super::outbox::{Kind, Outbox, write};
use crate::echo::{Failure, Message};
use crate::system::secure::{self, Reading, Stream};

/// Events that may be sent and not be read yet; as many as brpc allows by default.
const AHEAD: u32 = 1_024;

/// As much is written or read at a time as the hub of brpc reads at a time.
const BATCH: usize = 64 << 10;

/// Sends events, one after the other, up to the end of the connection.
pub(super) async fn emit(mut stream: Stream, mut message: Message) {
    let mut batch = Vec::new();
    loop {
        while batch.len() < BATCH {
            frame::put(&mut batch, 0, &message);
            message.id += 1;
        }
        if write(&mut stream, &batch).await.is_err() {
            return;
        }
        batch.clear();
    }
}

/// The same, but not further ahead of the reader than is allowed.
pub(super) async fn emit_ahead(stream: Stream, mut message: Message) {
    let (reading, writing) = secure::parted(stream);
    let outbox = Outbox::new(Kind::Buffer, writing);
    let credit = Arc::new(Semaphore::new(AHEAD as usize));
    tokio::spawn(earn(FrameReader::new(reading, 1 << 10), credit.clone()));
    while let Ok(permit) = credit.acquire().await {
        permit.forget();
        outbox.send(0, &message).await;
        message.id += 1;
    }
    outbox.close();
}

async fn earn(mut frames: FrameReader<Reading>, credit: Arc<Semaphore>) {
    while frames.fill().await {
        while let Some((count, _)) = frames.next() {
            credit.add_permits(usize::try_from(count).unwrap_or(0));
        }
    }
    credit.close();
}

/// The hub's side of a plugin that sends events.
#[derive(Debug)]
pub(super) enum Emitter {
    /// Whoever reads events reads the connection.
    Stream(FrameReader<Stream>),
    /// A task reads the connection, and queues them.
    Queue { events: mpsc::UnboundedReceiver<Bytes>, outbox: Outbox, read: u32 },
}

impl Emitter {
    pub(super) fn stream(stream: Stream) -> Self {
        Self::Stream(FrameReader::new(stream, BATCH))
    }

    pub(super) fn queue(stream: Stream) -> Self {
        let (reading, writing) = secure::parted(stream);
        let (sender, events) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut frames = FrameReader::new(reading, BATCH);
            while frames.fill().await {
                while let Some((_, event)) = frames.next() {
                    // Without a reader the process is about to end.
                    let _ = sender.send(event);
                }
            }
        });
        Self::Queue { events, outbox: Outbox::new(Kind::Buffer, writing), read: 0 }
    }

    pub(super) async fn next(&mut self) -> Result<Message, Failure> {
        let event = match self {
            Self::Stream(frames) => loop {
                if let Some((_, event)) = frames.next() {
                    break Some(event);
                }
                if !frames.fill().await {
                    break None;
                }
            },
            Self::Queue { events, outbox, read } => {
                *read += 1;
                if *read == AHEAD / 2 {
                    outbox.send(u64::from(std::mem::take(read)), &Message::new(0, 0)).await;
                }
                events.recv().await
            }
        };
        let event = event.ok_or_else(|| Failure::Failed("the connection ended".to_owned()))?;
        frame::decode(&event).map_err(|error| Failure::of(&error))
    }
}
