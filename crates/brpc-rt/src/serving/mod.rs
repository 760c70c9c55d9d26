//! Serves calls on a connection: the methods, and how they run.

mod beside;
mod bound;
mod context;
mod dispatch;
mod error;
mod handler;
mod hook;
mod in_place;
mod incoming;
mod kept_events;
mod outlet;
mod panic_text;
mod receiver;
mod remaining;
mod resuming;
mod running;
mod service;
mod waiting;

pub use self::context::{Context, context_of_no_call};
pub use self::dispatch::Handlers;
pub use self::error::{HookError, MetadataError};
pub use self::hook::{AsyncHook, Expecting};
pub use self::in_place::InPlace;
pub use self::incoming::Incoming;
pub use self::kept_events::KeepEvents;
pub use self::panic_text::PanicText;
pub use self::receiver::{Invoke, Method, OnCancel, Receiver, attach_hook, expect, keep_events};
pub use self::remaining::{Hold, Remaining};
pub use self::resuming::Resuming;
pub use self::running::Left;
pub use self::service::{OnLoss, Service};
