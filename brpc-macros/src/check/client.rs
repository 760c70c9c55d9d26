//! Rules of a plugin or an interface from which a typed client is generated.

use syn::ext::IdentExt;
use syn::{
    FnArg, ItemTrait, ReceiverKind, ReturnType, Safety, Signature, TraitItem, TraitItemFn, Type,
};

use super::types;
use crate::errors::Errors;
use crate::model::{Interface, Method, Plugin};
use crate::name;
use crate::syntax::{selves, ungrouped};

/// The client's own names, beside the plugin's methods.
pub(crate) const OWN: [&str; 5] = ["new", "instance", "all", "select", "check_interface"];

/// Rules of a plugin that is marked `client`.
pub(super) fn of_plugin(errors: &Errors, plugin: &Plugin) {
    let Some(key) = &plugin.client else { return };
    if !plugin.generics().params.is_empty() {
        errors.on(
            key,
            "a client is made of a type without parameters; declare the interface as a trait with \
             `#[client]` instead",
        );
    }
    names_are_free(errors, &plugin.methods);
}

/// Rules of a trait that is marked `client`.
pub(super) fn of_interface(errors: &Errors, interface: &Interface) {
    is_plain(errors, &interface.item);
    for item in &interface.item.items {
        match item {
            TraitItem::Fn(function) => method(errors, function),
            other => errors.on(other, "an interface has methods and nothing else"),
        }
    }
    for method in &interface.methods {
        has_no_other_settings(errors, method);
        if let Err(problem) = name::method(&method.name.text) {
            let hint = "; choose one with `#[brpc(rename = \"..\")]`";
            errors.at(method.name.span, format!("{problem}{hint}"));
        }
    }
    super::block::names_are_distinct(errors, &interface.methods);
    names_are_free(errors, &interface.methods);
    if interface.item.items.is_empty() && errors.is_empty() {
        errors.on(&interface.item.ident, "an interface has at least one method");
    }
}

fn names_are_free(errors: &Errors, methods: &[Method]) {
    for method in methods {
        let ident = &method.signature.ident;
        if OWN.iter().any(|own| ident.unraw() == own) {
            errors.on(
                ident,
                format!(
                    "the client has a function `{ident}` of its own; name the method otherwise, and \
                     keep its name for callers with `#[brpc(rename = \"{}\")]`",
                    method.name.text
                ),
            );
        }
    }
}

fn is_plain(errors: &Errors, item: &ItemTrait) {
    for parameter in &item.generics.params {
        errors.on(parameter, "an interface isn't generic: name the types");
    }
    if let Some(bounds) = &item.generics.where_clause {
        errors.on(bounds, "an interface has no bounds: it is nothing but a list of methods");
    }
    for bound in &item.supertraits {
        errors.on(bound, "an interface has no supertraits: it is nothing but a list of methods");
    }
    if let Some(token) = &item.unsafety {
        errors.on(token, "an interface isn't `unsafe`: nobody implements it");
    }
}

fn method(errors: &Errors, function: &TraitItemFn) {
    if let Some(body) = &function.default {
        errors.on(body, "the methods of an interface have no body: plugins implement them");
    }
    let signature = &function.sig;
    match signature.receiver() {
        Some(receiver) if matches!(&receiver.kind, ReceiverKind::Reference(_, None, None)) => {}
        Some(receiver) => errors.on(receiver, "write `&self`"),
        None => errors.on(&signature.ident, "a method of an interface takes `&self`"),
    }
    has_nothing_special(errors, signature);
    let inputs = signature.inputs.iter().filter_map(|parameter| match parameter {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    for input in inputs {
        for attr in &input.attrs {
            errors.on(attr, "an input of an interface has no attributes");
        }
        if !matches!(&*input.pat, syn::Pat::Ident(pattern) if pattern.subpat.is_none()) {
            errors.on(&input.pat, "give the input a name");
        }
        input_is_owned(errors, &input.ty);
        is_named(errors, &input.ty);
    }
    if let ReturnType::Type(_, ty) = &signature.output {
        is_named(errors, ty);
        output_is_owned(errors, ty);
    }
}

fn has_nothing_special(errors: &Errors, signature: &Signature) {
    for parameter in &signature.generics.params {
        errors.on(parameter, "a method of an interface isn't generic: name the types");
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.on(token, "a method of an interface isn't `unsafe`");
    }
    if let Some(abi) = &signature.abi {
        errors.on(abi, "a method of an interface isn't `extern`");
    }
}

fn is_named(errors: &Errors, ty: &Type) {
    for word in selves(ty) {
        errors.on(word, "plugins of any type have the interface: name a type in place of `Self`");
    }
}

fn input_is_owned(errors: &Errors, ty: &Type) {
    match ungrouped(ty) {
        Type::Reference(reference) if types::is_context(&reference.elem) => errors.on(
            reference,
            "leave the context out: a plugin has it of its hub, and no caller gives it",
        ),
        Type::ImplTrait(ty) => errors.on(ty, "name a type: an input is of one type"),
        ty => {
            let (references, lifetimes) = types::borrowed(ty);
            for reference in references {
                errors.on(reference, types::owned_instead(reference, ""));
            }
            for lifetime in lifetimes {
                errors.on(lifetime, "an input owns what is in it: leave lifetimes out");
            }
        }
    }
}

fn output_is_owned(errors: &Errors, ty: &Type) {
    match ungrouped(ty) {
        Type::ImplTrait(ty) => errors.on(ty, "name a type: an output is of one type"),
        Type::Never(never) => {
            errors.on(never, "return something, or nothing: a call waits for an answer");
        }
        ty => {
            let (references, lifetimes) = types::borrowed(ty);
            for reference in references {
                errors.on(reference, "return an owned type: what is borrowed can't be sent");
            }
            for lifetime in lifetimes {
                errors.on(lifetime, "an output owns what is in it: leave lifetimes out");
            }
        }
    }
}

fn has_no_other_settings(errors: &Errors, method: &Method) {
    for key in method.args.keys().filter(|key| *key != "rename") {
        errors.on(key, "this is for plugins; an interface has `rename = \"..\"` alone");
    }
}
