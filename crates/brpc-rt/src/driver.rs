//! Moves the bytes of one connection, in one task.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use brpc_proto::limits::IDLE_PLACES;
use brpc_proto::{Connection, End};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::gathering::{Gathering, Ready};
use crate::link::{Link, Pending};
use crate::now;
use crate::slot::Slot;
use crate::timer::Timer;
use crate::transport::Transport;

/// Moves the bytes of a connection until it is over, says goodbye and closes the stream.
///
/// # Cancel safety
/// Dropped, it leaves the connection's state as it is: whoever drops it ends the connection.
pub async fn drive<L: Link, S: AsyncRead + AsyncWrite + Unpin>(link: &L, stream: S) {
    let mut driver = Driver {
        link,
        transport: Transport::new(stream),
        now: None,
        gathering: Gathering::default(),
        pending: Pending::new(link),
        timer: Timer::new(),
        is_held: false,
    };
    poll_fn(|context| driver.poll(context)).await;
    let transport = &mut driver.transport;
    if transport.end.is_none() {
        link.driven().lock().poll_transmit(&mut transport.output, now());
        transport.close().await;
    }
}

/// A connection that moves so many bytes when it is woken keeps its buffers until the next time.
const MUCH: usize = 4 * 1024;

/// How much is read of a peer that is held back: enough to hear in most cases that it is gone.
const HELD_INPUT: usize = 1 << 20;

/// How often a connection that is never out of work is turned around before others get their turn.
const TURNS: usize = 16;

struct Driver<'a, L: Link, S> {
    link: &'a L,
    transport: Transport<S>,
    /// The time, if it was looked at since something that can take a while.
    now: Option<Instant>,
    /// What gathers for the next write.
    gathering: Gathering,
    /// What is still to be told.
    pending: Pending<'a, L>,
    timer: Timer,
    /// Whether the connection takes no input for now.
    is_held: bool,
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
        self.timer.follow(context);
        (self.transport.moved, self.now) = (0, None);
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
        self.transport.takes_more() && self.gathering.lets_others_first(|| ready)
    }

    /// The time, as it was looked at last.
    fn now(&mut self) -> Instant {
        *self.now.get_or_insert_with(now)
    }

    /// Reads, has the connection take it in, tells what it has to tell, and writes: each once, and
    /// with the lock taken once.
    fn turn(&mut self, open: &mut Open, context: &mut Context<'_>) -> Turn {
        // What was read before is to be told first.
        let has_room = !self.is_held || self.transport.input.len() < HELD_INPUT;
        let may_read = self.pending.events.is_empty() && self.transport.end.is_none() && has_room;
        let has_read = may_read && open.read && self.transport.read(context);
        if !has_room && self.transport.is_heard_out() {
            // Nothing is read that could end it.
            self.transport.end.get_or_insert(End::Failed);
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
        if self.transport.takes_more() {
            if !tells && self.gathering.lets_others_first(|| Ready::of(&connection)) {
                return Turn::LetsOthersFirst;
            }
            connection.poll_transmit(&mut self.transport.output, now);
            if !self.transport.output.is_empty() {
                self.gathering.note_written();
            }
        }
        let can_write = open.write && self.transport.has_output();
        let has_come = has_read || has_taken || is_due;
        let is_busy = has_come || can_write || connection.has_events();
        if !is_busy && self.pending.events.is_empty() {
            // Nothing has changed it since, but what was taken and can't be written now.
            let timeout =
                if self.transport.output.is_empty() { timeout } else { connection.poll_timeout() };
            if self.timer.is_set_for(timeout, now) {
                // One that was woken for nothing, as happens, says nothing of the traffic.
                let is_idle = self.transport.moved < MUCH
                    && (self.transport.moved > 0 || connection.is_quiet());
                // Others give commands meanwhile and don't wake a driver that is awake, so this is
                // done under the lock under which nothing was found to do.
                if !connection.park(context, is_idle) {
                    return Turn::Busy;
                }
                drop(connection);
                if is_idle {
                    self.free_room();
                }
                return Turn::Asleep;
            }
            drop(connection);
            self.timer.set(timeout, context);
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
            open.write = self.transport.write(context);
            // What came before a failure is still to be read.
            open.read |= self.transport.is_heard_out();
        }
        Turn::Busy
    }

    /// Tells the connection what was written and read. True if it took something in.
    fn take_in(&mut self, connection: &mut Connection<Arc<Slot>>, now: Instant) -> bool {
        if self.transport.written > 0 {
            let more = !self.transport.output.is_empty();
            connection.handle_written(std::mem::take(&mut self.transport.written), more, now);
        }
        let (unread, was_held) = (self.transport.input.len(), self.is_held);
        if (unread > 0 || was_held) && self.pending.events.is_empty() {
            connection.handle_input(&mut self.transport.input, now);
            self.is_held = !connection.takes_input();
        }
        self.transport.input.len() < unread || (was_held && !self.is_held)
    }

    /// Fetches what is to be told. The end of the stream is the last thing that a connection hears.
    fn learn(&mut self, connection: &mut Connection<Arc<Slot>>, is_busy: bool, now: Instant) {
        if self.pending.events.is_empty() {
            connection.swap_events(&mut self.pending.events);
        }
        if let Some(end) = self.transport.end
            && !is_busy
            && self.pending.events.is_empty()
        {
            if self.is_held {
                connection.handle_rest(&mut self.transport.input, now);
            }
            connection.handle_end(end);
            connection.swap_events(&mut self.pending.events);
        }
    }

    /// Gives back room that little traffic doesn't need.
    fn free_room(&mut self) {
        self.transport.free_room();
        if self.pending.events.capacity() > IDLE_PLACES {
            self.pending.events = VecDeque::new();
        }
    }
}
