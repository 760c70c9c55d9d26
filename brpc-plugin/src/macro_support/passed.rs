//! What a method receives besides its inputs.

use crate::{AsyncHook, Context};

/// What a method can borrow: the context of the call.
#[diagnostic::on_unimplemented(
    message = "inputs are owned; only `&Context` is borrowed",
    label = "take `{Self}` instead of `&{Self}`",
    note = "or keep the method from callers with `#[brpc(skip)]`"
)]
pub trait Borrowed {
    /// The context, as the type in the method's signature.
    fn context(context: &Context) -> &Self;
}

impl Borrowed for Context {
    fn context(context: &Context) -> &Self {
        context
    }
}

/// Passes the context to a method that borrows `C`.
pub fn context<C: Borrowed + ?Sized>(context: &Context) -> &C {
    C::context(context)
}

/// What a hook method can take: the sender of events.
#[diagnostic::on_unimplemented(
    message = "the method that is marked as the hook is given an `AsyncHook`",
    label = "take `AsyncHook` here"
)]
pub trait Hook {
    /// The sender, as the type in the method's signature.
    fn hook(hook: AsyncHook) -> Self;
}

impl Hook for AsyncHook {
    fn hook(hook: AsyncHook) -> Self {
        hook
    }
}

/// Passes the sender of events to a method that takes `H`.
pub fn hook<H: Hook>(hook: AsyncHook) -> H {
    H::hook(hook)
}
