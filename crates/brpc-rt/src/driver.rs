//! Moves the bytes of one connection, in one task.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use brpc_proto::limits::{IDLE_BYTES, IDLE_PLACES};
use brpc_proto::{Connection, End, WriteBuffer};
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::unconstrained;
use tokio::time::Sleep;
use tokio_util::io::{poll_read_buf, poll_write_buf};

use crate::calling::Slot;
use crate::gathering::{Gathering, Ready};
use crate::link::{Link, Pending};
use crate::{close, now};

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
        input_size: 0,
        output: WriteBuffer::new(),
        written: 0,
        moved: 0,
        gathering: Gathering::default(),
        now: None,
        waker: Waker::noop().clone(),
        pending: Pending::new(link),
        timer: None,
        fires: None,
        end: None,
        is_held: false,
        reads_left: None,
        is_flushed: true,
    };
    poll_fn(|context| driver.poll(context)).await;
    let Driver { mut stream, mut output, end, .. } = driver;
    if end.is_none() {
        link.driven().lock().poll_transmit(&mut output, now());
        close::say_and_close(&mut stream, output).await;
    }
}

/// How much room is made for a read, at least and at most: little for connections that are mostly
/// silent, more for those whose reads fill it.
const READ_SIZES: (usize, usize) = (1024, 64 * 1024);

/// A connection that moves so many bytes when it is woken keeps its buffers until the next time.
const MUCH: usize = 4 * 1024;

/// How much is read of a peer that is held back: enough to hear in most cases that it is gone.
const HELD_INPUT: usize = 1 << 20;

/// How often a connection that is never out of work is turned around before others get their turn.
const TURNS: usize = 16;

struct Driver<'a, L: Link, S> {
    link: &'a L,
    stream: S,
    /// Bytes that were read and are not a whole frame yet.
    input: BytesMut,
    /// How much room the next read gets.
    read_size: usize,
    /// The most room that the input was given.
    input_size: usize,
    /// Bytes that count as sent and are not written yet.
    output: WriteBuffer,
    /// Bytes that were written since the connection was last told.
    written: usize,
    /// Bytes that were read and written since the driver was woken.
    moved: usize,
    /// The time, if it was looked at since something that can take a while.
    now: Option<Instant>,
    /// Whom the timer wakes.
    waker: Waker,
    /// What gathers for the next write.
    gathering: Gathering,
    /// What is still to be told.
    pending: Pending<'a, L>,
    /// What wakes the driver for the next timeout, once there was one.
    timer: Option<Pin<Box<Sleep>>>,
    /// When it fires. Here as well, because each turn looks at it, and with thousands of connections
    /// a look at the timer itself is one more wait for memory.
    fires: Option<Instant>,
    /// How the stream ended, once it has.
    end: Option<End>,
    /// Whether the connection takes no input for now.
    is_held: bool,
    /// How many more reads a stream gets that can't be written to any more.
    reads_left: Option<usize>,
    /// Whether what was written has left the buffers of the stream.
    is_flushed: bool,
}

/// In which directions the stream may move something. Where it can't, it wakes the driver when it
/// can.
#[derive(Clone, Copy)]
struct Open {
    read: bool,
    write: bool,
}

/// How a turn of the driver ended.
enum Turn {
    /// There is more to do, or may be.
    Busy,
    /// There is something to write, and perhaps soon more.
    LetsOthersFirst,
    /// Whoever has something to do for the driver wakes it.
    Asleep,
    /// The connection is over, and has told it.
    Over,
}

const BOTH: Open = Open { read: true, write: true };

