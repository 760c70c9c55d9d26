//! Links that are cut at any byte, again and again.
//!
//! ```text
//! BRPC_RESUMABLE=10000 cargo test --release --test it resuming::cuts -- --nocapture
//! ```

use std::collections::HashMap;
use std::future::IntoFuture as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use brpc::testing::Link;
use brpc::{Backoff, CallError, Execution, Limits, Plugin, Socket};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::support::{LONG, eventually};

/// How often each job was started.
type Starts = Arc<Mutex<HashMap<u64, u32>>>;

struct Jobs(Starts);

#[brpc::plugin]
impl Jobs {
    /// Takes so many milliseconds.
    pub async fn job(&self, number: u64, millis: u64) -> u64 {
        *self.0.lock().unwrap().entry(number).or_default() += 1;
        tokio::time::sleep(Duration::from_millis(millis)).await;
        2 * number
    }
}

/// Random numbers that are the same in each run.
#[derive(Clone)]
struct Random(Arc<AtomicU64>);

impl Random {
    fn below(&self, limit: u64) -> u64 {
        let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }
}

/// A stream that breaks after so many bytes in a direction.
struct Fuse {
    stream: DuplexStream,
    reads: usize,
    writes: usize,
}

fn broken<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
}

impl AsyncRead for Fuse {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reads == 0 {
            return broken();
        }
        let mut part = buffer.take(self.reads);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        let count = part.filled().len();
        self.reads -= count;
        // They were read into the same memory.
        let filled = part.filled().to_vec();
        buffer.put_slice(&filled);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Fuse {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.writes == 0 {
            return broken();
        }
        let most = bytes.len().min(self.writes);
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..most]))?;
        self.writes -= count;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Makes so many calls, one so many milliseconds after the other, and checks that each of them ends with its own answer.
async fn call_all(hub: &Socket, calls: u64, millis: u64, spread: u64) {
    let calls: Vec<_> = (0..calls)
        .map(|number| {
            let hub = hub.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(number * spread)).await;
                loop {
                    let input = serde_json::json!({ "number": number, "millis": millis });
                    let call = hub.call::<u64>("jobs", "job", &input);
                    match call.resumable(LONG).timeout(None).queue().await {
                        Ok(output) => return assert_eq!(output, 2 * number),
                        // The plugin was away when the call was made.
                        Err(error) if is_away(&error) => {
                            let _ = hub.wait_for("jobs", LONG).await;
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                        Err(error) => panic!("{number}: {error}"),
                    }
                }
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
}

/// Whether the call was made while the plugin was away.
fn is_away(error: &CallError) -> bool {
    (error.is_disconnected() || error.is_not_found()) && error.execution() == Execution::Never
}

fn limits(calls: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_calls = usize::try_from(calls).unwrap();
    limits.queue_calls = 2 * limits.max_calls;
    limits
}

fn assert_each_started_once(starts: &Starts, calls: u64) {
    let starts = starts.lock().unwrap();
    assert_eq!(starts.len() as u64, calls);
    assert!(starts.values().all(|count| *count == 1), "some were run twice");
}

/// Each connection breaks after a few thousand bytes, each direction at another one.
#[tokio::test(start_paused = true)]
async fn a_link_that_breaks_at_any_byte_loses_no_call() {
    let (calls, starts) = (100, Starts::default());
    let hub = Socket::builder().limits(limits(calls)).build();
    let random = Random(Arc::new(AtomicU64::new(1)));
    let plugin = Plugin::new(Jobs(starts.clone())).limits(limits(calls));
    let dialled = Arc::new(AtomicU64::new(0));
    let run = plugin.run_over({
        let (hub, random, dialled) = (hub.clone(), random.clone(), dialled.clone());
        move || {
            dialled.fetch_add(1, Ordering::SeqCst);
            let (stream, theirs) = tokio::io::duplex(1 << 16);
            hub.attach(theirs);
            let part = |most| 1_000 + usize::try_from(random.below(most)).unwrap();
            let fuse = Fuse { stream, reads: part(3_000), writes: part(1_500) };
            async { Ok(fuse) }
        }
    });
    let run = run.backoff(Backoff::constant(Duration::from_millis(50)));
    let handle = run.handle();
    tokio::spawn(run.into_future());
    hub.wait_for("jobs", LONG).await.unwrap();
    let all = call_all(&hub, calls, 3_000, 50);
    tokio::time::timeout(LONG, all).await.expect("they make progress");
    assert_each_started_once(&starts, calls);
    assert!(dialled.load(Ordering::SeqCst) > 1, "it broke");
    handle.stop(Duration::ZERO);
    handle.finished().await;
}

/// The link is cut every second, while calls of 5 s run.
#[tokio::test(start_paused = true)]
async fn each_call_ends_with_its_own_answer_though_the_link_is_cut_every_second() {
    let calls = std::env::var("BRPC_RESUMABLE").map_or(500, |calls| calls.parse().unwrap());
    let starts = Starts::default();
    let hub = Socket::builder().limits(limits(calls)).build();
    let plugin = Plugin::new(Jobs(starts.clone())).limits(limits(calls));
    let link = Link::new();
    let run = plugin.run_over({
        let (hub, link) = (hub.clone(), link.clone());
        move || {
            let (ours, theirs) = link.connect();
            hub.attach(theirs);
            async { Ok(ours) }
        }
    });
    let run = run.backoff(Backoff::constant(Duration::from_millis(200)));
    let handle = run.handle();
    tokio::spawn(run.into_future());
    hub.wait_for("jobs", LONG).await.unwrap();
    let cutting = tokio::spawn(async move {
        let mut cuts = 0_u32;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            link.cut();
            cuts += 1;
            tracing::debug!(cuts);
        }
    });
    let begun = tokio::time::Instant::now();
    call_all(&hub, calls, 5_000, 0).await;
    cutting.abort();
    assert_each_started_once(&starts, calls);
    println!(
        "{calls} calls of 5 s in {:.1?}, cut every second: each ended well, none ran twice",
        begun.elapsed()
    );
    assert!(begun.elapsed() > Duration::from_secs(5));
    handle.stop(Duration::ZERO);
    eventually(|| hub.connected().is_empty()).await;
}
