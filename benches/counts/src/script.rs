//! A connection whose other end is a script, after `docs/protocol.md`: it reads the frames that are
//! written, and answers them with what was prepared.
//!
//! An answer can be read only after the side under test has found nothing to read and was woken, as
//! with a socket.

use std::future::poll_fn;
use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const PREFACE: [u8; 8] = *b"\xB2brpc\n\x01\x00";

const HELLO: u8 = 0x01;
const ACCEPTED: u8 = 0x02;
const DESCRIBE: u8 = 0x04;
const WELCOME: u8 = 0x05;
const CALL: u8 = 0x10;
const REPLY: u8 = 0x18;
const EVENT: u8 = 0x1A;

/// The length of a frame, and its kind.
const LENGTH: usize = 4;
const KIND: usize = 1;

const TIMEOUT_MS: u64 = 30_000;

/// A description of the one method `work`, without schemas, and its SHA-256.
const DESCRIPTION: &[u8] = b"\x01\x04work\x00\x00\x00";
const DIGEST: [u8; 32] = [
    0x9A, 0x43, 0x0F, 0x33, 0xFA, 0xF2, 0x82, 0xCA, 0xA8, 0x8A, 0xFB, 0xA4, 0x4E, 0xA8, 0x95, 0xDB,
    0x3D, 0x56, 0x07, 0xB7, 0x03, 0xBC, 0x08, 0x79, 0xD7, 0xC5, 0x1A, 0xD4, 0x01, 0x67, 0x21, 0x8B,
];

/// What the script answers to a frame, given its kind and body.
type Answer = dyn FnMut(u8, &[u8], &mut Vec<u8>) + Send;

/// A plugin with the one method `work`, which always has this output.
pub(crate) fn plugin(name: &str, output: Vec<u8>) -> (Stream, Remote) {
    let mut hello = PREFACE.to_vec();
    write_frame(HELLO, &[&hello_body(name)], &mut hello);
    connection(hello, move |kind, body, out| match kind {
        ACCEPTED if body == [1] => write_frame(DESCRIBE, &[DESCRIPTION], out),
        CALL => write_frame(REPLY, &[first_number(body), &output], out),
        _ => {}
    })
}

/// A hub that registers every plugin.
pub(crate) fn hub() -> (Stream, Remote) {
    connection(Vec::new(), |kind, _, out| match kind {
        HELLO => {
            out.extend(PREFACE);
            write_frame(ACCEPTED, &[&[1]], out);
        }
        DESCRIBE => write_frame(WELCOME, &[&welcome_body()], out),
        _ => {}
    })
}

/// The frame of a call with the usual timeout.
pub(crate) fn call(id: u64, method: u64, input: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    for field in [id, method, TIMEOUT_MS, 0, 0] {
        write_number(field, &mut header);
    }
    let mut frame = Vec::new();
    write_frame(CALL, &[&header, input], &mut frame);
    frame
}

/// The frame of an event.
pub(crate) fn event(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    write_frame(EVENT, &[payload], &mut frame);
    frame
}

/// A connection that has bytes to be read, and answers.
fn connection(
    incoming: Vec<u8>,
    answer: impl FnMut(u8, &[u8], &mut Vec<u8>) + Send + 'static,
) -> (Stream, Remote) {
    let wire = Arc::new(Mutex::new(Wire {
        incoming,
        has_arrived: true,
        reader: None,
        outgoing: Vec::new(),
        has_preface: false,
        answer: Box::new(answer),
        heard: 0,
        listener: None,
    }));
    (Stream(wire.clone()), Remote(wire))
}

/// The end for the side under test.
pub(crate) struct Stream(Arc<Mutex<Wire>>);

/// The end for the benchmark.
pub(crate) struct Remote(Arc<Mutex<Wire>>);

