//! A plugin that doesn't read what its hub sends, or reads a byte now and then.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use brpc::Plugin;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::bench::{BACK, Bench};
use crate::plugins::Answerer;
use crate::process::{HEARTBEAT, HUB, NAME, PACE, Process, limits, say};
use crate::record::{Record, STARTED};

/// Reads slowly once it is told so.
struct Slow {
    stream: OwnedReadHalf,
    is_held_up: Arc<AtomicBool>,
    /// How long a byte takes; `None` for ever.
    pace: Option<Duration>,
    next: Pin<Box<Sleep>>,
}

impl AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_held_up.load(Ordering::SeqCst) {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let Some(pace) = self.pace else { return Poll::Pending };
        ready!(self.next.as_mut().poll(context));
        self.next.as_mut().reset(Instant::now() + pace);
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut byte))?;
        buffer.put_slice(byte.filled());
        Poll::Ready(Ok(()))
    }
}

/// A plugin that takes so many milliseconds to read a byte, or for ever; connected.
pub async fn start(bench: &Bench, name: &str, pace: u64) -> Process {
    let (heartbeat, pace) = (bench.heartbeat.to_string(), pace.to_string());
    let with = [(HUB, &*bench.address), (NAME, name), (PACE, &pace), (HEARTBEAT, &heartbeat)];
    let reader = Process::start("reader", None, &bench.folder, &with);
    reader.says(0, "slow", 1, BACK).await;
    reader
}

pub async fn be() {
    let (hub, name) = (std::env::var(HUB).unwrap(), std::env::var(NAME).unwrap());
    let pace: u64 = std::env::var(PACE).unwrap().parse().unwrap();
    let is_held_up = Arc::new(AtomicBool::new(false));
    let (stream, writer) = TcpStream::connect(hub).await.unwrap().into_split();
    let slow = Slow {
        stream,
        is_held_up: is_held_up.clone(),
        pace: (pace > 0).then(|| Duration::from_millis(pace)),
        next: Box::pin(sleep_until(Instant::now())),
    };
    let plugin = Plugin::new(Answerer::new(Arc::new(Record::of(STARTED))))
        .name(name)
        .limits(limits(HEARTBEAT));
    let session = plugin.serve(tokio::io::join(slow, writer)).await.unwrap();
    is_held_up.store(true, Ordering::SeqCst);
    say("slow");
    say(&format!("ended {:?}", session.run().await));
}
