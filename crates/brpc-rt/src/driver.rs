//! Drives one connection, in one task.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use brpc_core::Wire;
use brpc_proto::limits::IDLE_PLACES;
use brpc_proto::{Connection, End};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::close::Farewell;
use crate::deputy::Held;
use crate::gathering::{Gathering, Ready};
use crate::lane::{FEW, LaneTurn, Queuing};
use crate::link::{Link, Pending};
use crate::now;
use crate::prefixed::Prefixed;
use crate::slot::Slot;
use crate::timer::Timer;
use crate::transport::{Stream, Transport};

/// A stream that carries another one, handed over to the owner of its connection. The owner says to
/// the connection what may be spoken above, and drives it again over that.
#[derive(Debug)]
pub struct HandedOver<S> {
    /// The wire that it speaks.
    pub wire: Wire,
    /// The stream, from its first byte.
    pub stream: Prefixed<S>,
}

/// Drives a connection until it is over, then sends its last bytes and closes the stream. Returns the
/// stream, open, if the peer's wire carries another one.
///
/// # Cancel safety
/// Dropping the future leaves the connection's state as it is: whoever drops it must end the
/// connection.
pub async fn drive<L, S>(link: &L, stream: S) -> Option<HandedOver<S>>
where
    L: Link,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut driver = Driver {
        link,
        now: None,
        gathering: Gathering::default(),
        pending: Pending::new(link),
        timer: Timer::new(),
        is_held: false,
        input_limit: 0,
        ahead: 0,
        queuing: Queuing::new(link.lane()),
        has_looked: false,
        turns: 0,
        events_wait: false,
        lane_turn: None,
    };
    driver.input_limit = link.connection().lock().input_limit();
    let mut held = Held::new(stream);
    if let Some(connection) = link.deputized() {
        held.appoint(&connection);
    }
    poll_fn(|context| driver.poll(&mut held, context)).await;
    let mut transport = held.into_inner();
    let handed_over = link.connection().lock().handed_over();
    if let Some(wire) = handed_over {
        return Some(HandedOver { wire, stream: transport.into_stream() });
    }
    if transport.end.is_none() {
        let farewell = driver.take_last_bytes(&mut transport);
        transport.close(farewell).await;
    }
    None
}

/// A connection that moves so many bytes in one wake keeps its buffers.
const MUCH: usize = 4 * 1024;

/// How many bytes are read ahead of the events of earlier input, if it may spare the owner some of
/// them: more than the buffers of both systems mostly hold, little enough for each connection.
const READ_AHEAD: usize = 1 << 20;

/// The most turns before the driver of a busy connection yields, and before it handles what is due.
const TURNS: usize = 16;

struct Driver<'a, L: Link> {
    link: &'a L,
    /// The time; `None` after something that can take a while.
    now: Option<Instant>,
    /// The frames that gather for the next write.
    gathering: Gathering,
    /// Events that the owner hasn't handled yet.
    pending: Pending<'a, L>,
    timer: Timer,
    /// Whether the connection takes no input at the moment.
    is_held: bool,
    /// The most bytes of input, as the connection said last.
    input_limit: usize,
    /// How many bytes were read since the connection's events were last taken.
    ahead: usize,
    /// The way into the lane in which many messages are passed on.
    queuing: Queuing,
    /// Whether the driver has yielded before its owner was asked about the plugin. A runtime doesn't ask
    /// the system for more after a read that found less than it had room for, until it hears that there
    /// is more; it may not have heard of the end of a stream that it has just accepted.
    has_looked: bool,
    /// How many turns ago it was checked whether something is due. In a session that isn't ending, the
    /// driver does so when its timer's time has come, when there is nothing else to do, and when there
    /// has been for many turns: each turn would be too often.
    turns: usize,
    /// Whether the pending events wait, in the lane or for the owner. The driver is woken when it is
    /// their turn.
    events_wait: bool,
    /// Its turn in the lane, until it has yielded.
    lane_turn: Option<LaneTurn>,
}

/// The directions in which the stream may be ready. For any other, it wakes the driver when it is
/// ready.
#[derive(Clone, Copy)]
struct Open {
    read: bool,
    write: bool,
}

/// How a turn of the driver ended.
enum Turn {
    /// There is, or may be, more to do.
    Busy,
    /// The driver yields: there is something to write, and more may follow soon; or it has passed
    /// many events on.
    Yields,
    /// The driver is parked. A command, the stream or the timer wakes it.
    Asleep,
    /// The connection is over, and its events are handled; or its stream is handed over.
    Over,
}

const BOTH: Open = Open { read: true, write: true };

