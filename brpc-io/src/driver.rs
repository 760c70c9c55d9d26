//! Moves the bytes of one connection, in one task.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use brpc_core::{Connection, End, WriteBuffer};
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Sleep;
use tokio_util::io::{poll_read_buf, poll_write_buf};

use crate::{Driven, close, now};

/// Who owns a connection.
pub trait Link {
    /// The side of the connection.
    type Connection: Connection;

    /// The connection, behind its lock.
    fn driven(&self) -> &Driven<Self::Connection>;

    /// Takes one thing in that the connection tells. Called without the lock.
    fn handle_event(&self, event: <Self::Connection as Connection>::Event);

    /// Passes on all that the connection has to tell. Only for the driver, and for whoever ends the
    /// connection in its place, so that events keep their order.
    fn dispatch(&self) {
        loop {
            let events = self.driven().lock().take_events();
            if events.is_empty() {
                return;
            }
            for event in events {
                self.handle_event(event);
            }
        }
    }
}

/// Moves the bytes of a connection until it is over, says goodbye and closes the stream.
///
/// # Cancel safety
/// Dropped, it leaves the connection's state as it is: whoever drops it ends the connection.
pub async fn drive<L: Link, S: AsyncRead + AsyncWrite + Unpin>(link: &L, stream: S) {
    let mut driver = Driver {
        link,
        stream,
        input: BytesMut::new(),
        read_size: READ_SIZES.0,
        output: WriteBuffer::new(),
        timer: None,
        end: None,
    };
    poll_fn(|context| driver.poll(context)).await;
    link.dispatch();
    let Driver { mut stream, mut output, end, .. } = driver;
    if end.is_none() {
        link.driven().lock().poll_transmit(&mut output, now());
        close::say_and_close(&mut stream, output).await;
    }
}

/// How much room is made for a read, at least and at most: little for connections that are mostly
/// silent, more for those whose reads fill it.
const READ_SIZES: (usize, usize) = (4 * 1024, 64 * 1024);

/// How often a connection that is never out of work is turned around before others get their turn.
const TURNS: usize = 16;

struct Driver<'a, L, S> {
    link: &'a L,
    stream: S,
    /// Bytes that were read and are not a whole frame yet.
    input: BytesMut,
    /// How much room the next read gets.
    read_size: usize,
    /// Bytes that count as sent and are not written yet.
    output: WriteBuffer,
    /// The next timeout, once there was one.
    timer: Option<Pin<Box<Sleep>>>,
    /// How the stream ended, once it has.
    end: Option<End>,
}

impl<L: Link, S: AsyncRead + AsyncWrite + Unpin> Driver<'_, L, S> {
    /// Ready when the connection is over.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.link.driven().lock().unpark();
        for _ in 0..TURNS {
            let wrote = self.poll_write(context).is_ready();
            let read = self.poll_read(context).is_ready();
            let was_due = self.poll_timer(context).is_ready();
            // What a command made happen.
            self.link.dispatch();
            let mut connection = self.link.driven().lock();
            if connection.is_closed() {
                return Poll::Ready(());
            }
            // Others give commands meanwhile and don't wake a driver that is awake, so nothing may
            // be overlooked here, under the lock.
            let can_write = self.output.is_empty() && connection.wants_transmit();
            let is_idle = !(wrote || read || was_due || can_write || connection.has_events());
            if is_idle && self.is_timer_set_for(connection.poll_timeout()) {
                connection.park(context);
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Ready if something was written; pending if there is nothing to write or no room for it.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now = now();
        if self.output.is_empty() {
            self.link.driven().lock().poll_transmit(&mut self.output, now);
            if self.output.is_empty() {
                // An idle connection holds no buffer.
                self.output = WriteBuffer::new();
                ready!(self.poll_flush(context));
                return Poll::Pending;
            }
            self.link.driven().lock().handle_written(0, true, now);
        }
        match ready!(poll_write_buf(Pin::new(&mut self.stream), context, &mut self.output)) {
            Ok(count) if count > 0 => {
                let more = self.output.has_remaining();
                self.link.driven().lock().handle_written(count, more, now);
            }
            Ok(_) | Err(_) => self.hear_out(context),
        }
        Poll::Ready(())
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Err(_failed) = ready!(Pin::new(&mut self.stream).poll_flush(context)) {
            self.hear_out(context);
        }
        Poll::Ready(())
    }

    /// Ends a connection whose peer takes nothing any more. What it said before it closed has been
    /// received and is read first: answers, and a goodbye or a refusal that says why.
    fn hear_out(&mut self, context: &mut Context<'_>) {
        for _ in 0..TURNS {
            if self.link.driven().lock().is_closed() || self.poll_read(context).is_pending() {
                break;
            }
        }
        self.ended(End::Failed);
    }

    /// Ready if something was read.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.input.reserve(self.read_size);
        let stream = Pin::new(&mut self.stream);
        match poll_read_buf(stream, context, &mut self.input) {
            Poll::Pending => {
                if self.input.is_empty() {
                    self.input = BytesMut::new();
                }
                return Poll::Pending;
            }
            Poll::Ready(Ok(0)) => self.ended(End::Eof),
            Poll::Ready(Err(_)) => self.ended(End::Failed),
            Poll::Ready(Ok(count)) => {
                let (least, most) = READ_SIZES;
                let next = if count >= self.read_size { 2 * count } else { self.read_size / 2 };
                self.read_size = next.clamp(least, most);
                self.take_input();
            }
        }
        Poll::Ready(())
    }

    /// Hands the input over, again after each word that the connection waited for.
    fn take_input(&mut self) {
        loop {
            let before = self.input.len();
            self.link.driven().lock().handle_input(&mut self.input, now());
            self.link.dispatch();
            if self.input.is_empty() || self.input.len() == before {
                return;
            }
        }
    }

    /// Ready if something was due.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(timeout) = self.link.driven().lock().poll_timeout() else {
            return Poll::Pending;
        };
        if timeout <= now() {
            self.handle_timeout();
            return Poll::Ready(());
        }
        let timeout = tokio::time::Instant::from_std(timeout);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(timeout)));
        // One that fires early is set anew then; that is cheaper than moving it with each call.
        if timer.deadline() > timeout || timer.is_elapsed() {
            timer.as_mut().reset(timeout);
        }
        ready!(timer.as_mut().poll(context));
        self.handle_timeout();
        Poll::Ready(())
    }

    /// Whether the timer fires at this time or earlier.
    fn is_timer_set_for(&self, timeout: Option<Instant>) -> bool {
        let Some(timeout) = timeout else { return true };
        let timer = self.timer.as_ref().filter(|timer| !timer.is_elapsed());
        timer.is_some_and(|timer| timer.deadline().into_std() <= timeout)
    }

    fn handle_timeout(&mut self) {
        self.link.driven().lock().handle_timeout(now());
        self.link.dispatch();
    }

    fn ended(&mut self, end: End) {
        self.end = Some(end);
        let now: Instant = now();
        self.link.driven().lock().handle_end(end, now);
        self.link.dispatch();
    }
}
