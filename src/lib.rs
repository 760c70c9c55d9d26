#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use brpc_macros::{client, plugin};
pub use brpc_plugin::{
    AddressError, Answer, AsyncHook, AwayReason, Backoff, Changed, ConnectError, Context,
    CredentialError, DescriptionError, EndReason, Failure, Field, FieldError, Handle, HookError,
    HubAddress, Hubs, KeepEvents, KeyIdError, LabelError, MetadataError, OnLoss, PanicText, Plugin,
    Receiver, Run, RunState, RunStates, Secret, SecretError, Session, Status, Token, TokenError,
    describe, describe_output,
};
pub use brpc_socket::{
    Access, Admission, Broadcast, Builder, Call, CallError, CallErrorKind, Caller, CancelHandle,
    Difference, DisconnectReason, DrainReport, Encryption, Event, Events, Execution, Function,
    Grants, Identity, InterfaceError, JsonError, LimitError, Limits, Listener, ListenerClosed,
    MemoryConnector, MemoryListener, Message, Metadata, MethodError, Mismatch, Missed, NotEnough,
    PluginInfo, PluginRef, Presence, ProtocolError, Refusal, RefusalCode, Refusals, Response,
    Scope, Securing, Selector, ServeError, Serving, Shutdown, ShutdownReport, Side, Socket, Source,
    Stage, Strangers, Takeover, Unfinished, UnixPeer, Unplug, UnplugError, VersionRangeError,
    WaitError, Wire, WithEncryption,
};

#[cfg(feature = "gob")]
#[cfg_attr(docsrs, doc(cfg(feature = "gob")))]
pub use brpc_gob as gob;

pub mod guide;
pub mod testing;

/// Who may plug in.
pub mod auth {
    pub use brpc_socket::auth::*;
}

/// Middleware of a hub and of a plugin.
pub mod middleware {
    /// At the hub: between a caller and the plugin.
    pub mod hub {
        pub use brpc_socket::middleware::*;
    }

    /// In a plugin: between the hub and the method.
    pub mod plugin {
        pub use brpc_plugin::middleware::*;
    }
}

/// TLS between hub and plugin.
#[cfg(any(feature = "tls", feature = "tls-ring"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "tls", feature = "tls-ring"))))]
pub mod tls {
    pub use brpc_plugin::tls::*;
    pub use brpc_socket::tls::*;
}

/// What typed clients are built on; see [`#[client]`](macro@client).
pub mod client {
    pub use brpc_socket::client::*;
}

#[doc(hidden)]
pub mod __private {
    pub use brpc_plugin::__private::*;
}
