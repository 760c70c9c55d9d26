//! Keeps a connection alive while its driver is stuck: a handler that blocks in place holds up the
//! driver, and the peer would take the connection for dead.
//!
//! The driver lends its transport for as long as it passes events on. If that takes long, the deputy
//! reads and writes in its place, on another thread of the runtime, and says in heartbeats for how
//! long it has done so. It passes nothing on: what arrives waits for the driver.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use brpc_proto::limits::HELD_INPUT;
use parking_lot::{Mutex, MutexGuard};

use crate::lent::Lent;
use crate::now;
use crate::shared::SharedConnection;
use crate::transport::{Stream, Transport};

/// A transport in the hands of its driver.
pub(crate) struct Held<'a, S> {
    transport: &'a Mutex<Transport<S>>,
    guard: Option<MutexGuard<'a, Transport<S>>>,
    /// Whether there is a deputy to lend it to.
    has_deputy: bool,
}

impl<'a, S> Held<'a, S> {
    pub(crate) fn new(transport: &'a Mutex<Transport<S>>, has_deputy: bool) -> Self {
        Self { transport, guard: Some(transport.lock()), has_deputy }
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
        self.guard = Some(self.transport.lock());
        self.lent.take().is_some_and(|lent| lent.is_used)
    }
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

/// How long the deputy waits for the end of a handshake, at a time.
const HANDSHAKE: Duration = Duration::from_secs(1);

/// Stands in for a driver that is stuck, until the connection is over. Does nothing on a connection
/// without heartbeats.
pub(crate) async fn stand_in<S: Stream>(
    transport: Weak<Mutex<Transport<S>>>,
    connection: Arc<SharedConnection>,
) {
    while is_in_handshake(&connection) {
        tokio::time::sleep(HANDSHAKE).await;
    }
    let interval = connection.lock().terms().and_then(|terms| terms.heartbeat);
    let Some(interval) = interval else { return };
    let mut pause = interval;
    loop {
        tokio::time::sleep(pause).await;
        let Some(transport) = transport.upgrade() else { return };
        // A driver that has it isn't stuck.
        let is_stuck = transport
            .try_lock()
            .is_some_and(|mut transport| turn(&mut transport, &connection, interval / 2));
        pause = if is_stuck { interval / 4 } else { interval };
    }
}

fn is_in_handshake(connection: &SharedConnection) -> bool {
    let connection = connection.lock();
    connection.terms().is_none() && !connection.is_closed()
}

/// Reads, handles and writes, if the driver has been stuck for so long. True if it is.
fn turn<S: Stream>(
    transport: &mut Transport<S>,
    connection: &SharedConnection,
    patience: Duration,
) -> bool {
    let now = now();
    let Some(mut lent) = transport.lent else { return false };
    let stuck = now.saturating_duration_since(lent.since);
    if stuck < patience {
        return false;
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
    true
}
