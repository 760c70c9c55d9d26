//! A call that was made.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use brpc_core::{CallError, CallId, NewCall, Response, Settlement, Stage};
use bytes::Bytes;

use crate::call::Options;
use crate::client::Target;
use crate::error::few;
use crate::event::PluginRef;
use crate::hub::{Charge, Hub};
use crate::link::PluginLink;
use crate::middleware::{Outcome, Outgoing};
use crate::slot::{Ended, Slot};

/// The input of a call.
pub(crate) enum Input<'a> {
    /// A small one, to be copied.
    Copied(&'a [u8]),
    /// One that goes out as it is.
    Own(Bytes),
}

/// A call that was made. Whoever drops it early has to [`cancel`](Self::cancel) it before.
pub(crate) struct Running {
    link: Arc<PluginLink>,
    id: CallId,
    slot: Arc<Slot>,
    /// The number of the method.
    method: u32,
    /// Room taken for the input, if it is not shared with others.
    pub(crate) charge: Option<Charge>,
}

impl Running {
    /// Makes a call on this connection. Room for the input is taken already.
    pub(crate) fn start(
        link: Arc<PluginLink>,
        method: u32,
        input: Input<'_>,
        options: Options,
        slot: Arc<Slot>,
    ) -> Result<Self, CallError> {
        let Options { timeout, trace, metadata, admission } = options;
        let (payload, input) = match input {
            Input::Copied(input) => (Bytes::new(), input),
            Input::Own(input) => (input, &[][..]),
        };
        let call = NewCall { method, payload, timeout, trace, metadata, admission };
        let id = link.start_call(call, input, slot.clone())?;
        Ok(Self { link, id, slot, method, charge: None })
    }

    /// Makes a call that has been through the middleware. Room is taken for so many bytes of its
    /// input.
    pub(crate) fn pass(hub: &Arc<Hub>, call: Outgoing, charged: usize) -> Result<Self, CallError> {
        let (name, instance) = match &call.plugin {
            Target::Name(name) => (&**name, None),
            Target::Instance(plugin) => ("", Some(plugin)),
        };
        let link = find(hub, name, instance)?;
        let more = call.input.len().saturating_sub(charged);
        let charge = if more > 0 { Some(hub.clone().charge(more)?) } else { None };
        let method = method_number(&link, &call.method)?;
        let (input, options) = call.into_parts();
        let mut running = Self::start(link, method, Input::Own(input), options, Arc::default())?;
        running.charge = charge;
        Ok(running)
    }

    /// Lets those who have its slot give it up, which they may have done already.
    pub(crate) fn attach_handle(&self) {
        self.slot.set_route(Arc::downgrade(&self.link), self.id);
    }

    /// What the plugin answered.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
        Poll::Ready(match ready!(self.slot.poll(context)) {
            Ended::Output(output) => Ok(Response::new(output)),
            Ended::Other(settlement) => settlement.into_result(|| self.called()),
        })
    }

    /// The names of the plugin and of the method.
    fn called(&self) -> (&str, &str) {
        let Some(member) = self.link.member() else { return ("", "") };
        (member.plugin.name(), member.description.name(self.method).unwrap_or_default())
    }

    /// By which it can be given up from elsewhere.
    pub(crate) fn route(&self) -> Route {
        Route { link: self.link.clone(), id: self.id, slot: self.slot.clone() }
    }

    /// Gives it up.
    pub(crate) fn cancel(&self) {
        self.link.cancel(self.id);
    }
}

/// Gives a call up that somebody else waits for.
pub(crate) struct Route {
    link: Arc<PluginLink>,
    id: CallId,
    slot: Arc<Slot>,
}

impl Route {
    /// Gives it up, if it is not over: how far it had come, which is what its caller is told.
    pub(crate) fn give_up(&self) -> Option<Stage> {
        let stage = self.link.cancel(self.id)?;
        self.slot.clone().settle(Settlement::Ended(CallError::Cancelled { stage }));
        Some(stage)
    }
}

/// The connection of an instance, or of whoever has the name.
pub(crate) fn find(
    hub: &Hub,
    name: &str,
    instance: Option<&PluginRef>,
) -> Result<Arc<PluginLink>, CallError> {
    let link = match instance {
        None => hub.plugin(name),
        Some(plugin) => hub.instance(plugin),
    };
    link.ok_or_else(|| nobody(hub, name, instance))
}

/// Why there is nobody to call.
#[cold]
fn nobody(hub: &Hub, name: &str, instance: Option<&PluginRef>) -> CallError {
    if !hub.is_serving() {
        return CallError::ShuttingDown;
    }
    match instance {
        None => CallError::NoPlugin { name: name.to_owned() },
        Some(plugin) => match plugin.end() {
            Some(reason) => CallError::Disconnected {
                stage: Stage::Queued,
                reason,
                generation: plugin.generation(),
            },
            // It is one of another hub.
            None => CallError::NoPlugin { name: plugin.name().to_owned() },
        },
    }
}

/// The number by which a plugin knows a method.
pub(crate) fn method_number(link: &PluginLink, method: &str) -> Result<u32, CallError> {
    let number = link.member().and_then(|member| member.description.method(method));
    number.ok_or_else(|| not_found(link, method))
}

/// That a plugin has no such method, and which it has.
#[cold]
fn not_found(link: &PluginLink, method: &str) -> CallError {
    /// Enough to find a slip of the pen.
    const METHODS: usize = 10;
    let (plugin, methods) = link.member().map_or(("", Vec::new()), |member| {
        let methods = member.description.names().map(|name| format!("`{}`", name.escape_debug()));
        (member.plugin.name(), methods.collect())
    });
    let has = if methods.is_empty() { "none".to_owned() } else { few(&methods, METHODS) };
    let (plugin, shown) = (plugin.escape_debug(), method.escape_debug());
    let message = format!("the plugin `{plugin}` has no method `{shown}`; it has: {has}");
    CallError::MethodNotFound { method: method.to_owned(), message }
}
