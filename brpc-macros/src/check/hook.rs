//! Rules of the method that receives the `AsyncHook`.

use syn::{FnArg, ReceiverKind, ReturnType, Safety, Signature, Type};

use crate::errors::Errors;
use crate::model::Hook;
use crate::syntax::ungrouped;

pub(super) fn hooks(errors: &Errors, hooks: &[Hook]) {
    for hook in hooks {
        has_no_other_settings(errors, hook);
        takes_self(errors, hook);
        takes_one(errors, hook);
        returns_nothing(errors, &hook.signature);
        is_plain(errors, &hook.signature);
    }
    is_one(errors, hooks);
}

fn is_one(errors: &Errors, hooks: &[Hook]) {
    for (index, hook) in hooks.iter().enumerate() {
        let clashes = |earlier: &Hook| earlier.cfgs.is_empty() || hook.cfgs.is_empty();
        if hooks[..index].iter().any(clashes) {
            errors.on(&hook.key, "a plugin has one hook");
        }
    }
}

fn has_no_other_settings(errors: &Errors, hook: &Hook) {
    for key in hook.args.keys().filter(|key| *key != &hook.key) {
        errors.on(key, "the hook isn't exposed and has no other settings");
    }
}

fn takes_self(errors: &Errors, hook: &Hook) {
    let receiver = hook.signature.receiver();
    if !receiver.is_some_and(|receiver| matches!(receiver.kind, ReceiverKind::Reference(..))) {
        let message = "the hook takes `&mut self` and an `AsyncHook`";
        match receiver {
            Some(receiver) => errors.on(receiver, message),
            None => errors.on(&hook.signature.ident, message),
        }
    }
}

fn takes_one(errors: &Errors, hook: &Hook) {
    let mut parameters =
        hook.signature.inputs.iter().filter(|parameter| matches!(parameter, FnArg::Typed(_)));
    if parameters.next().is_none() && hook.signature.receiver().is_some() {
        errors.on(&hook.signature.ident, "the hook takes an `AsyncHook`");
    }
    for more in parameters {
        errors.on(more, "the hook takes nothing but an `AsyncHook`");
    }
}

fn returns_nothing(errors: &Errors, signature: &Signature) {
    if let ReturnType::Type(_, ty) = &signature.output
        && !matches!(ungrouped(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
    {
        errors.on(ty, "the hook returns nothing");
    }
}

fn is_plain(errors: &Errors, signature: &Signature) {
    if let Some(token) = &signature.asyncness {
        errors.on(token, "the hook isn't async: it only keeps what it is given");
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.on(
            token,
            "remove `unsafe`: the hook is called by brpc, which can't keep its promises",
        );
    }
    for parameter in &signature.generics.params {
        errors.on(parameter, "the hook isn't generic: it takes an `AsyncHook`");
    }
}
