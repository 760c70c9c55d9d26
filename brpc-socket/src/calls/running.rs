//! A call that was made.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use brpc_core::caller::Target;
use brpc_core::{CallError, CallErrorKind, Dialect, Response, Stage};
use brpc_proto::Call;
use brpc_rt::{Ended, PendingCall, Route, Slot};

use crate::error::few;
use crate::hub::{Hub, PluginLink};
use crate::outgoing::{Outcome, Outgoing};
use crate::plugin_ref::PluginRef;

/// A call that was made. Dropped before its end, it is cancelled.
pub(crate) struct Running {
    pending: PendingCall,
    link: Arc<PluginLink>,
    /// The number of the method.
    method: u32,
}

impl Running {
    /// Makes a call to its plugin. `charged` bytes of its input are already charged.
    pub(crate) fn start(
        hub: &Arc<Hub>,
        call: Outgoing,
        slot: Slot,
        charged: usize,
    ) -> Result<Self, CallError> {
        let named = |kind| call.name(CallError::from(kind));
        let link = match &call.plugin {
            Target::Name(name) => find(hub, name, None),
            Target::Instance(plugin) => find(hub, "", Some(plugin)),
        };
        let link = link.map_err(named)?;
        let more = call.input.len().saturating_sub(charged);
        let charge = match more {
            // What comes back is charged in any case.
            0 => hub.budget().clone().hold(0),
            more => hub.charge(0, more).map_err(named)?,
        };
        Self::start_on(link, call, slot.charged(charge))
    }

    /// Makes a call on this connection.
    pub(crate) fn start_on(
        link: Arc<PluginLink>,
        call: Outgoing,
        slot: Slot,
    ) -> Result<Self, CallError> {
        let method = method_number(&link, &call.method);
        let method = method.map_err(|kind| call.name(CallError::from(kind)))?;
        Self::start_with(link, call.into_call(method), &[], slot)
    }

    /// The same, for a method by its number, with a copy of `input` if the call has none of its
    /// own.
    pub(crate) fn start_with(
        link: Arc<PluginLink>,
        call: Call,
        input: &[u8],
        mut slot: Slot,
    ) -> Result<Self, CallError> {
        let (connection, method) = (link.connection().clone(), call.method);
        if call.resumable.is_some() {
            slot.add_place();
        }
        match PendingCall::start(connection, call, input, slot) {
            Ok(pending) => Ok(Self { pending, link, method }),
            Err(kind) => {
                let (plugin, method) = called(&link, method);
                Err(CallError::from(kind).named(plugin, method))
            }
        }
    }

    /// The call's outcome.
    pub(crate) fn poll(&mut self, context: &Context<'_>) -> Poll<Outcome> {
        let outcome = match ready!(self.pending.poll(context)) {
            Ended::Output(output) => Ok(Response::new(output)),
            Ended::Other(settlement) => settlement
                .into_result(|| called(&self.link, self.method).1)
                .map_err(|kind| self.name(kind)),
        };
        Poll::Ready(outcome.map(|response| response.in_dialect(self.dialect())))
    }

    /// The way to the call, for those who cancel it.
    pub(crate) fn route(&self) -> Route {
        self.pending.route()
    }

    /// How the plugin writes its outputs.
    fn dialect(&self) -> Dialect {
        self.link.member().map(|member| member.plugin.wire().dialect()).unwrap_or_default()
    }

    /// The error of this call.
    #[cold]
    pub(crate) fn name(&self, kind: CallErrorKind) -> CallError {
        let (plugin, method) = called(&self.link, self.method);
        let error = CallError::from(kind).named(plugin, method);
        let error = error.made_on(self.link.id, self.pending.id());
        let member = self.link.member();
        if member.is_some_and(|member| member.idempotent.contains(self.method)) {
            error.idempotent()
        } else {
            error
        }
    }
}

/// The names of the plugin and of the method.
fn called(link: &PluginLink, method: u32) -> (&str, &str) {
    let Some(member) = link.member() else { return ("", "") };
    (member.plugin.name(), member.description.name(method).unwrap_or_default())
}

/// The connection of an instance, or of the plugin that has the name.
pub(crate) fn find(
    hub: &Hub,
    name: &str,
    instance: Option<&PluginRef>,
) -> Result<Arc<PluginLink>, CallErrorKind> {
    let link = match instance {
        None => hub.plugin(name),
        Some(plugin) => hub.instance(plugin),
    };
    link.ok_or_else(|| nobody(hub, name, instance))
}

/// Why there is no plugin to call.
#[cold]
fn nobody(hub: &Hub, name: &str, instance: Option<&PluginRef>) -> CallErrorKind {
    if !hub.phase().is_serving() {
        return CallErrorKind::ShuttingDown;
    }
    match instance {
        None => CallErrorKind::NoPlugin { name: name.to_owned() },
        Some(plugin) => match plugin.end() {
            Some(reason) => CallErrorKind::Disconnected {
                stage: Stage::Queued,
                reason,
                generation: plugin.generation(),
            },
            // It belongs to another hub.
            None => CallErrorKind::NoPlugin { name: plugin.name().to_owned() },
        },
    }
}

/// The number of a method at a plugin.
pub(crate) fn method_number(link: &PluginLink, method: &str) -> Result<u32, CallErrorKind> {
    let number = link.member().and_then(|member| member.description.method(method));
    number.ok_or_else(|| not_found(link, method))
}

/// The error for a method that a plugin doesn't have, with those that it has.
#[cold]
fn not_found(link: &PluginLink, method: &str) -> CallErrorKind {
    /// Enough to find a typo.
    const METHODS: usize = 10;
    let methods: Vec<String> = link.member().map_or_else(Vec::new, |member| {
        member.description.names().map(|name| format!("`{}`", name.escape_debug())).collect()
    });
    let has = if methods.is_empty() { "none".to_owned() } else { few(&methods, METHODS) };
    let message = format!("the plugin has no method `{}`; it has: {has}", method.escape_debug());
    CallErrorKind::MethodNotFound { method: method.to_owned(), message }
}