impl<L: Link> Driver<'_, L> {
    /// Ready when the connection is over.
    fn poll<S: Stream>(&mut self, held: &mut Held<S>, context: &mut Context<'_>) -> Poll<()> {
        self.timer.follow(context);
        let transport = held.get();
        (transport.moved, self.now) = (0, None);
        (self.events_wait, self.lane_turn) = (false, None);
        if self.should_yield(transport) {
            return pin!(tokio::task::yield_now()).poll(context);
        }
        let mut open = BOTH;
        for _ in 0..TURNS {
            match self.turn(held, &mut open, context) {
                Turn::Busy => {}
                // Where any thread of the runtime finds it: this one may run a user's code next, which
                // may block, and the others wait for the turn.
                Turn::Yields if self.lane_turn.is_some() => break,
                Turn::Yields => return pin!(tokio::task::yield_now()).poll(context),
                Turn::Asleep => return Poll::Pending,
                Turn::Over => return Poll::Ready(()),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether to yield before anything else, for commands that were given while the driver was
    /// parked.
    fn should_yield<S: Stream>(&mut self, transport: &Transport<S>) -> bool {
        if !self.link.connection().note_awake() {
            return false;
        }
        // Nothing has taken a while yet, so this is the time of the calls as well.
        let now = self.now();
        let ready = Ready::of(&self.link.connection().begin_turn(|| now).0);
        if ready.is_any {
            self.gathering.note_given();
        }
        transport.takes_more() && self.gathering.should_yield(|| ready)
    }

    /// The time, as the clock was read last.
    fn now(&mut self) -> Instant {
        *self.now.get_or_insert_with(now)
    }

    /// Reads, passes the input to the connection and the events to the owner, and writes: each at
    /// most once, and with the lock taken once.
    fn turn<S: Stream>(
        &mut self,
        held: &mut Held<S>,
        open: &mut Open,
        context: &mut Context<'_>,
    ) -> Turn {
        let transport = held.get();
        // The events of earlier input come first.
        let room = self.input_limit.saturating_sub(transport.input.len());
        let has_room = room > 0;
        let may_read = self.pending.events.is_empty() && transport.end.is_none() && has_room;
        let unread = transport.input.len();
        let has_read = may_read && open.read && transport.read(room, context);
        self.ahead += transport.input.len() - unread;
        if !has_room && transport.has_stopped_writing() {
            // No read will find the end of the stream.
            transport.end.get_or_insert(End::Failed);
        }
        open.read &= has_read || !may_read;

        let (link, now) = (self.link, self.now());
        let (mut connection, has_calls) = link.connection().begin_turn(crate::now);
        if has_calls {
            self.gathering.note_given();
        }
        let has_taken = self.take_in(transport, &mut connection, now);
        let is_due = self.handle_overdue(&mut connection, open, now);
        // After a stall, what was cancelled meanwhile stands behind its call.
        let may_withdraw = has_read
            && transport.has_more
            && self.ahead < READ_AHEAD
            && !self.is_held
            && connection.may_withdraw_events();
        // Nor is the owner asked about a plugin that has gone.
        let may_ask = has_read || !self.has_looked;
        let asks_owner = may_ask && transport.end.is_none() && connection.asks_owner();
        if asks_owner && !has_read && !std::mem::replace(&mut self.has_looked, true) {
            return Turn::Yields;
        }
        let may_be_gone = has_read && asks_owner;
        let reads_ahead = may_withdraw || may_be_gone;
        if !reads_ahead {
            self.ahead = 0;
            self.learn(transport, &mut connection, has_read || has_taken || is_due, now);
        }
        let passes_on = !self.pending.events.is_empty();
        if connection.is_closed() && !passes_on && !connection.has_events() {
            return Turn::Over;
        }
        if self.input_limit == 0 && connection.handed_over().is_some() {
            return Turn::Over;
        }
        if transport.takes_more() {
            if !passes_on && self.gathering.should_yield(|| Ready::of(&connection)) {
                return Turn::Yields;
            }
            connection.poll_transmit(&mut transport.output, now);
            if !transport.output.is_empty() {
                self.gathering.note_written();
            }
        }
        let can_write = open.write && transport.has_output();
        let has_come = has_read || has_taken || is_due;
        let has_events = connection.has_events() && !self.events_wait;
        let is_busy = has_come || can_write || has_events;
        if !is_busy && (!passes_on || self.events_wait) {
            let mut timeout = connection.poll_timeout();
            if self.handle_due(&mut connection, timeout, open, now) {
                return Turn::Busy;
            }
            if transport.has_stopped_writing()
                && !passes_on
                && let Some(until) = transport.awaits_last_words(now)
            {
                if transport.end.is_some() {
                    return Turn::Busy;
                }
                timeout = Some(timeout.map_or(until, |timeout| timeout.min(until)));
            }
            // Nothing is due while events wait.
            if self.events_wait || self.timer.is_set_for(timeout, now) {
                // A wake in which nothing moves, as happens, says nothing about the traffic.
                let is_idle = !self.events_wait
                    && transport.moved < MUCH
                    && (transport.moved > 0 || connection.is_quiet());
                // Commands don't wake a driver that is awake, so it parks under the lock under
                // which it found nothing to do.
                if !connection.park(context, is_idle) {
                    return Turn::Busy;
                }
                drop(connection);
                if is_idle {
                    self.free_room(transport);
                }
                return Turn::Asleep;
            }
            drop(connection);
            self.timer.set(timeout, context);
            // If it has fired at once, it wakes nobody; then the next turn finds what is due by now.
            self.now = None;
            return Turn::Busy;
        }
        drop(connection);

        if passes_on {
            self.pass_on(held, open, context);
        }
        if can_write {
            let transport = held.get();
            open.write = transport.write(context);
            // After a failed write, earlier input is still to be read.
            open.read |= transport.has_stopped_writing();
        }
        if self.lane_turn.is_some() { Turn::Yields } else { Turn::Busy }
    }

    /// Handles what is due though there may be more to do, if anything may be.
    fn handle_overdue(
        &mut self,
        connection: &mut Connection<Arc<Slot>>,
        open: &mut Open,
        now: Instant,
    ) -> bool {
        self.turns += 1;
        let may_be_due = self.turns > TURNS || self.timer.is_over(now) || !connection.is_ready();
        may_be_due && self.handle_due(connection, connection.poll_timeout(), open, now)
    }

    /// Handles what is due; returns whether something was, at this `timeout`. Nothing is while events
    /// wait for the owner: the driver doesn't read then, so it can't check a peer a second time.
    fn handle_due(
        &mut self,
        connection: &mut Connection<Arc<Slot>>,
        timeout: Option<Instant>,
        open: &mut Open,
        now: Instant,
    ) -> bool {
        if !self.pending.events.is_empty() {
            return false;
        }
        self.turns = 0;
        let is_due = timeout.is_some_and(|timeout| timeout <= now);
        if is_due {
            connection.handle_timeout(now);
            // The connection may have to check the peer a second time.
            *open = BOTH;
        }
        is_due
    }

    /// Passes a portion of the pending events on, or gives it a place in the lane.
    fn pass_on<S: Stream>(
        &mut self,
        held: &mut Held<S>,
        open: &mut Open,
        context: &mut Context<'_>,
    ) {
        if self.link.poll_takes_events(context).is_pending() {
            self.events_wait = true;
            return;
        }
        let portion = self.pending.portion();
        if portion.messages > FEW {
            match self.queuing.poll_turn(context) {
                Poll::Ready(turn) => self.lane_turn = Some(turn),
                Poll::Pending => {
                    self.events_wait = true;
                    return;
                }
            }
        }
        let since = self.now();
        let events = self.pending.events.drain(..portion.len());
        if held.lend(since, || self.link.handle_events(events)) {
            self.link.connection().lock().note_stuck(Duration::ZERO);
            // The stream doesn't wake this driver any more.
            *open = BOTH;
        }
        self.gathering.note_passed_on(portion.len());
        // It may have taken a while.
        self.now = None;
    }

    /// Tells the connection what was written and read. True if it took input, or takes input again.
    fn take_in<S: Stream>(
        &mut self,
        transport: &mut Transport<S>,
        connection: &mut Connection<Arc<Slot>>,
        now: Instant,
    ) -> bool {
        if transport.written > 0 {
            let more = !transport.output.is_empty();
            connection.handle_written(std::mem::take(&mut transport.written), more, now);
        }
        let (unread, was_held) = (transport.input.len(), self.is_held);
        if (unread > 0 || was_held) && self.pending.events.is_empty() {
            connection.handle_input(&mut transport.input, now);
            self.is_held = !connection.takes_input();
            self.input_limit = connection.input_limit();
        }
        transport.input.len() < unread || (was_held && !self.is_held)
    }

    /// Takes the connection's events. The connection learns of the end of the stream last, when it
    /// has nothing else to do; but before its owner is asked about a plugin.
    fn learn<S: Stream>(
        &mut self,
        transport: &mut Transport<S>,
        connection: &mut Connection<Arc<Slot>>,
        is_busy: bool,
        now: Instant,
    ) {
        if let Some(end) = transport.end
            && connection.asks_owner()
        {
            connection.handle_end(end);
        }
        if self.pending.events.is_empty() {
            connection.swap_events(&mut self.pending.events);
        }
        if let Some(end) = transport.end
            && !is_busy
            && self.pending.events.is_empty()
        {
            if self.is_held {
                connection.handle_rest(&mut transport.input, now);
            }
            connection.handle_end(end);
            connection.swap_events(&mut self.pending.events);
        }
    }

    /// Takes the last bytes of a connection that is over; returns how much time they get.
    fn take_last_bytes<S: Stream>(&mut self, transport: &mut Transport<S>) -> Farewell {
        let mut connection = self.link.connection().lock();
        connection.poll_transmit(&mut transport.output, now());
        if connection.ends_in_haste() { Farewell::Hasty } else { Farewell::Patient }
    }

    /// Frees capacity that little traffic doesn't need.
    fn free_room<S: Stream>(&mut self, transport: &mut Transport<S>) {
        transport.free_room();
        if self.pending.events.capacity() > IDLE_PLACES {
            self.pending.events = VecDeque::new();
        }
    }
}
