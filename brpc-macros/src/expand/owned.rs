//! The type that a caller gets for a method's return type.

use syn::visit_mut::{self, VisitMut};
use syn::{Lifetime, Path, Type, parse_quote};

use crate::syntax::ungrouped;

/// The same type, owned: a method may return a borrow from its plugin, and a remote caller gets a
/// copy.
pub(super) fn owned(ty: &Type, brpc: &Path) -> Type {
    let mut ty = ty.clone();
    Owned(brpc).visit_type_mut(&mut ty);
    ty
}

/// The crate whose types it names.
struct Owned<'a>(&'a Path);

impl VisitMut for Owned<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        while let Type::Reference(reference) = ungrouped(ty) {
            let (brpc, target) = (self.0, &reference.elem);
            *ty = match ungrouped(target) {
                Type::Path(path) if path.path.is_ident("str") => parse_quote!(#brpc::String),
                Type::Slice(slice) => {
                    let element = &slice.elem;
                    parse_quote!(#brpc::Vec<#element>)
                }
                other => other.clone(),
            };
        }
        if matches!(ungrouped(ty), Type::Never(_) | Type::ImplTrait(_)) {
            // Already reported.
            *ty = parse_quote!(());
        }
        visit_mut::visit_type_mut(self, ty);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        *lifetime = parse_quote!('static);
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens as _;

    use super::*;

    #[test]
    fn what_is_borrowed_is_copied() {
        let owned = |ty: Type| owned(&ty, &parse_quote!(::b)).into_token_stream().to_string();
        let pairs: [(Type, &str); 6] = [
            (parse_quote!(u8), "u8"),
            (parse_quote!(&str), ":: b :: String"),
            (parse_quote!(&'a [&'a str]), ":: b :: Vec < :: b :: String >"),
            (parse_quote!(&Greeting), "Greeting"),
            (parse_quote!(Option<&(Cow<'_, str>, u8)>), "Option < (Cow < 'static , str > , u8) >"),
            (parse_quote!(&&str), ":: b :: String"),
        ];
        for (ty, expected) in pairs {
            assert_eq!(owned(ty), expected);
        }
    }
}
