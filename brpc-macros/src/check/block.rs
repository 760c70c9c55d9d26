//! Rules of the block as a whole.

use syn::{ImplItem, Type};

use super::types;
use crate::errors::Errors;
use crate::model::{Method, Plugin, Reason, Unexposed};
use crate::name;
use crate::syntax::ungrouped;

pub(super) fn block(errors: &Errors, plugin: &Plugin) {
    is_inherent(errors, plugin);
    is_of_a_named_type(errors, plugin);
    owns_what_is_in_it(errors, plugin);
    has_no_macros(errors, plugin);
    names_are_valid(errors, plugin);
    names_are_distinct(errors, &plugin.methods);
    for function in &plugin.unexposed {
        settings_are_of_use(errors, function);
    }
    exposes_something(errors, plugin);
}

fn is_inherent(errors: &Errors, plugin: &Plugin) {
    if let Some((path, _)) = &plugin.block.trait_ {
        errors.on(
            path,
            "a trait's methods can't be exposed; put `#[plugin]` on an impl block without a trait",
        );
    }
}

fn is_of_a_named_type(errors: &Errors, plugin: &Plugin) {
    if !is_named(plugin.self_type()) {
        errors.on(plugin.self_type(), "a plugin is a struct or an enum");
    }
}

fn owns_what_is_in_it(errors: &Errors, plugin: &Plugin) {
    for lifetime in types::lifetimes(plugin.self_type()) {
        errors.on(lifetime, "a plugin owns what is in it, so its type has no lifetimes");
    }
}

/// Whether a type can be a plugin, as far as its syntax shows.
pub(crate) fn can_be_plugin(ty: &Type) -> bool {
    is_named(ty) && types::lifetimes(ty).is_empty()
}

fn is_named(ty: &Type) -> bool {
    matches!(ungrouped(ty), Type::Path(_))
}

fn has_no_macros(errors: &Errors, plugin: &Plugin) {
    for item in &plugin.block.items {
        if let ImplItem::Macro(item) = item {
            errors.on(
                &item.mac.path,
                "methods that a macro makes aren't seen by `#[plugin]`; write them out, or use the \
                 macro in another impl block",
            );
        }
    }
}

fn names_are_valid(errors: &Errors, plugin: &Plugin) {
    if is_named(plugin.self_type())
        && let Err(problem) = name::plugin(&plugin.name.text)
    {
        let hint = "; choose one with `#[plugin(name = \"..\")]`";
        errors.at(plugin.name.span, format!("{problem}{hint}"));
    }
    if let Some(version) = &plugin.version
        && let Err(problem) = name::version(&version.value())
    {
        errors.on(version, problem);
    }
    for method in &plugin.methods {
        if let Err(problem) = name::method(&method.name.text) {
            let hint = "; choose one with `#[brpc(rename = \"..\")]`";
            errors.at(method.name.span, format!("{problem}{hint}"));
        }
    }
}

/// Methods that are configured in or out may share a name: at most one of them remains.
pub(super) fn names_are_distinct(errors: &Errors, methods: &[Method]) {
    for (index, method) in methods.iter().enumerate() {
        let taken = |earlier: &&Method| {
            earlier.name.text == method.name.text
                && (earlier.cfgs.is_empty() || method.cfgs.is_empty())
        };
        if let Some(earlier) = methods[..index].iter().find(taken) {
            let (name, by) = (&method.name.text, &earlier.signature.ident);
            errors.at(
                method.name.span,
                format!(
                    "the name `{name}` is taken by `fn {by}` above; choose another with \
                     `#[brpc(rename = \"..\")]`"
                ),
            );
        }
    }
}

fn settings_are_of_use(errors: &Errors, function: &Unexposed) {
    for key in function.args.keys() {
        let is_skip = key == "skip";
        let message = match function.reason {
            Reason::Skipped if is_skip => continue,
            Reason::Skipped => "a method that is skipped has no other settings",
            Reason::Private if is_skip => "this isn't needed: only `pub` methods are exposed",
            Reason::Private => "this method isn't exposed; make it `pub`",
            Reason::NoSelf if is_skip => {
                "this isn't needed: a function without `self` isn't exposed"
            }
            Reason::NoSelf => "this function isn't exposed, as it has no `self`; take `&self`",
        };
        errors.on(key, message);
    }
}

/// Reported only if nothing else is, since any other mistake may be the cause. The first method that
/// only lacks `pub` is the likely one.
fn exposes_something(errors: &Errors, plugin: &Plugin) {
    if !plugin.methods.is_empty() || !errors.is_empty() {
        return;
    }
    let is_private = |function: &&Unexposed| function.reason == Reason::Private;
    match plugin.unexposed.iter().find(is_private) {
        Some(Unexposed { ident, .. }) => errors.on(
            ident,
            format!("nothing to expose: only `pub` methods are, and `fn {ident}` isn't `pub`"),
        ),
        None => errors.on(
            plugin.self_type(),
            "nothing to expose: a plugin has at least one `pub` method with `&self`",
        ),
    }
}
