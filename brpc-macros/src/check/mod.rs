//! What an impl block must be, one function a rule.

mod block;
mod hook;
mod method;
mod types;

pub(crate) use self::block::can_be_plugin;
use crate::errors::Errors;
use crate::model::Plugin;

/// Reports every mistake.
pub(crate) fn plugin(errors: &Errors, plugin: &Plugin) {
    for method in &plugin.methods {
        method::method(errors, method);
    }
    hook::hooks(errors, &plugin.hooks);
    block::block(errors, plugin);
}
