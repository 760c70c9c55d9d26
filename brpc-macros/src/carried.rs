//! Attributes of a user's item that go along to the code that is generated from it.

use syn::{Attribute, Meta, parse_quote};

use crate::attr::conditional;

/// An attribute, and the conditions of the `#[cfg_attr(..)]`s around it, from the outermost.
pub(crate) struct Carried {
    pub(crate) conditions: Vec<Meta>,
    pub(crate) meta: Meta,
}

impl Carried {
    /// It as an attribute again, or another one under the same conditions.
    pub(crate) fn attribute(&self, meta: Meta) -> Attribute {
        let conditions = self.conditions.iter().rev();
        let meta =
            conditions.fold(meta, |meta, condition| parse_quote!(cfg_attr(#condition, #meta)));
        parse_quote!(#[#meta])
    }
}

/// The attributes of a name, and those that a `#[cfg_attr(..)]` adds.
pub(crate) fn named(attrs: &[Attribute], name: &str) -> Vec<Carried> {
    let mut all: Vec<_> = attrs.iter().flat_map(unconditional).collect();
    all.retain(|carried| carried.meta.path().is_ident(name));
    all
}

/// The `#[cfg(..)]`s.
pub(crate) fn cfgs(attrs: &[Attribute]) -> Vec<Attribute> {
    same(&named(attrs, "cfg"))
}

/// What silences lints. An `expect` becomes an `allow`: what it expects is in the user's code.
pub(crate) fn allowed(attrs: &[Attribute]) -> Vec<Attribute> {
    let mut allowed = same(&named(attrs, "allow"));
    for expected in named(attrs, "expect") {
        if let Meta::List(list) = &expected.meta {
            let lints = &list.tokens;
            allowed.push(expected.attribute(parse_quote!(allow(#lints))));
        }
    }
    allowed
}

fn same(all: &[Carried]) -> Vec<Attribute> {
    all.iter().map(|carried| carried.attribute(carried.meta.clone())).collect()
}

fn unconditional(attr: &Attribute) -> Vec<Carried> {
    if !attr.path().is_ident("cfg_attr") {
        return vec![Carried { conditions: Vec::new(), meta: attr.meta.clone() }];
    }
    let Some((condition, added)) = conditional(attr) else { return Vec::new() };
    let mut all: Vec<_> =
        added.iter().flat_map(|meta| unconditional(&parse_quote!(#[#meta]))).collect();
    for Carried { conditions, .. } in &mut all {
        conditions.insert(0, condition.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;

    use super::*;

    fn texts(attrs: &[Attribute]) -> Vec<String> {
        attrs.iter().map(|attr| attr.to_token_stream().to_string()).collect()
    }

    #[test]
    fn only_conditions_are_kept_of_the_attributes() {
        let attrs: [Attribute; 4] = [
            parse_quote!(#[cfg(unix)]),
            parse_quote!(#[inline]),
            parse_quote!(#[cfg_attr(test, inline, cfg(a), cfg_attr(b, cold, cfg(c)))]),
            parse_quote!(#[cfg_attr(test, inline)]),
        ];
        let expected: [Attribute; 3] = [
            parse_quote!(#[cfg(unix)]),
            parse_quote!(#[cfg_attr(test, cfg(a))]),
            parse_quote!(#[cfg_attr(test, cfg_attr(b, cfg(c)))]),
        ];
        assert_eq!(texts(&cfgs(&attrs)), texts(&expected));
    }

    #[test]
    fn what_is_expected_is_allowed() {
        let attrs: [Attribute; 3] = [
            parse_quote!(#[cfg_attr(a, allow(clippy::too_many_arguments), inline)]),
            parse_quote!(#[expect(deprecated, reason = "old")]),
            parse_quote!(#[warn(missing_docs)]),
        ];
        let expected: [Attribute; 2] = [
            parse_quote!(#[cfg_attr(a, allow(clippy::too_many_arguments))]),
            parse_quote!(#[allow(deprecated, reason = "old")]),
        ];
        assert_eq!(texts(&allowed(&attrs)), texts(&expected));
    }
}
