//! The settings in `#[plugin(..)]` and `#[brpc(..)]`.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta, Path, Token};

use crate::case::Case;
use crate::errors::Errors;

/// The settings in `#[plugin(..)]`.
#[derive(Default)]
pub(crate) struct PluginArgs {
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<LitStr>,
    pub(crate) rename_all: Option<Case>,
    /// Whether a typed client is generated.
    pub(crate) client: Option<Ident>,
    pub(crate) facade: Option<Path>,
}

/// The settings in `#[client(..)]`.
#[derive(Default)]
pub(crate) struct ClientArgs {
    pub(crate) rename_all: Option<Case>,
    pub(crate) facade: Option<Path>,
}

/// The settings in a method's `#[brpc(..)]`. A key is kept for its span.
#[derive(Default)]
pub(crate) struct MethodArgs {
    pub(crate) hook: Option<Ident>,
    pub(crate) skip: Option<Ident>,
    pub(crate) hidden: Option<Ident>,
    pub(crate) rename: Option<(Ident, LitStr)>,
    pub(crate) blocking: Option<Ident>,
    pub(crate) no_cancel: Option<Ident>,
    pub(crate) idempotent: Option<Ident>,
}

impl PluginArgs {
    /// Reads what is in the parentheses of `#[plugin(..)]`.
    pub(crate) fn parse(errors: &Errors, tokens: TokenStream) -> Self {
        let mut args = Self::default();
        for Setting { key, value } in settings(errors, tokens) {
            let once = match key.to_string().as_str() {
                "name" => set(&mut args.name, text(errors, &key, value)),
                "version" => set(&mut args.version, text(errors, &key, value)),
                "rename_all" => set(&mut args.rename_all, case(errors, &key, value)),
                "client" => set(&mut args.client, Some(flag(errors, "plugin", &key, value))),
                "crate" => set(&mut args.facade, path(errors, &key, value)),
                _ => {
                    errors.on(
                        &key,
                        "no such setting; there are `name = \"..\"`, `version = \"..\"`, \
                         `rename_all = \"..\"`, `client` and `crate = path`",
                    );
                    true
                }
            };
            check_once(errors, &key, once);
        }
        args
    }
}

impl ClientArgs {
    /// Reads what is in the parentheses of `#[client(..)]`.
    pub(crate) fn parse(errors: &Errors, tokens: TokenStream) -> Self {
        let mut args = Self::default();
        for Setting { key, value } in settings(errors, tokens) {
            let once = match key.to_string().as_str() {
                "rename_all" => set(&mut args.rename_all, case(errors, &key, value)),
                "crate" => set(&mut args.facade, path(errors, &key, value)),
                _ => {
                    errors.on(
                        &key,
                        "no such setting; there are `rename_all = \"..\"` and `crate = path`",
                    );
                    true
                }
            };
            check_once(errors, &key, once);
        }
        args
    }
}

impl MethodArgs {
    /// Removes the `#[brpc(..)]` from a method's attributes and reads them.
    pub(crate) fn take(errors: &Errors, attrs: &mut Vec<Attribute>) -> Self {
        let mut args = Self::default();
        for attr in take_helpers(errors, attrs) {
            let Meta::List(list) = attr.meta else {
                errors.on(attr, format!("write `#[brpc(..)]` with one or more of {METHOD_KEYS}"));
                continue;
            };
            for Setting { key, value } in settings(errors, list.tokens) {
                args.set(errors, &key, value);
            }
        }
        args
    }

    /// The keys that are given.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Ident> {
        let rename = self.rename.as_ref().map(|(key, _)| key);
        let flags = [&self.hook, &self.skip, &self.hidden, &self.blocking, &self.no_cancel];
        flags.into_iter().chain([&self.idempotent]).map(Option::as_ref).chain([rename]).flatten()
    }

    fn set(&mut self, errors: &Errors, key: &Ident, value: Option<Expr>) {
        let place = match key.to_string().as_str() {
            "rename" => {
                let name = text(errors, key, value);
                let once = set(&mut self.rename, name.map(|name| (key.clone(), name)));
                return check_once(errors, key, once);
            }
            "hook" => &mut self.hook,
            "skip" => &mut self.skip,
            "hidden" => &mut self.hidden,
            "blocking" => &mut self.blocking,
            "no_cancel" => &mut self.no_cancel,
            "idempotent" => &mut self.idempotent,
            _ => return errors.on(key, format!("no such setting; there are {METHOD_KEYS}")),
        };
        let once = set(place, Some(flag(errors, "brpc", key, value)));
        check_once(errors, key, once);
    }
}

