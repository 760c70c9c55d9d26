//! Of calls on a connection that no driver drives.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use brpc_core::{CallErrorKind, Function, Limits, Scope, Stage};
use brpc_proto::codec::Native;
use brpc_proto::{
    Call, Connection, Description, Event, Hello, Role, Settlement, Wires, WriteBuffer,
};
use bytes::{Buf as _, BytesMut};

use super::{Canceller, PendingCall};
use crate::now;
use crate::shared::SharedConnection;
use crate::slot::{Ended, Slot};

fn connection() -> Arc<SharedConnection> {
    let connection = Connection::accepted(Limits::default(), Wires::default(), now());
    Arc::new(SharedConnection::new(connection))
}

/// One whose handshake is over.
fn ready() -> Arc<SharedConnection> {
    let description = Description::new(&[Function::new("method")]).unwrap();
    let (hello, limits) = (Hello::new("plugin", description.into()), Limits::default());
    let codec = Box::new(Native::new(Role::Plugin));
    let mut plugin = Connection::<()>::dialled(codec, hello, limits, now());
    let connection = connection();
    let mut hub = connection.lock();
    let (mut out, mut input) = (WriteBuffer::new(), BytesMut::new());
    plugin.poll_transmit(&mut out, now());
    input.extend_from_slice(&out.copy_to_bytes(out.remaining()));
    hub.handle_input(&mut input, now());
    hub.accept(Description::new(&[Function::new("method")]).ok().map(Arc::new));
    assert!(hub.welcome("plugin", 1, [0; 16], now()));
    drop(hub);
    connection
}

fn call(connection: &Arc<SharedConnection>) -> PendingCall {
    PendingCall::start(connection.clone(), Call::default(), &[], Slot::default()).unwrap()
}

/// The error that a call ended in.
fn error(call: &mut PendingCall) -> Option<CallErrorKind> {
    match call.poll(&Context::from_waker(Waker::noop())) {
        Poll::Ready(Ended::Other(settlement)) => settlement.into_result(|| "").err(),
        Poll::Ready(Ended::Output(output)) => panic!("{output:?}"),
        Poll::Pending => None,
    }
}

/// The inbox is where the call is until somebody looks at the connection.
#[test]
fn a_driver_does_not_park_while_a_call_is_in_the_inbox() {
    let connection = connection();
    let context = Context::from_waker(Waker::noop());
    let mut guard = connection.lock();
    assert!(guard.park(&context, false));
    drop(guard);
    let _call = call(&connection);
    let mut guard = connection.lock();
    assert!(!guard.park(&context, false));
    drop(guard);
    assert!(connection.begin_turn(now).0.park(&context, false));
}

#[test]
fn an_inbox_is_not_closed_over_a_call() {
    let connection = connection();
    connection.lock().close(brpc_core::DisconnectReason::Clean);
    while connection.lock().poll_event().is_some() {}
    let _call = call(&connection);
    assert!(!connection.lock().close_inbox());
    // The connection takes the call, and returns it refused.
    let mut guard = connection.lock_with_calls();
    assert!(!guard.close_inbox());
    assert!(guard.poll_event().is_some() && guard.close_inbox());
    drop(guard);
    let refused = PendingCall::start(connection, Call::default(), &[], Slot::default());
    assert!(matches!(refused, Err(CallErrorKind::Disconnected { stage: Stage::Queued, .. })));
}

/// However late the driver wakes.
#[test]
fn callers_make_a_connection_hold_no_more_than_it_may() {
    const SIZE: usize = 64 * 1024;
    let (connection, most) = (ready(), Limits::default().queue_bytes);
    let submit = |_| {
        let call = Call { payload: vec![0; SIZE].into(), ..Call::default() };
        PendingCall::start(connection.clone(), call, &[], Slot::default()).unwrap()
    };
    let mut calls: Vec<_> = (0..4 * most / SIZE).map(submit).collect();
    let mut guard = connection.lock();
    assert_eq!(guard.transmit_size(), most, "nobody has looked since");
    let events: Vec<_> = std::iter::from_fn(|| guard.poll_event()).collect();
    drop(guard);
    for event in events {
        if let Event::Settled(slot, settlement) = event {
            slot.settle(settlement);
        }
    }
    let refused: Vec<_> = calls.iter_mut().filter_map(error).collect();
    let overloaded = CallErrorKind::Overloaded { scope: Scope::Plugin, retry_after: None };
    assert!(refused.len() > 2 * most / SIZE && refused.iter().all(|it| *it == overloaded));
}

/// One that is cancelled between the look whether it is and the moment that there is a way to it.
#[test]
fn a_call_that_is_cancelled_while_it_is_made_ends() {
    let connection = ready();
    let (canceller, mut call) = (Canceller::default(), call(&connection));
    canceller.cancel();
    assert!(canceller.is_cancelled() && error(&mut call).is_none());
    canceller.set_route(call.route());
    assert_eq!(error(&mut call), Some(CallErrorKind::Cancelled { stage: Stage::Queued }));
}

#[test]
fn a_canceller_ends_a_call_that_was_made_and_no_other() {
    let connection = ready();
    let (canceller, mut first, mut second) =
        (Canceller::default(), call(&connection), call(&connection));
    canceller.set_route(first.route());
    canceller.cancel();
    canceller.cancel();
    assert_eq!(error(&mut first), Some(CallErrorKind::Cancelled { stage: Stage::Queued }));
    assert_eq!(error(&mut second), None);
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker of the user's");
    }
}

#[test]
fn a_waker_that_panics_does_no_harm_to_whoever_settles() {
    let waker = Arc::new(Panics).into();
    let mut slot = Arc::new(Slot::waiting(&Context::from_waker(&waker)));
    slot.clone().settle(Settlement::Ended(CallErrorKind::ShuttingDown));
    assert!(slot.poll(&Context::from_waker(Waker::noop())).is_ready());
}
