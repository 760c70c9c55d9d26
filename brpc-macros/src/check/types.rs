//! Rules of types, as far as their syntax shows. The compiler checks what they implement.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Generics, Lifetime, Type, TypeFnPtr, TypeImplTrait, TypePath, TypeReference};

use crate::errors::Errors;
use crate::syntax::ungrouped;

/// The end of every refusal of a method.
pub(super) const OR_SKIP: &str = "; or hide the method with `#[brpc(skip)]`";

/// An input owns all that it contains. The lifetimes of `generics` are already reported.
pub(super) fn input(errors: &Errors, ty: &Type, generics: &Generics) {
    Input { errors, generics }.visit_type(ty);
}

/// An output may borrow from the plugin.
pub(super) fn output(errors: &Errors, ty: &Type) {
    Output { errors }.visit_type(ty);
}

/// The type to use instead of a reference, in an exposed method.
pub(super) fn owned_or_skip(reference: &TypeReference) -> String {
    owned_instead(reference, OR_SKIP)
}

/// The type to use instead of a reference; `else_` is the alternative.
pub(super) fn owned_instead(reference: &TypeReference, else_: &str) -> String {
    if is_context(&reference.elem) {
        return "the context comes first, as `&Context`, and only once".to_owned();
    }
    let owned = match ungrouped(&reference.elem) {
        Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
        Type::Slice(slice) => format!("Vec<{}>", text(&slice.elem)),
        Type::ImplTrait(_) | Type::TraitObject(_) => {
            return format!("name a type: an input is owned and of one type{else_}");
        }
        other => text(other),
    };
    format!("take `{owned}` instead of `{}`: inputs are owned{else_}", text(reference))
}

/// Whether a type is named like the context.
pub(super) fn is_context(ty: &Type) -> bool {
    matches!(ungrouped(ty), Type::Path(path)
        if path.path.segments.last().is_some_and(|last| last.ident == "Context"))
}

/// The lifetimes in a type that aren't `'static`.
pub(super) fn lifetimes(ty: &Type) -> Vec<&Lifetime> {
    let mut lifetimes = Lifetimes(Vec::new());
    lifetimes.visit_type(ty);
    lifetimes.0
}

/// What a type doesn't own: its references, and the lifetimes beside them that aren't `'static`.
pub(super) fn borrowed(ty: &Type) -> (Vec<&TypeReference>, Vec<&Lifetime>) {
    let mut borrowed = Borrowed(Vec::new(), Lifetimes(Vec::new()));
    borrowed.visit_type(ty);
    (borrowed.0, borrowed.1.0)
}

struct Input<'e> {
    errors: &'e Errors,
    generics: &'e Generics,
}

impl<'ast> Visit<'ast> for Input<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.errors.on(reference, owned_or_skip(reference));
    }

    // By its name: another type of this name can be renamed.
    fn visit_type_path(&mut self, path: &'ast TypePath) {
        if path.path.segments.last().is_some_and(|last| last.ident == "AsyncHook") {
            self.errors.on(
                path,
                format!(
                    "an `AsyncHook` is no input: mark the method `#[brpc(hook)]` to be given it \
                     once, or take `&Context`, which has one{OR_SKIP}"
                ),
            );
        }
        visit::visit_type_path(self, path);
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        self.errors.on(ty, format!("name a type: an input is of one type{OR_SKIP}"));
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        let is_own = || self.generics.lifetimes().any(|own| own.lifetime == *lifetime);
        if lifetime.ident != "static" && !is_own() {
            self.errors.on(lifetime, format!("take a type that borrows nothing{OR_SKIP}"));
        }
    }

    // No input has a function in it; the compiler says so.
    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}
}

struct Lifetimes<'ast>(Vec<&'ast Lifetime>);

impl<'ast> Visit<'ast> for Lifetimes<'ast> {
    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.0.push(lifetime);
        }
    }
}

struct Borrowed<'ast>(Vec<&'ast TypeReference>, Lifetimes<'ast>);

impl<'ast> Visit<'ast> for Borrowed<'ast> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.0.push(reference);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        self.1.visit_lifetime(lifetime);
    }

    // A function pointer borrows nothing. The compiler reports it where the method is called.
    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}
}

struct Output<'e> {
    errors: &'e Errors,
}

impl<'ast> Visit<'ast> for Output<'_> {
    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let what = if ty.bounds.to_token_stream().to_string().contains("Future") {
            "write `async fn` and the output's type"
        } else {
            "name a type: an output is of one type"
        };
        self.errors.on(ty, format!("{what}{OR_SKIP}"));
        visit::visit_type_impl_trait(self, ty);
    }
}

/// A type as it is usually written.
fn text(ty: &impl ToTokens) -> String {
    let tokens: TokenStream = ty.to_token_stream();
    let mut text = tokens.to_string();
    for (spaced, tight) in [
        (" < ", "<"),
        (" <", "<"),
        (" >", ">"),
        (" :: ", "::"),
        (":: ", "::"),
        ("& ", "&"),
        (" ,", ","),
    ] {
        text = text.replace(spaced, tight);
    }
    text
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn a_reference_has_an_owned_counterpart() {
        let says = |reference: TypeReference, owned: &str| {
            let message = owned_or_skip(&reference);
            assert!(message.contains(owned), "{message}");
        };
        says(parse_quote!(&str), "take `String` instead of `&str`");
        says(parse_quote!(&[u8]), "take `Vec<u8>` instead of `&[u8]`");
        says(
            parse_quote!(&std::vec::Vec<Option<i64>>),
            "take `std::vec::Vec<Option<i64>>` instead of `&std::vec::Vec<Option<i64>>`",
        );
        says(parse_quote!(&mut Map), "take `Map` instead of `&mut Map`");
        says(parse_quote!(&brpc::Context), "first");
    }
}
