//! The rules of an impl block or an interface, one function per rule.

mod block;
mod client;
mod hook;
mod method;
mod types;

pub(crate) use self::block::can_be_plugin;
pub(crate) use self::client::OWN as OWN_OF_CLIENTS;
use crate::errors::Errors;
use crate::model::{Interface, Plugin};

/// Reports every mistake.
pub(crate) fn plugin(errors: &Errors, plugin: &Plugin) {
    for method in &plugin.methods {
        method::method(errors, method);
    }
    hook::hooks(errors, &plugin.hooks);
    block::block(errors, plugin);
    client::of_plugin(errors, plugin);
}

/// Reports every mistake of an interface.
pub(crate) fn interface(errors: &Errors, interface: &Interface) {
    client::of_interface(errors, interface);
}