impl<L: Link, S: AsyncRead + AsyncWrite + Unpin> Driver<'_, L, S> {
    /// Ready when the connection is over.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.waker.will_wake(context.waker()) {
            self.waker.clone_from(context.waker());
            if let Some(timer) = &mut self.timer {
                // What is due is seen below; this says whom to wake.
                let _ = pin!(unconstrained(timer.as_mut())).poll(context);
            }
        }
        (self.moved, self.now) = (0, None);
        if self.lets_others_first() {
            return pin!(tokio::task::yield_now()).poll(context);
        }
        let mut open = BOTH;
        for _ in 0..TURNS {
            match self.turn(&mut open, context) {
                Turn::Busy => {}
                Turn::LetsOthersFirst => return pin!(tokio::task::yield_now()).poll(context),
                Turn::Asleep => return Poll::Pending,
                Turn::Over => return Poll::Ready(()),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether to step back before anything else, for what others gave while the driver slept.
    fn lets_others_first(&mut self) -> bool {
        if !self.link.driven().note_awake() {
            return false;
        }
        // Nothing was done yet that takes a while, so that this is the time of the calls as well.
        let now = self.now();
        let ready = Ready::of(&self.link.driven().drive(|| now).0);
        if ready.is_any {
            self.gathering.note_given();
        }
        self.takes_more() && self.gathering.lets_others_first(|| ready)
    }

    /// The time, as it was looked at last.
    fn now(&mut self) -> Instant {
        *self.now.get_or_insert_with(now)
    }

    /// Whether more may be taken to be written.
    fn takes_more(&self) -> bool {
        self.output.is_empty() && self.reads_left.is_none()
    }

    /// Reads, has the connection take it in, tells what it has to tell, and writes: each once, and
    /// with the lock taken once.
    fn turn(&mut self, open: &mut Open, context: &mut Context<'_>) -> Turn {
        // What was read before is to be told first.
        let has_room = !self.is_held || self.input.len() < HELD_INPUT;
        let may_read = self.pending.events.is_empty() && self.end.is_none() && has_room;
        let has_read = may_read && open.read && self.read(context);
        if !has_room && self.reads_left.is_some() {
            // Nothing is read that could end it.
            self.end.get_or_insert(End::Failed);
        }
        open.read &= has_read || !may_read;

        let (link, now) = (self.link, self.now());
        let (mut connection, has_calls) = link.driven().drive(crate::now);
        if has_calls {
            self.gathering.note_given();
        }
        let has_taken = self.take_in(&mut connection, now);
        // While something is to be told, nothing is read, and a peer can't be given a second look.
        let timeout = connection.poll_timeout();
        let is_due =
            self.pending.events.is_empty() && timeout.is_some_and(|timeout| timeout <= now);
        if is_due {
            connection.handle_timeout(now);
            // It may give the peer a second look.
            *open = BOTH;
        }
        self.learn(&mut connection, has_read || has_taken || is_due, now);
        let tells = !self.pending.events.is_empty();
        if connection.is_closed() && !tells && !connection.has_events() {
            return Turn::Over;
        }
        if self.takes_more() {
            if !tells && self.gathering.lets_others_first(|| Ready::of(&connection)) {
                return Turn::LetsOthersFirst;
            }
            connection.poll_transmit(&mut self.output, now);
            if !self.output.is_empty() {
                self.gathering.note_written();
            }
        }
        let can_write = open.write && !(self.output.is_empty() && self.is_flushed);
        let has_come = has_read || has_taken || is_due;
        let is_busy = has_come || can_write || connection.has_events();
        if !is_busy && self.pending.events.is_empty() {
            // Nothing has changed it since, but what was taken and can not be written now.
            let timeout = if self.output.is_empty() { timeout } else { connection.poll_timeout() };
            if self.is_timer_set_for(timeout, now) {
                // One that was woken for nothing, as happens, says nothing of the traffic.
                let is_idle = self.moved < MUCH && (self.moved > 0 || connection.is_quiet());
                // Others give commands meanwhile and don't wake a driver that is awake, so this is
                // done under the lock under which nothing was found to do.
                if !connection.park(context, is_idle) {
                    return Turn::Busy;
                }
                drop(connection);
                if is_idle {
                    self.free_buffers();
                }
                return Turn::Asleep;
            }
            drop(connection);
            self.set_timer(timeout, context);
            return Turn::Busy;
        }
        drop(connection);

        if !self.pending.events.is_empty() {
            let count = self.pending.portion();
            link.handle_events(self.pending.events.drain(..count));
            self.gathering.note_told(count);
            // It may have taken a while.
            self.now = None;
        }
        if can_write {
            open.write = self.write(context);
            // What came before a failure is still to be read.
            open.read |= self.reads_left.is_some();
        }
        Turn::Busy
    }

    /// Tells the connection what was written and read. True if it took something in.
    fn take_in(&mut self, connection: &mut Connection<Arc<Slot>>, now: Instant) -> bool {
        if self.written > 0 {
            let more = !self.output.is_empty();
            connection.handle_written(std::mem::take(&mut self.written), more, now);
        }
        let (unread, was_held) = (self.input.len(), self.is_held);
        if (unread > 0 || was_held) && self.pending.events.is_empty() {
            connection.handle_input(&mut self.input, now);
            self.is_held = !connection.takes_input();
        }
        self.input.len() < unread || (was_held && !self.is_held)
    }

    /// Fetches what is to be told. The end of the stream is the last thing that a connection hears.
    fn learn(&mut self, connection: &mut Connection<Arc<Slot>>, is_busy: bool, now: Instant) {
        if self.pending.events.is_empty() {
            connection.swap_events(&mut self.pending.events);
        }
        if let Some(end) = self.end
            && !is_busy
            && self.pending.events.is_empty()
        {
            if self.is_held {
                connection.handle_rest(&mut self.input, now);
            }
            connection.handle_end(end);
            connection.swap_events(&mut self.pending.events);
        }
    }

    /// False if nothing was read, and the stream wakes the driver when something comes.
    fn read(&mut self, context: &mut Context<'_>) -> bool {
        self.input.reserve(self.read_size);
        self.input_size = self.input_size.max(self.read_size);
        let read = poll_read_buf(Pin::new(&mut self.stream), context, &mut self.input);
        match read {
            Poll::Pending => {}
            Poll::Ready(Ok(0)) => self.end = Some(End::Eof),
            Poll::Ready(Err(_)) => self.end = Some(End::Failed),
            Poll::Ready(Ok(count)) => {
                self.moved += count;
                if count >= self.read_size {
                    self.read_size = (2 * count).min(READ_SIZES.1);
                }
            }
        }
        if let Some(reads_left) = &mut self.reads_left {
            *reads_left -= 1;
            if read.is_pending() || *reads_left == 0 {
                self.end.get_or_insert(End::Failed);
            }
        }
        read.is_ready()
    }

    /// False if the stream takes no more for now, and wakes the driver when it does.
    fn write(&mut self, context: &mut Context<'_>) -> bool {
        if !self.output.is_empty() {
            match self.poll_write(context) {
                Poll::Pending => return false,
                Poll::Ready(Ok(count)) if count > 0 => {
                    self.written += count;
                    self.moved += count;
                    self.is_flushed = false;
                }
                Poll::Ready(_) => self.hear_out(),
            }
        }
        if self.output.is_empty() && !self.is_flushed {
            match Pin::new(&mut self.stream).poll_flush(context) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) => self.is_flushed = true,
                Poll::Ready(Err(_)) => self.hear_out(),
            }
        }
        true
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        let chunk = self.output.chunk();
        if chunk.len() < self.output.remaining() {
            return poll_write_buf(stream, context, &mut self.output);
        }
        // One piece, for which the system takes a plain write faster than a vectored one.
        let count = ready!(stream.poll_write(context, chunk))?;
        self.output.advance(count);
        Poll::Ready(Ok(count))
    }

    /// Ends a connection whose peer takes nothing any more, but only after some more reads: what it
    /// said before it closed has been received, answers, and a goodbye or a refusal that says why.
    fn hear_out(&mut self) {
        self.output = WriteBuffer::new();
        self.is_flushed = true;
        self.reads_left.get_or_insert(TURNS);
    }

    /// Whether the timer is still to fire, at this time or earlier.
    fn is_timer_set_for(&self, timeout: Option<Instant>, now: Instant) -> bool {
        let Some(timeout) = timeout else { return true };
        self.fires.is_some_and(|fires| now < fires && fires <= timeout)
    }

    /// Has the timer fire at this time. One that fires early is set anew then; that is cheaper than
    /// moving it with each call.
    fn set_timer(&mut self, timeout: Option<Instant>, context: &mut Context<'_>) {
        self.fires = timeout;
        let Some(timeout) = timeout.map(tokio::time::Instant::from_std) else { return };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(timeout)));
        timer.as_mut().reset(timeout);
        // It wakes the driver, if it doesn't fire now; the next turn sees what is due. Constrained, it
        // would not be set at all when the task's budget is spent.
        let _ = pin!(unconstrained(timer.as_mut())).poll(context);
    }

    /// A connection on which little happens holds little room.
    fn free_buffers(&mut self) {
        // Not as soon as a read finds less than there was room for: it may be a frame's rest.
        if self.moved < self.read_size / 4 {
            self.read_size = (self.read_size / 2).max(READ_SIZES.0);
        }
        if self.input.is_empty() && self.input_size > IDLE_BYTES {
            (self.input, self.input_size) = (BytesMut::new(), 0);
        }
        if self.output.is_empty() && self.output.capacity() > IDLE_BYTES {
            self.output = WriteBuffer::new();
        }
        if self.pending.events.capacity() > IDLE_PLACES {
            self.pending.events = VecDeque::new();
        }
    }
}
