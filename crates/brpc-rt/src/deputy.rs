//! Keeps a connection alive while its driver is stuck: a handler that blocks in place holds up the
//! driver, and the peer would take the connection for dead.
//!
//! The driver lends its transport for as long as it passes events on. If that takes long, the deputy
//! reads and writes in its place, on another thread of the runtime, and says in heartbeats for how
//! long it has done so. It passes nothing on: what arrives waits for the driver.
//!
//! A handler that blocks in a task of its own may hold the driver up as well, while that is parked: if
//! nobody waits for its timer and its socket. So a deputy is also called when the driver is overdue.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use brpc_proto::limits::HELD_INPUT;
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinHandle;

use crate::lent::Lent;
use crate::lookout::{Watched, watch};
use crate::now;
use crate::shared::SharedConnection;
use crate::transport::{Stream, Transport};

/// A transport that its driver shares with a deputy, until it is closed.
pub(crate) type Shared<S> = Mutex<Option<Transport<S>>>;

/// A transport in the hands of its driver.
pub(crate) struct Held<'a, S> {
    transport: &'a Shared<S>,
    guard: Option<MappedMutexGuard<'a, Transport<S>>>,
    /// Whether there is a deputy to lend it to.
    has_deputy: bool,
}

impl<'a, S> Held<'a, S> {
    pub(crate) fn new(transport: &'a Shared<S>, has_deputy: bool) -> Self {
        Self { transport, guard: Some(lock(transport)), has_deputy }
    }

    /// Lends the transport while this runs, which begins now. True if the deputy has used it.
    pub(crate) fn lend(&mut self, since: Instant, run: impl FnOnce()) -> bool {
        if !self.has_deputy {
            // It stays locked: nobody else has it.
            run();
            return false;
        }
        self.lent = Some(Lent { since, is_used: false, read: 0 });
        self.guard = None;
        run();
        self.guard = Some(lock(self.transport));
        self.lent.take().is_some_and(|lent| lent.is_used)
    }
}

fn lock<S>(transport: &Shared<S>) -> MappedMutexGuard<'_, Transport<S>> {
    let is_there = "it is closed when its driver has ended";
    MutexGuard::map(transport.lock(), |transport| transport.as_mut().expect(is_there))
}

impl<S> Deref for Held<'_, S> {
    type Target = Transport<S>;

    fn deref(&self) -> &Transport<S> {
        self.guard.as_ref().expect("taken back after it was lent")
    }
}

impl<S> DerefMut for Held<'_, S> {
    fn deref_mut(&mut self) -> &mut Transport<S> {
        self.guard.as_mut().expect("taken back after it was lent")
    }
}

/// A deputy, and when it is called.
struct Deputy<S> {
    transport: Weak<Shared<S>>,
    connection: Weak<SharedConnection>,
    /// Where it stands in.
    runtime: Handle,
    /// The interval of heartbeats, once it is known.
    interval: Option<Duration>,
    /// What it did last, or is about to do.
    turn: Option<JoinHandle<()>>,
}

/// Has a deputy stand in for the driver that uses this transport, whenever that is stuck. Returns
/// whether there is one: not in a runtime of one thread, which could not run it.
pub(crate) fn appoint<S>(transport: &Arc<Shared<S>>, connection: &Arc<SharedConnection>) -> bool
where
    S: Stream + Send + 'static,
{
    let runtime = Handle::current();
    if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
        return false;
    }
    let (transport, connection) = (Arc::downgrade(transport), Arc::downgrade(connection));
    watch(Box::new(Deputy { transport, connection, runtime, interval: None, turn: None }));
    true
}

/// When to look again at a connection in its handshake.
const HANDSHAKE: Duration = Duration::from_secs(1);

impl<S: Stream + Send + 'static> Watched for Deputy<S> {
    fn look(&mut self) -> Option<Duration> {
        // A stream that is dropped here may need it.
        let _context = self.runtime.enter();
        let (transport, connection) = (self.transport.upgrade()?, self.connection.upgrade()?);
        let guard = connection.lock();
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
        let since = match transport.try_lock() {
            // A driver that has it runs.
            None => return Some(patience),
            Some(transport) => match transport.as_ref()?.lent {
                Some(lent) => Some(lent.since),
                // It is parked, and should have been woken.
                None => due,
            },
        };
        if since.is_none_or(|since| now < since + patience) {
            return Some(patience);
        }
        if self.turn.as_ref().is_none_or(JoinHandle::is_finished) {
            // Even if there is nothing to do in it, it wakes a thread, which then waits for sockets
            // and timers.
            self.turn = Some(self.runtime.spawn(async move {
                if let Some(transport) =
                    transport.try_lock().as_deref_mut().and_then(Option::as_mut)
                {
                    turn(transport, &connection, patience);
                }
            }));
        }
        Some(interval / 4)
    }
}

/// Reads, handles and writes, if the driver has been stuck for so long.
fn turn<S: Stream>(
    transport: &mut Transport<S>,
    connection: &SharedConnection,
    patience: Duration,
) {
    let now = now();
    let Some(mut lent) = transport.lent else { return };
    let stuck = now.saturating_duration_since(lent.since);
    if stuck < patience {
        return;
    }
    // It looks again after a pause.
    let mut context = Context::from_waker(Waker::noop());
    lent.is_used = true;
    // No more than a driver may hold: what arrives can't be passed on.
    while lent.read < HELD_INPUT && transport.end.is_none() {
        let before = transport.input.len();
        let has_read = transport.read(HELD_INPUT - lent.read, &mut context);
        lent.read += transport.input.len() - before;
        if !has_read {
            break;
        }
    }
    transport.lent = Some(lent);
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
