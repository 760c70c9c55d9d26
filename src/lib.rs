#![doc = include_str!("../README.md")]

pub use brpc_macros::{client, plugin};
pub use brpc_plugin::{
    AsyncHook, Changed, ConnectError, Context, DescriptionError, EndReason, Field, FieldError,
    Handle, HookError, LabelError, Plugin, Receiver, Session, describe, describe_output,
};
pub use brpc_socket::{
    Broadcast, Builder, Call, CallError, Caller, CancelHandle, DisconnectReason, DrainReport,
    Event, Events, Execution, Function, JsonError, Limits, Listener, ListenerClosed,
    MemoryConnector, MemoryListener, Message, MethodError, NotEnough, PluginInfo, PluginRef,
    ProtocolError, Refusal, RefusalCode, Scope, Selector, ServeError, Serving, Shutdown,
    ShutdownReport, Socket, Source, Stage, Unplug, UnplugError, VersionRangeError, WaitError,
};

pub mod testing;

/// What typed clients are made of; see [`#[client]`](macro@client).
pub mod client {
    pub use brpc_socket::client::*;
}

#[doc(hidden)]
pub mod __private {
    pub use brpc_plugin::__private::*;
}
