//! Keeps a connection alive while its driver is stuck: a handler that blocks in place holds up the
//! driver, and the peer would take the connection for dead.
//!
//! The driver lends its transport for as long as it passes events on. If that takes long, the deputy
//! reads and writes in its place, on another thread of the runtime, and says in heartbeats for how
//! long it has done so. It passes nothing on: what arrives waits for the driver.
//!
//! A handler that blocks in a task of its own may hold the driver up as well, while that is parked: if
//! nobody waits for its timer and its socket. So a deputy is also called when the driver is overdue.

use std::sync::{Arc, Weak};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use brpc_proto::limits::HELD_INPUT;
use parking_lot::Mutex;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinHandle;

use crate::lookout::{Watched, watch};
use crate::now;
use crate::shared::SharedConnection;
use crate::transport::{Stream, Transport};

/// A driver's transport.
pub(crate) struct Held<S> {
    /// `None` while it is lent.
    transport: Option<Box<Transport<S>>>,
    /// Where it is while it is lent, if there is a deputy.
    loan: Option<Arc<Loan<S>>>,
}

/// What a driver shares with its deputy.
struct Loan<S> {
    /// `None`, unless the driver has lent its transport.
    lent: Mutex<Option<Lent<S>>>,
    /// Reached through here alone, so that a deputy who still waits keeps nothing large.
    connection: Arc<SharedConnection>,
    /// Where the deputy stands in. It ends with the driver, as all of this does, or a deputy that is yet
    /// to look would keep the descriptors of a runtime that has ended.
    runtime: Handle,
    /// What the deputy did last, or is about to do.
    turn: Mutex<Option<JoinHandle<()>>>,
}

/// A transport that is lent, while its driver passes events on.
struct Lent<S> {
    transport: Box<Transport<S>>,
    /// Since when.
    since: Instant,
    /// Whether the deputy has moved bytes meanwhile; the stream then no longer wakes the driver.
    is_used: bool,
    /// How many bytes the deputy has read.
    read: usize,
}

impl<S: Stream> Held<S> {
    /// Without a deputy.
    pub(crate) fn new(stream: S) -> Self {
        Self { transport: Some(Box::new(Transport::new(stream))), loan: None }
    }

    /// Has a deputy stand in for the driver of this connection, whenever that is stuck. There is none
    /// in a runtime of one thread, which could not run it.
    pub(crate) fn appoint(&mut self, connection: &Arc<SharedConnection>)
    where
        S: Send + 'static,
    {
        let runtime = Handle::current();
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return;
        }
        let (lent, turn, connection) = (Mutex::default(), Mutex::default(), connection.clone());
        let loan = Arc::new(Loan { lent, connection, runtime, turn });
        watch(Box::new(Deputy { loan: Arc::downgrade(&loan), interval: None }));
        self.loan = Some(loan);
    }

    /// The transport.
    pub(crate) fn get(&mut self) -> &mut Transport<S> {
        self.transport.as_mut().expect("taken back after it was lent")
    }

    /// The transport, with which the deputy has nothing to do any more.
    pub(crate) fn into_inner(self) -> Transport<S> {
        *self.transport.expect("taken back after it was lent")
    }

    /// Lends the transport while this runs, which begins now. True if the deputy has used it.
    pub(crate) fn lend(&mut self, since: Instant, run: impl FnOnce()) -> bool {
        let Some(loan) = &self.loan else {
            run();
            return false;
        };
        let lent = |transport| Lent { transport, since, is_used: false, read: 0 };
        *loan.lent.lock() = self.transport.take().map(lent);
        run();
        let Lent { transport, is_used, .. } =
            loan.lent.lock().take().expect("nobody else takes it");
        self.transport = Some(transport);
        is_used
    }
}

/// A deputy, and when it is called.
struct Deputy<S> {
    loan: Weak<Loan<S>>,
    /// The interval of heartbeats, once it is known.
    interval: Option<Duration>,
}

/// When to look again at a connection in its handshake.
const HANDSHAKE: Duration = Duration::from_secs(1);

impl<S: Stream + Send + 'static> Watched for Deputy<S> {
    fn look(&mut self) -> Option<Duration> {
        let loan = self.loan.upgrade()?;
        let runtime = loan.runtime.clone();
        // A stream that is dropped here, with the loan, may need it.
        let _context = runtime.enter();
        let loan = loan;
        let guard = loan.connection.lock();
        if guard.is_closed() {
            return None;
        }
        let due = guard.poll_timeout();
        let interval = match (self.interval, guard.terms()) {
            (Some(interval), _) => interval,
            (None, None) => return Some(HANDSHAKE),
            // Without heartbeats nobody misses the driver.
            (None, Some(terms)) => *self.interval.insert(terms.heartbeat?),
        };
        drop(guard);
        let (now, patience) = (Instant::now(), interval / 2);
        let since = match loan.lent.try_lock().as_deref() {
            // The driver takes it back, or the deputy is at it.
            None => return Some(patience),
            Some(Some(lent)) => Some(lent.since),
            // A driver that is parked should have been woken.
            Some(None) => due,
        };
        if since.is_none_or(|since| now < since + patience) {
            return Some(patience);
        }
        let is_idle = loan.turn.lock().as_ref().is_none_or(JoinHandle::is_finished);
        if is_idle {
            let stands_in = loan.clone();
            // Even if there is nothing to do in it, it wakes a thread, which then waits for sockets
            // and timers.
            let task = runtime.spawn(async move {
                let loan = stands_in;
                if let Some(lent) = loan.lent.try_lock().as_deref_mut().and_then(Option::as_mut) {
                    turn(lent, &loan.connection, patience);
                }
            });
            let before = loan.turn.lock().replace(task);
            // Without the lock.
            drop(before);
        }
        Some(interval / 4)
    }
}

/// Reads, handles and writes, if the driver has been stuck for so long.
fn turn<S: Stream>(lent: &mut Lent<S>, connection: &SharedConnection, patience: Duration) {
    let now = now();
    let stuck = now.saturating_duration_since(lent.since);
    if stuck < patience {
        return;
    }
    // It looks again after a pause.
    let mut context = Context::from_waker(Waker::noop());
    lent.is_used = true;
    let transport = &mut *lent.transport;
    // No more than a driver may hold: what arrives can't be passed on.
    while lent.read < HELD_INPUT && transport.end.is_none() {
        let before = transport.input.len();
        let has_read = transport.read(HELD_INPUT - lent.read, &mut context);
        lent.read += transport.input.len() - before;
        if !has_read {
            break;
        }
    }
    let mut connection = connection.lock();
    connection.note_stuck(stuck);
    if transport.written > 0 {
        let more = !transport.output.is_empty();
        connection.handle_written(std::mem::take(&mut transport.written), more, now);
    }
    connection.handle_input(&mut transport.input, now);
    if connection.poll_timeout().is_some_and(|timeout| timeout <= now) {
        connection.handle_timeout(now);
    }
    if transport.takes_more() {
        connection.poll_transmit(&mut transport.output, now);
    }
    drop(connection);
    if transport.has_output() {
        transport.write(&mut context);
    }
}
