//! The frames to be written on a connection, and the task that writes them.
//!
//! How many frames go into one write decides most of the throughput: a task that writes as soon as
//! there is one frame makes a system call for each. So writers yield once first, except where the
//! measurement shows what that is worth.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc};
use tokio::task::yield_now;

use super::frame;
use crate::echo::Message;
use crate::system::secure::Writing;

/// How frames get to the task that writes them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Senders encode into one buffer.
    Buffer,
    /// Senders encode each frame by itself, and queue it.
    Queue {
        /// Whether the writer yields when it finds a frame.
        yields: bool,
    },
}

/// Accepts frames for one connection. A cheap clone.
#[derive(Clone, Debug)]
pub(super) enum Outbox {
    Buffer(Arc<Buffer>),
    Queue(mpsc::Sender<Vec<u8>>),
}

/// Frames that are not yet written. No limit: the load is one.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    unwritten: Mutex<Unwritten>,
    /// Rung when it is no longer empty, and when it is closed.
    bell: Notify,
}

#[derive(Debug, Default)]
struct Unwritten {
    frames: Vec<u8>,
    is_closed: bool,
}

/// The most bytes that are written at a time, about.
pub(super) const BATCH: usize = 256 << 10;
/// Frames that wait in a queue.
const QUEUE: usize = 1_024;
/// Frames that are taken out of a queue at a time.
const TAKEN: usize = 256;

impl Outbox {
    /// An outbox, and the task that empties it up to the end of the connection.
    pub(super) fn new(kind: Kind, stream: Writing) -> Self {
        match kind {
            Kind::Buffer => {
                let buffer = Arc::new(Buffer::default());
                tokio::spawn(write_buffer(stream, buffer.clone()));
                Self::Buffer(buffer)
            }
            Kind::Queue { yields } => {
                let (sender, queue) = mpsc::channel(QUEUE);
                tokio::spawn(write_queue(stream, queue, yields));
                Self::Queue(sender)
            }
        }
    }

    /// Stops the task that writes. A queue does so by itself, when nobody can send any more.
    pub(super) fn close(&self) {
        if let Self::Buffer(buffer) = self {
            buffer.lock().is_closed = true;
            buffer.bell.notify_one();
        }
    }

    pub(super) async fn send(&self, number: u64, message: &Message) {
        /// What a frame has beside the data.
        const OTHERS: usize = 96;
        match self {
            Self::Buffer(buffer) => buffer.put(number, message),
            Self::Queue(queue) => {
                let mut encoded = Vec::with_capacity(message.data.len() + OTHERS);
                frame::put(&mut encoded, number, message);
                // Without a writer there is no connection, and the callers get an error.
                let _ = queue.send(encoded).await;
            }
        }
    }
}

impl Buffer {
    fn put(&self, number: u64, message: &Message) {
        let mut unwritten = self.lock();
        let was_empty = unwritten.frames.is_empty();
        frame::put(&mut unwritten.frames, number, message);
        drop(unwritten);
        if was_empty {
            self.bell.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all of this. TLS keeps what the system doesn't take, until it is flushed.
pub(super) async fn write<W: AsyncWrite + Unpin>(stream: &mut W, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

async fn write_buffer(mut stream: Writing, buffer: Arc<Buffer>) {
    let mut writing = Vec::new();
    loop {
        buffer.bell.notified().await;
        yield_now().await;
        let is_closed = {
            let mut unwritten = buffer.lock();
            std::mem::swap(&mut writing, &mut unwritten.frames);
            unwritten.is_closed
        };
        if write(&mut stream, &writing).await.is_err() || is_closed {
            return;
        }
        writing.clear();
        writing.shrink_to(4 * BATCH);
    }
}

async fn write_queue(mut stream: Writing, mut queue: mpsc::Receiver<Vec<u8>>, yields: bool) {
    let (mut frames, mut writing) = (Vec::with_capacity(TAKEN), Vec::new());
    while queue.recv_many(&mut frames, TAKEN).await > 0 {
        if yields {
            yield_now().await;
            while frames.len() < QUEUE
                && let Ok(frame) = queue.try_recv()
            {
                frames.push(frame);
            }
        }
        let mut left = frames.len();
        for frame in frames.drain(..) {
            writing.extend_from_slice(&frame);
            left -= 1;
            if left == 0 || writing.len() >= BATCH {
                if write(&mut stream, &writing).await.is_err() {
                    return;
                }
                writing.clear();
            }
        }
    }
}
