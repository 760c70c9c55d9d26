//! A call that is about to be made.

use std::sync::Arc;
use std::time::Duration;

use brpc_core::caller::Target;
use brpc_core::{Admission, CallError, Metadata, Response};
use brpc_proto::{Call, Course, Resumable};
use bytes::Bytes;

use crate::plugin_ref::PluginRef;

/// A call on its way to a plugin.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outgoing {
    /// The plugin that is called.
    pub plugin: Target<PluginRef>,
    /// The name of the method.
    pub method: String,
    /// The encoded input; empty for none.
    pub input: Bytes,
    /// The timeout, from when the call is passed on; `None` for none. The caller's deadline still
    /// holds.
    pub timeout: Option<Duration>,
    /// A trace id, at most 256 bytes; may be empty.
    pub trace: String,
    /// The metadata of the call.
    pub metadata: Metadata,
    /// What to do if no place is free.
    pub admission: Admission,
    /// How long to wait for the plugin, if it is away; `None` for not at all. Not for a plugin on
    /// its connection, which doesn't come back.
    pub wait_for_plugin: Option<Duration>,
    /// How long after the loss of its connection the call may go on over another one; `None` if it ends
    /// then.
    pub resumable: Option<Duration>,
}

/// How a call ends, before its output is decoded.
pub type Outcome = Result<Response<Bytes>, CallError>;

impl Outgoing {
    pub(crate) fn new(
        plugin: Target<PluginRef>,
        method: String,
        input: Bytes,
        options: Options,
    ) -> Self {
        let Options { timeout, trace, metadata, admission, wait_for_plugin, resumable } = options;
        Self {
            plugin,
            method,
            input,
            timeout,
            trace,
            metadata,
            admission,
            wait_for_plugin,
            resumable,
        }
    }

    /// The call of the method with this number.
    pub(crate) fn into_call(self, method: u32) -> Call {
        let Self { timeout, trace, metadata, admission, wait_for_plugin, resumable, .. } = self;
        let options = Options { timeout, trace, metadata, admission, wait_for_plugin, resumable };
        options.into_call(method, self.input)
    }

    /// The name of the plugin that is called.
    pub fn plugin_name(&self) -> &str {
        name_of(&self.plugin)
    }

    /// The error of this call, unless it is that of another.
    #[cold]
    pub(crate) fn name(&self, error: CallError) -> CallError {
        error.named(self.plugin_name(), &self.method)
    }

    /// The names of the plugin and the method as they are now: middleware may change them.
    pub(crate) fn called(&self) -> Called {
        Called { plugin: self.plugin.clone(), method: self.method.as_str().into() }
    }
}

fn name_of(plugin: &Target<PluginRef>) -> &str {
    match plugin {
        Target::Name(name) => name,
        Target::Instance(plugin) => plugin.name(),
    }
}

/// The names of the plugin and the method that a caller has called. A cheap clone.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    plugin: Target<PluginRef>,
    method: Arc<str>,
}

impl Called {
    /// The error of this call, unless it has names already.
    #[cold]
    pub(crate) fn name(&self, error: CallError) -> CallError {
        error.named(name_of(&self.plugin), &self.method)
    }
}

/// What a caller asks for beside a plugin, a method and an input; as in [`Outgoing`].
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) timeout: Option<Duration>,
    pub(crate) trace: String,
    pub(crate) metadata: Metadata,
    pub(crate) admission: Admission,
    pub(crate) wait_for_plugin: Option<Duration>,
    pub(crate) resumable: Option<Duration>,
}

impl Options {
    /// The call of the method with this number.
    pub(crate) fn into_call(self, method: u32, payload: Bytes) -> Call {
        let Self { timeout, trace, metadata, admission, resumable, .. } = self;
        let resumable = resumable.map(|window| Box::new(Resumable { window, course: Course::New }));
        Call { method, payload, timeout, trace, metadata, admission, resumable }
    }
}
