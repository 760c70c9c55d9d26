//! What can be moved to other threads and shared between them.

use std::time::Duration;

use brpc::middleware;
use brpc::{
    AsyncHook, Broadcast, Builder, Call, CallError, CancelHandle, ConnectError, Context, EndReason,
    Event, Events, Function, Handle, HookError, Limits, MemoryConnector, MemoryListener, Message,
    Metadata, MethodError, NotEnough, Plugin, PluginInfo, PluginRef, Response, Selector,
    ServeError, Serving, Session, Shutdown, ShutdownReport, Socket, Unplug, UnplugError, WaitError,
};

use crate::support::worker::{Worker, worker};

/// A type that is neither, as an output: a call only makes one of it when it is polled.
type Output = std::rc::Rc<u8>;

fn send<T: Send + 'static>() {}

fn send_and_sync<T: Send + Sync + 'static>() {}

#[test]
fn handles_and_values_are_send_and_sync() {
    send_and_sync::<Socket>();
    send_and_sync::<Builder>();
    send_and_sync::<PluginRef>();
    send_and_sync::<PluginInfo>();
    send_and_sync::<Function>();
    send_and_sync::<Limits>();
    send_and_sync::<Metadata>();
    send_and_sync::<Response<u8>>();
    send_and_sync::<Message>();
    send_and_sync::<MemoryListener>();
    send_and_sync::<ShutdownReport>();
    send_and_sync::<EndReason>();
    send_and_sync::<middleware::hub::Outgoing>();
    send_and_sync::<middleware::hub::Next>();
    send_and_sync::<middleware::plugin::Incoming>();
    send_and_sync::<middleware::plugin::Next>();
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
    send_and_sync::<HookError>();
    send_and_sync::<MethodError>();
    send_and_sync::<ServeError>();
    send_and_sync::<UnplugError>();
    send_and_sync::<WaitError>();
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

/// What an async function returns, without running it.
fn is_send(_: impl Future + Send) {}

#[test]
fn futures_of_async_functions_are_send() {
    let (hub, (plugin, _)) = (Socket::default(), worker("worker"));
    let (hook, mut events) = (AsyncHook::default(), hub.events());
    let (connector, _listener) = MemoryListener::new();
    is_send(hub.wait_for("worker", Duration::ZERO));
    is_send(hub.wait_for_all(["worker"], Duration::ZERO));
    is_send(hub.wait_for_matching(&Selector::all(), 1, Duration::ZERO));
    is_send(events.next());
    is_send(hub.broadcast::<u8>("echo", &()).collect());
    is_send(hub.broadcast::<u8>("echo", &()).try_collect());
    is_send(connector.connect());
    is_send(plugin.connect("127.0.0.1:1"));
    is_send(plugin.serve(tokio::io::duplex(1).0));
    is_send(hook.emit("event"));
}
