//! What can be moved to other threads and shared between them.

use brpc::{
    AsyncHook, Broadcast, Call, CallError, CancelHandle, ConnectError, Context, Event, Events,
    Handle, MemoryConnector, NotEnough, Plugin, Selector, Serving, Session, Shutdown, Socket,
    Unplug,
};

use crate::support::worker::Worker;

/// A type that is neither, as an output: a call only makes one of it when it is polled.
type Output = std::rc::Rc<u8>;

fn send<T: Send + 'static>() {}

fn send_and_sync<T: Send + Sync + 'static>() {}

#[test]
fn handles_and_values_are_send_and_sync() {
    send_and_sync::<Socket>();
    send_and_sync::<Plugin<Worker>>();
    send_and_sync::<Handle>();
    send_and_sync::<AsyncHook>();
    send_and_sync::<Context>();
    send_and_sync::<CancelHandle>();
    send_and_sync::<Events>();
    send_and_sync::<Event>();
    send_and_sync::<MemoryConnector>();
    send_and_sync::<Selector>();
    send_and_sync::<CallError>();
    send_and_sync::<NotEnough<u8>>();
    send_and_sync::<ConnectError>();
}

#[test]
fn futures_are_send() {
    send::<Call<Output>>();
    send::<Broadcast<u8>>();
    send::<Serving>();
    send::<Session<Worker>>();
    send::<Shutdown>();
    send::<Unplug>();
}
