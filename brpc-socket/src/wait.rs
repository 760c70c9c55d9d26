//! Waiting for plugins to connect.

use std::time::Duration;

use brpc_core::Selector;
use brpc_rt::foreign::shielded;
use tokio::time::timeout;

use crate::error::WaitError;
use crate::hub::{Hub, Registry, members};
use crate::plugin_ref::PluginRef;

/// Waits until all these plugins are connected at the same moment; returns at once if they are.
pub(crate) async fn wait_for_all(
    hub: &Hub,
    names: &[String],
    limit: Duration,
) -> Result<(), WaitError> {
    if let Ok(is_there) = shielded(timeout(limit, all_there(hub, names))).await {
        return if is_there { Ok(()) } else { Err(WaitError::ShutDown) };
    }
    let missing = hub.with_registry(|registry| {
        names.iter().filter(|name| !is_there(registry, name)).cloned().collect()
    });
    let connected = ready(hub, &Selector::all());
    let connected = connected.iter().map(|plugin| plugin.name().to_owned()).collect();
    Err(WaitError::TimedOut { missing, connected, is_served: hub.is_served() })
}

/// Waits until all these plugins are connected at the same moment. False if the hub shuts down.
pub(crate) async fn all_there(hub: &Hub, names: &[impl AsRef<str>]) -> bool {
    // Subscribed before the first look, so that no plugin slips in between.
    let mut changes = hub.changes();
    // A missing plugin. Each check begins with it: checking thousands of names whenever one plugin
    // connects would slow down their connecting.
    let mut awaited = 0;
    loop {
        let (before, after) = names.split_at(awaited);
        let missing = hub.with_registry(|registry| {
            after.iter().chain(before).position(|name| !is_there(registry, name.as_ref()))
        });
        let Some(missing) = missing else { return true };
        awaited = (awaited + missing) % names.len();
        if !hub.phase().is_serving() || changes.changed().await.is_err() {
            return false;
        }
    }
}

/// Whether a plugin of this name can be called.
fn is_there(registry: &Registry, name: &str) -> bool {
    registry.plugin(name).is_some_and(|link| link.is_ready())
}

/// Waits until so many plugins that a selector matches are connected at the same moment; returns at
/// once if they are. Returns all that it matches then, sorted by name.
pub(crate) async fn wait_for_matching(
    hub: &Hub,
    selector: &Selector,
    wanted: usize,
    limit: Duration,
) -> Result<Vec<PluginRef>, WaitError> {
    let enough = async {
        // Subscribed before the first look, so that no plugin slips in between.
        let mut changes = hub.changes();
        loop {
            let seen = *changes.borrow_and_update();
            let there = ready(hub, selector);
            if there.len() >= wanted {
                return Ok(there);
            }
            // Each change registers at most one plugin, so the count can't be reached before as
            // many changes as plugins are missing. Checking thousands of plugins whenever one
            // connects would slow down their connecting.
            let missing = (wanted - there.len()) as u64;
            loop {
                if !hub.phase().is_serving() || changes.changed().await.is_err() {
                    return Err(WaitError::ShutDown);
                }
                if changes.borrow_and_update().wrapping_sub(seen) >= missing {
                    break;
                }
            }
        }
    };
    if let Ok(result) = shielded(timeout(limit, enough)).await {
        return result;
    }
    let (found, selector) = (ready(hub, selector).len(), selector.to_string());
    Err(WaitError::TooFew { found, wanted, selector })
}

/// The plugins that a selector matches and that can be called, sorted by name.
fn ready(hub: &Hub, selector: &Selector) -> Vec<PluginRef> {
    let mut plugins = hub.with_registry(|registry| {
        members(registry.matching(selector).filter(|link| link.is_ready()))
    });
    plugins.sort_unstable_by(|one, other| one.name().cmp(other.name()));
    plugins
}
