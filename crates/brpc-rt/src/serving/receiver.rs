//! What `#[plugin]` generates from an impl block: a table of methods that are called by number.

use std::sync::Arc;

use brpc_core::Answer;
use bytes::Bytes;
use schemars::{Schema, SchemaGenerator};

use super::context::Context;
use super::hook::{AsyncHook, Expecting};
use super::kept_events::KeepEvents;
use crate::BoxFuture;

/// A type whose methods a hub can call. `#[plugin]` implements it for the type of an impl block.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a plugin",
    note = "put `#[brpc::plugin]` on one of its impl blocks"
)]
pub trait Receiver: Send + Sync + Sized + 'static {
    /// The name under which it registers, unless `Plugin::name` sets another.
    const NAME: &'static str;

    /// Its version, unless `Plugin::version` sets another.
    const VERSION: &'static str;

    /// Its methods. A method's index is its number on the wire.
    // These bounds repeat the trait's. An implementation that has them too may rely on them in its
    // body, so a type that can't be shared is reported once, and not for each async method.
    fn methods() -> &'static [Method<Self>]
    where
        Self: Send + Sync;

    /// Receives the hook that sends events; called once, before the receiver is shared.
    fn attach_hook(&mut self, _hook: AsyncHook) {}
}

/// Makes a receiver's hook, and passes it to the receiver.
pub fn attach_hook(receiver: &mut impl Receiver) -> AsyncHook {
    let hook = AsyncHook::new();
    receiver.attach_hook(hook.clone());
    hook
}

/// Keeps the events of a receiver's hook while no connection is open.
pub fn keep_events(hook: &AsyncHook, settings: KeepEvents) {
    hook.keep(settings);
}

/// As long as this lives, the receiver's plugin may connect, and events are kept for that.
pub fn expect(hook: &AsyncHook) -> Expecting {
    hook.expect()
}

/// One method of a [`Receiver`], as a row of constants and function pointers.
pub struct Method<S> {
    /// The name by which it is called.
    pub name: &'static str,
    /// The parts of its documentation, each some lines of it; may be empty.
    pub description: &'static [&'static str],
    /// Makes the schema of its input; `None` if it takes none.
    pub input: fn(&mut SchemaGenerator) -> Option<Schema>,
    /// Makes the schema of its output; `None` if it is always `null`.
    pub output: fn(&mut SchemaGenerator) -> Option<Schema>,
    /// Decodes the input, runs the method and encodes the output.
    pub invoke: Invoke<S>,
    /// What happens to a running handler when its call is cancelled or the connection ends.
    pub on_cancel: OnCancel,
    /// Whether running it twice has the same effect as running it once.
    pub idempotent: bool,
}

/// How a method is run.
#[non_exhaustive]
pub enum Invoke<S> {
    /// In place; it must be short.
    Sync(fn(&S, &Context, &[u8]) -> Answer),
    /// On a thread where it may block.
    Blocking(fn(&S, &Context, &[u8]) -> Answer),
    /// In place until it has to wait, then in a task of its own.
    Async(fn(Arc<S>, Context, Bytes) -> BoxFuture<Answer>),
}

/// What happens to a running async handler when its call is cancelled or the connection ends.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum OnCancel {
    /// Its future is dropped at the next `await`.
    Drop,
    /// It runs to its end. It can watch [`Context::cancelled`].
    Finish,
}

impl<S> std::fmt::Debug for Method<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Method")
            .field("name", &self.name)
            .field("invoke", &self.invoke)
            .field("on_cancel", &self.on_cancel)
            .finish_non_exhaustive()
    }
}

impl<S> std::fmt::Debug for Invoke<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sync(_) => "Sync",
            Self::Blocking(_) => "Blocking",
            Self::Async(_) => "Async",
        })
    }
}
