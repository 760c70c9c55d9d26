//! Rules of a method that is exposed.

use syn::{FnArg, GenericParam, Lifetime, ReceiverKind, Safety, Signature, Type};

use super::types::{self, OR_SKIP};
use crate::errors::Errors;
use crate::model::Method;
use crate::syntax::ungrouped;

pub(super) fn method(errors: &Errors, method: &Method) {
    takes_shared_self(errors, &method.signature);
    is_plain(errors, &method.signature);
    is_not_generic(errors, &method.signature.generics);
    settings_agree(errors, method);
    context_is_shared(errors, method);
    inputs_are_owned(errors, method);
    inputs_have_names(errors, method);
    inputs_are_unconditional(errors, &method.signature);
    output_is_named(errors, method);
}

fn takes_shared_self(errors: &Errors, signature: &Signature) {
    let Some(receiver) = signature.receiver() else { return };
    match &receiver.kind {
        ReceiverKind::Reference(_, lifetime, None) => {
            if let Some(lifetime) = lifetime.as_ref().filter(|it| is_foreign(it, signature)) {
                errors.on(lifetime, format!("write `&self`, without a lifetime{OR_SKIP}"));
            }
        }
        ReceiverKind::Typed(_, ty) if is_shared_self(ty) => {}
        ReceiverKind::Reference(_, _, Some(_)) => errors.on(
            receiver,
            format!(
                "take `&self`, as calls run side by side, and keep what changes in a `Mutex` or an \
                 atomic{OR_SKIP}"
            ),
        ),
        _ => errors
            .on(receiver, format!("take `&self`, as the plugin is shared by its calls{OR_SKIP}")),
    }
}

/// Whether a type is `&Self`.
fn is_shared_self(ty: &Type) -> bool {
    match ungrouped(ty) {
        Type::Reference(reference) => {
            let is_self =
                |ty: &Type| matches!(ungrouped(ty), Type::Path(path) if path.path.is_ident("Self"));
            reference.mutability.is_none()
                && reference.lifetime.is_none()
                && is_self(&reference.elem)
        }
        _ => false,
    }
}

fn is_plain(errors: &Errors, signature: &Signature) {
    if let Safety::Unsafe(token) = &signature.safety {
        errors.on(token, format!("remove `unsafe`: callers can't keep its promises{OR_SKIP}"));
    }
    if let Some(abi) = &signature.abi {
        errors.on(
            abi,
            format!("remove `extern`: a method that is exposed is one of Rust's{OR_SKIP}"),
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.on(variadic, format!("take a `Vec` instead{OR_SKIP}"));
    }
}

fn is_not_generic(errors: &Errors, generics: &syn::Generics) {
    for parameter in &generics.params {
        match parameter {
            GenericParam::Lifetime(parameter) => errors.on(
                &parameter.lifetime,
                format!("leave lifetimes out: a method that is exposed names none{OR_SKIP}"),
            ),
            GenericParam::Type(parameter) => errors.on(
                &parameter.ident,
                format!(
                    "name a type in place of `{}`: a method that is exposed isn't generic{OR_SKIP}",
                    parameter.ident
                ),
            ),
            GenericParam::Const(parameter) => errors.on(
                &parameter.ident,
                format!(
                    "name a value in place of `{}`: a method that is exposed isn't generic{OR_SKIP}",
                    parameter.ident
                ),
            ),
        }
    }
}

fn settings_agree(errors: &Errors, method: &Method) {
    let is_async = method.signature.asyncness.is_some();
    if let Some(key) = method.args.blocking.as_ref().filter(|_| is_async) {
        errors.on(
            key,
            "an async method doesn't block; remove `async`, or run what blocks in \
             `tokio::task::spawn_blocking`",
        );
    }
    if let Some(key) = method.args.no_cancel.as_ref().filter(|_| !is_async) {
        errors.on(key, "this isn't needed: a method that isn't async always runs to its end");
    }
}

fn context_is_shared(errors: &Errors, method: &Method) {
    let Some(FnArg::Typed(first)) = method.signature.inputs.iter().nth(1) else { return };
    let Type::Reference(reference) = ungrouped(&first.ty) else { return };
    if reference.mutability.is_some() {
        errors.on(reference, types::owned_or_skip(reference));
    } else if !matches!(ungrouped(&reference.elem), Type::Path(path) if !path.path.is_ident("str"))
    {
        // What else can't be `Context` under another name.
        errors.on(reference, types::owned_or_skip(reference));
    } else if let Some(lifetime) = &reference.lifetime
        && is_foreign(lifetime, &method.signature)
    {
        errors.on(lifetime, "the context is borrowed for the call: write `&Context`");
    }
}

/// Whether a lifetime is neither elided nor the method's own, which [`is_not_generic`] reports.
fn is_foreign(lifetime: &Lifetime, signature: &Signature) -> bool {
    lifetime.ident != "_" && signature.generics.lifetimes().all(|own| own.lifetime != *lifetime)
}

fn inputs_are_owned(errors: &Errors, method: &Method) {
    for input in &method.inputs {
        types::input(errors, &input.ty, &method.signature.generics);
    }
}

/// Several inputs travel by name.
fn inputs_have_names(errors: &Errors, method: &Method) {
    if method.inputs.len() < 2 {
        return;
    }
    for input in method.inputs.iter().filter(|input| input.name().is_none()) {
        errors.on(&input.pattern, "several inputs travel by name: give this one a name");
    }
}

fn inputs_are_unconditional(errors: &Errors, signature: &Signature) {
    for parameter in &signature.inputs {
        let attrs = match parameter {
            FnArg::Typed(typed) => &typed.attrs,
            FnArg::Receiver(receiver) => &receiver.attrs,
        };
        for attr in attrs {
            if attr.path().is_ident("cfg") {
                errors.on(attr, "an input can't be conditional; write the method twice, each with a `#[cfg(..)]`");
            }
        }
    }
}

fn output_is_named(errors: &Errors, method: &Method) {
    match method.returned.as_ref().map(ungrouped) {
        Some(Type::Never(never)) => {
            errors.on(
                never,
                format!("return something, or nothing: a call waits for an answer{OR_SKIP}"),
            );
        }
        Some(returned) => types::output(errors, returned),
        None => {}
    }
}