/// Removes the `#[brpc(..)]` from an item's attributes.
pub(crate) fn take_helpers(errors: &Errors, attrs: &mut Vec<Attribute>) -> Vec<Attribute> {
    attrs.retain(|attr| {
        let hidden = attr.path().is_ident("cfg_attr") && mentions_helper(attr);
        if hidden {
            errors.on(
                attr,
                "`#[brpc(..)]` can't be conditional; write the method twice, each with a `#[cfg(..)]`",
            );
        }
        !hidden
    });
    attrs.extract_if(.., |attr| attr.path().is_ident("brpc")).collect()
}

/// Whether a `#[cfg_attr(..)]` adds a `#[brpc(..)]`.
fn mentions_helper(attr: &Attribute) -> bool {
    conditional(attr)
        .is_some_and(|(_, added)| added.iter().any(|meta| meta.path().is_ident("brpc")))
}

/// The condition of a `#[cfg_attr(..)]`, and what it adds.
pub(crate) fn conditional(attr: &Attribute) -> Option<(Meta, Vec<Meta>)> {
    let list = attr.meta.require_list().ok()?;
    let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
    let mut metas = parser.parse2(list.tokens.clone()).ok()?.into_iter();
    Some((metas.next()?, metas.collect()))
}

/// `key` or `key = value`.
struct Setting {
    key: Ident,
    value: Option<Expr>,
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = Ident::parse_any(input)?;
        let equals: Option<Token![=]> = input.parse()?;
        Ok(Self { key, value: equals.map(|_| input.parse()).transpose()? })
    }
}

/// A list of settings; empty if it can't be read.
fn settings(errors: &Errors, tokens: TokenStream) -> Punctuated<Setting, Token![,]> {
    Punctuated::parse_terminated.parse2(tokens).unwrap_or_else(|error| {
        errors.push(error);
        Punctuated::new()
    })
}

/// Stores a setting that was read, if any; `false` if it was already set.
fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let once = place.is_none() || value.is_none();
    *place = place.take().or(value);
    once
}

fn check_once(errors: &Errors, key: &Ident, once: bool) {
    if !once {
        errors.on(key, format!("`{key}` is given twice"));
    }
}

/// A setting without a value, of this attribute.
fn flag(errors: &Errors, attribute: &str, key: &Ident, value: Option<Expr>) -> Ident {
    if let Some(value) = value {
        errors.on(value, format!("`{key}` has no value; write `#[{attribute}({key})]`"));
    }
    key.clone()
}

/// The value of a setting that is a string.
fn text(errors: &Errors, key: &Ident, value: Option<Expr>) -> Option<LitStr> {
    match value {
        Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => return Some(text),
        Some(other) => errors.on(other, format!("write a string: `{key} = \"..\"`")),
        None => errors.on(key, format!("write `{key} = \"..\"`")),
    }
    None
}

/// The value of a setting that is a case.
fn case(errors: &Errors, key: &Ident, value: Option<Expr>) -> Option<Case> {
    let text = text(errors, key, value)?;
    let case = Case::parse(&text.value());
    if case.is_none() {
        errors.on(&text, format!("no such case; there are {}", Case::LISTED));
    }
    case
}

/// The value of a setting that is a path.
fn path(errors: &Errors, key: &Ident, value: Option<Expr>) -> Option<Path> {
    match value {
        Some(Expr::Path(path)) if path.qself.is_none() => return Some(path.path),
        Some(other) => errors.on(other, format!("write a path: `{key} = ::brpc`")),
        None => errors.on(key, format!("write `{key} = path`")),
    }
    None
}

const METHOD_KEYS: &str =
    "`hook`, `skip`, `hidden`, `rename = \"..\"`, `blocking`, `no_cancel` and `idempotent`";
