//! What is decided, for those who look after a hub.

use brpc_core::Identity;

use crate::hub::PluginLink;

/// The target of these events.
const TARGET: &str = "brpc::audit";

/// A plugin is let in.
pub(crate) fn allowed(link: &PluginLink, plugin: &str, identity: &Identity) {
    let (source, connection) = (link.source.map(tracing::field::display), link.id);
    let encrypted = link.is_encrypted();
    let (by, identity) = (identity.proved_by(), identity.name());
    tracing::info!(
        target: TARGET,
        decision = "allowed",
        identity,
        by,
        plugin,
        source,
        connection,
        encrypted,
        "a plugin is let in"
    );
}

/// A plugin is not let in. Without its name, if it was refused before it could say one.
pub(crate) fn refused(
    link: &PluginLink,
    plugin: Option<&str>,
    identity: Option<&Identity>,
    reason: &str,
) {
    let (source, connection) = (link.source.map(tracing::field::display), link.id);
    let encrypted = link.is_encrypted();
    let (by, identity) = (identity.map(Identity::proved_by), identity.map(Identity::name));
    tracing::warn!(
        target: TARGET,
        decision = "refused",
        identity,
        by,
        plugin,
        source,
        connection,
        encrypted,
        reason,
        "a plugin is not let in"
    );
}

/// A plugin was let in, and is not any more.
pub(crate) fn revoked(link: &PluginLink, identity: &Identity) {
    let (source, connection) = (link.source.map(tracing::field::display), link.id);
    let encrypted = link.is_encrypted();
    let (by, identity) = (identity.proved_by(), identity.name());
    let plugin = link.member().map(|member| member.plugin.name());
    tracing::warn!(
        target: TARGET,
        decision = "revoked",
        identity,
        by,
        plugin,
        source,
        connection,
        encrypted,
        reason = "its identity holds no more",
        "a plugin is cut off"
    );
}