struct Wire {
    /// What is to be read.
    incoming: Vec<u8>,
    /// Whether it can be read at once.
    has_arrived: bool,
    /// Set while the side under test waits for something to read.
    reader: Option<Waker>,
    /// What was written and the script has not read.
    outgoing: Vec<u8>,
    /// Whether the script has read the preface.
    has_preface: bool,
    answer: Box<Answer>,
    /// How many frames the script has read.
    heard: usize,
    /// Set while the benchmark waits for frames.
    listener: Option<Waker>,
}

impl Wire {
    /// Reads all frames that were written as a whole.
    fn hear(&mut self) {
        let mut rest = &self.outgoing[..];
        if !self.has_preface {
            let Some((_, after)) = rest.split_at_checked(PREFACE.len()) else { return };
            (self.has_preface, rest) = (true, after);
        }
        while let Some((length, after)) = rest.split_first_chunk::<LENGTH>() {
            let length = u32::from_be_bytes(*length) as usize;
            let Some((frame, after)) = after.split_at_checked(length) else { break };
            (self.answer)(frame[0], &frame[KIND..], &mut self.incoming);
            self.heard += 1;
            rest = after;
        }
        let heard = self.outgoing.len() - rest.len();
        self.outgoing.drain(..heard);
        // A reader that sleeps has found nothing to read; one that is awake has yet to.
        self.has_arrived = self.incoming.is_empty() || self.wake_reader();
        if let Some(listener) = self.listener.take() {
            listener.wake();
        }
    }

    /// Wakes the side under test, if it waits for something to read; returns whether it did.
    fn wake_reader(&mut self) -> bool {
        let reader = self.reader.take();
        reader.map(Waker::wake).is_some()
    }
}

impl Remote {
    /// Sends something without a frame that asks for it.
    pub(crate) fn say(&self, frames: &[u8]) {
        let mut wire = lock(&self.0);
        if wire.incoming.capacity() < frames.len() {
            // With room for more later, as the ids get longer: to move all of it then would count.
            wire.incoming.reserve(2 * frames.len());
        }
        wire.incoming.extend_from_slice(frames);
        wire.has_arrived = true;
        wire.wake_reader();
    }

    /// How many frames the script has read.
    pub(crate) fn heard(&self) -> usize {
        lock(&self.0).heard
    }

    /// Waits until the script has read so many frames.
    pub(crate) async fn hear(&self, frames: usize) {
        poll_fn(|context| {
            let mut wire = lock(&self.0);
            if wire.heard >= frames {
                return Poll::Ready(());
            }
            wire.listener = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let mut wire = lock(&self.0);
        if wire.incoming.is_empty() {
            wire.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        if !std::mem::replace(&mut wire.has_arrived, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let size = wire.incoming.len().min(buffer.remaining());
        buffer.put_slice(&wire.incoming[..size]);
        wire.incoming.drain(..size);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let mut wire = lock(&self.0);
        for slice in slices {
            wire.outgoing.extend_from_slice(slice);
        }
        wire.hear();
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn lock(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    wire.lock().expect("nothing panics with the lock")
}

fn hello_body(name: &str) -> Vec<u8> {
    let mut body = vec![1, 1, 0];
    write_number(1 << 20, &mut body);
    write_number(1024, &mut body);
    write_text(name, &mut body);
    write_text("1.0", &mut body);
    body.extend([7; 16]);
    body.extend(DIGEST);
    body.push(0);
    body
}

/// With credit for any number of events.
fn welcome_body() -> Vec<u8> {
    let mut body = vec![1, 1, 1, 1, 1, 0];
    body.extend([9; 16]);
    write_text("plugin", &mut body);
    for field in [1, 1 << 20, 1024, u64::from(u32::MAX), 1 << 40] {
        write_number(field, &mut body);
    }
    body.push(0);
    body
}

fn write_frame(kind: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    let length = KIND + parts.iter().map(|part| part.len()).sum::<usize>();
    out.extend(u32::try_from(length).expect("a frame is small").to_be_bytes());
    out.push(kind);
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_number(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The number that a body starts with, as it is written.
fn first_number(body: &[u8]) -> &[u8] {
    let last = body.iter().position(|byte| *byte < 0x80).expect("a number ends");
    &body[..=last]
}
