//! The model of an impl block, independent of the generated code.

use proc_macro2::Span;
use syn::{Attribute, Generics, Ident, ItemImpl, ItemTrait, LitStr, Pat, Path, Signature, Type};

use crate::attr::MethodArgs;
use crate::docs::Documentation;
use crate::syntax::type_name;

/// An impl block that is marked as a plugin.
pub(crate) struct Plugin {
    /// The block, without the helper attributes.
    pub(crate) block: ItemImpl,
    pub(crate) name: Name,
    /// `None` for the version of the crate.
    pub(crate) version: Option<LitStr>,
    /// The setting that asks for a typed client, if it is given.
    pub(crate) client: Option<Ident>,
    /// The crate that generated code names.
    pub(crate) facade: Path,
    /// What the block's attributes allow.
    pub(crate) allowed: Vec<Attribute>,
    /// In the order of the block.
    pub(crate) methods: Vec<Method>,
    /// Valid with one; more only if all but one are configured out.
    pub(crate) hooks: Vec<Hook>,
    /// The functions that are not exposed.
    pub(crate) unexposed: Vec<Unexposed>,
}

/// A trait that is marked as the interface of plugins.
pub(crate) struct Interface {
    /// The trait, without the helper attributes.
    pub(crate) item: ItemTrait,
    /// The crate that generated code names.
    pub(crate) facade: Path,
    /// What the trait's attributes allow.
    pub(crate) allowed: Vec<Attribute>,
    /// In the order of the trait.
    pub(crate) methods: Vec<Method>,
}

/// A name for callers, and its origin.
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// A method that is exposed.
pub(crate) struct Method {
    pub(crate) name: Name,
    pub(crate) documentation: Documentation,
    /// The `#[cfg(..)]`s of the method.
    pub(crate) cfgs: Vec<Attribute>,
    /// What its attributes allow, and that it is used although it is deprecated.
    pub(crate) allowed: Vec<Attribute>,
    pub(crate) args: MethodArgs,
    pub(crate) signature: Signature,
    /// The first parameter if it is a reference: its target. Here and below, a plugin's type has its
    /// name in place of `Self`.
    pub(crate) context: Option<Type>,
    pub(crate) inputs: Vec<Input>,
    /// `None` if it returns nothing.
    pub(crate) returned: Option<Type>,
    pub(crate) run: Run,
}

/// A parameter that is an input.
pub(crate) struct Input {
    pub(crate) pattern: Pat,
    pub(crate) ty: Type,
}

/// How a method is run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Run {
    Sync,
    Blocking,
    Async,
    /// Async, and not dropped when the call is cancelled.
    AsyncToEnd,
}

/// The method that receives the `AsyncHook`.
pub(crate) struct Hook {
    pub(crate) key: Ident,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) args: MethodArgs,
    pub(crate) signature: Signature,
}

/// A function that is not exposed.
pub(crate) struct Unexposed {
    pub(crate) ident: Ident,
    pub(crate) args: MethodArgs,
    pub(crate) reason: Reason,
}

/// Why a function is not exposed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reason {
    Skipped,
    Private,
    NoSelf,
}

impl Plugin {
    pub(crate) fn generics(&self) -> &Generics {
        &self.block.generics
    }

    pub(crate) fn self_type(&self) -> &Type {
        &self.block.self_ty
    }

    /// The type's name.
    pub(crate) fn type_name(&self) -> Option<&Ident> {
        type_name(self.self_type())
    }
}

impl Input {
    /// Its name, if the pattern has one.
    pub(crate) fn name(&self) -> Option<&Ident> {
        match &self.pattern {
            Pat::Ident(pattern) if pattern.subpat.is_none() => Some(&pattern.ident),
            _ => None,
        }
    }
}
