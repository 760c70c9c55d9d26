//! Whether a plugin is accepted and registered, and under which name.

use std::sync::Arc;
use std::time::Duration;

use brpc_core::{Refusal, RefusalCode};
use brpc_proto::codec::Traits;
use brpc_proto::{Description, Hello};
use brpc_rt::foreign::contain;

use crate::events::Consumed;
use crate::hub::{Hub, Member, PluginLink, SOON, Sequencer};
use crate::plugin_ref::PluginRef;

/// When a refused plugin may retry, if the reason passes slowly.
const LATER: Duration = Duration::from_secs(5);

/// Whether a plugin's Hello is accepted, with its description if the hub knows it.
pub(super) fn admit(hub: &Hub, hello: &Hello) -> Result<Option<Arc<Description>>, Refusal> {
    if !hub.phase().is_serving() {
        return Err(shutting_down());
    }
    Ok(hub.with_registry(|registry| registry.description(&hello.digest)))
}

/// Registers a plugin under the name that it asks for, or one that the sequencer makes.
pub(super) fn register(
    hub: &Hub,
    link: &Arc<PluginLink>,
    hello: &Hello,
    description: &Arc<Description>,
) -> Result<(), Refusal> {
    let traits = link.connection().lock().traits();
    let sequencer = hub.config().sequencer.as_ref();
    let mut attempts_left = sequencer.map_or(0, |sequencer| sequencer.attempts);
    let mut name = hello.name.clone();
    loop {
        if try_register(hub, link, &name, (hello, traits), description)? {
            return Ok(());
        }
        let Some(sequencer) = sequencer.filter(|_| attempts_left > 0) else { break };
        attempts_left -= 1;
        // The user's code; called without a lock.
        match contain(|| (sequencer.next)(&name)) {
            Ok(next) => name = next,
            Err(panic) => {
                tracing::error!(?panic, "the key sequencer panicked");
                break;
            }
        }
        if !traits.names.plugin.allows(&name) {
            break;
        }
    }
    let name = hello.name.escape_debug();
    let message = match sequencer {
        Some(Sequencer { attempts, .. }) => {
            format!("the name `{name}` is taken, and so are {attempts} others that were tried")
        }
        None => format!("another plugin named `{name}` is connected"),
    };
    Err(Refusal::new(RefusalCode::NameTaken, message).retry_after(SOON))
}

/// Registers a plugin under this name, if the name is free, in one step.
fn try_register(
    hub: &Hub,
    link: &Arc<PluginLink>,
    name: &str,
    (hello, traits): (&Hello, Traits),
    description: &Arc<Description>,
) -> Result<bool, Refusal> {
    // Held throughout: either a plugin is registered before the hub shuts down, which then drains
    // it, or it isn't registered at all.
    let Some(_serving) = hub.phase().hold_serving() else { return Err(shutting_down()) };
    hub.with_registry_mut(|registry| {
        if registry.is_taken(name) {
            return Ok(false);
        }
        if registry.names() >= hub.config().max_plugins {
            let refusal = Refusal::new(RefusalCode::Full, "the hub has no place left");
            return Err(refusal.retry_after(LATER));
        }
        let plugin = PluginRef::new(name.to_owned(), hello, (link.id, link.source));
        let consumed = Arc::new(Consumed::new(&hub.config().limits, traits.has_credit));
        // Each of several replicas that connect at the same moment sends its description.
        let known = registry.description(description.digest());
        let description = known.unwrap_or_else(|| description.clone());
        let member = Member { plugin, description: description.clone(), consumed };
        // A connection that has ended takes no name: nothing would free it again.
        if link.welcome(member, *hub.epoch()) {
            registry.enter(name, link, &description);
        }
        Ok(true)
    })
}

fn shutting_down() -> Refusal {
    Refusal::new(RefusalCode::ShuttingDown, "the hub is shutting down").retry_after(SOON)
}
