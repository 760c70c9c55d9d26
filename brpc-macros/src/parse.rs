//! From an impl block to its model. Refuses only what can't be parsed.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, ItemTrait, Path, ReturnType,
    Signature, TraitItem, Type, Visibility, parse_quote,
};

use crate::attr::{self, ClientArgs, MethodArgs, PluginArgs};
use crate::carried::{self, allowed, cfgs};
use crate::case::{self, Case};
use crate::docs::Documentation;
use crate::errors::Errors;
use crate::model::{Hook, Input, Interface, Method, Name, Plugin, Reason, Run, Unexposed};
use crate::syntax::{named_self, type_name, ungrouped};

/// Reads a block and removes the helper attributes from it.
pub(crate) fn plugin(
    errors: &Errors,
    args: TokenStream,
    block: &mut ItemImpl,
    facade: Path,
) -> Plugin {
    let PluginArgs { name, version, rename_all, client, facade: renamed } =
        PluginArgs::parse(errors, args);
    let (mut methods, mut hooks, mut unexposed) = (Vec::new(), Vec::new(), Vec::new());
    for item in &mut block.items {
        let ImplItem::Fn(function) = item else {
            match item {
                ImplItem::Const(item) => refuse_helpers(errors, &mut item.attrs),
                ImplItem::Type(item) => refuse_helpers(errors, &mut item.attrs),
                ImplItem::Macro(item) => refuse_helpers(errors, &mut item.attrs),
                _ => {}
            }
            continue;
        };
        let args = MethodArgs::take(errors, &mut function.attrs);
        for parameter in &mut function.sig.inputs {
            refuse_helpers(
                errors,
                match parameter {
                    FnArg::Typed(typed) => &mut typed.attrs,
                    FnArg::Receiver(receiver) => &mut receiver.attrs,
                },
            );
        }
        if let Some(key) = args.hook.clone() {
            let (cfgs, signature) = (cfgs(&function.attrs), function.sig.clone());
            hooks.push(Hook { key, cfgs, args, signature });
        } else if let Some(reason) = hiding(function, &args) {
            unexposed.push(Unexposed { ident: function.sig.ident.clone(), args, reason });
        } else {
            let method = method(&function.attrs, &function.sig, args, rename_all);
            methods.push(method.of(&block.self_ty));
            hide_from_lints(&mut function.vis);
        }
    }
    Plugin {
        block: block.clone(),
        name: plugin_name(name, &block.self_ty),
        version,
        client,
        facade: renamed.unwrap_or(facade),
        allowed: allowed(&block.attrs),
        methods,
        hooks,
        unexposed,
    }
}

/// Has lints take a method for one that the macro made. It needs what some of them would change:
/// `pub` exposes a method, `&self` makes it one, and inputs are owned. An `allow` would be refused
/// where the user forbids a lint.
fn hide_from_lints(visibility: &mut Visibility) {
    if let Visibility::Public(token) = visibility {
        token.span = Span::mixed_site().located_at(token.span);
    }
}

/// Removes the `#[brpc(..)]` from items that aren't methods.
fn refuse_helpers(errors: &Errors, attrs: &mut Vec<Attribute>) {
    for attr in attr::take_helpers(errors, attrs) {
        errors.on(attr, "`#[brpc(..)]` goes on a method");
    }
}

/// Why a function is not exposed, if it isn't.
fn hiding(function: &ImplItemFn, args: &MethodArgs) -> Option<Reason> {
    if function.sig.receiver().is_none() {
        Some(Reason::NoSelf)
    } else if !matches!(function.vis, Visibility::Public(_)) {
        Some(Reason::Private)
    } else if args.skip.is_some() {
        Some(Reason::Skipped)
    } else {
        None
    }
}

/// Reads a trait and removes the helper attributes from it.
pub(crate) fn interface(
    errors: &Errors,
    args: TokenStream,
    item: &mut ItemTrait,
    facade: Path,
) -> Interface {
    let ClientArgs { rename_all, facade: renamed } = ClientArgs::parse(errors, args);
    let mut methods = Vec::new();
    for item in &mut item.items {
        if let TraitItem::Fn(function) = item {
            let args = MethodArgs::take(errors, &mut function.attrs);
            methods.push(method(&function.attrs, &function.sig, args, rename_all));
        }
    }
    Interface {
        item: item.clone(),
        facade: renamed.unwrap_or(facade),
        allowed: allowed(&item.attrs),
        methods,
    }
}

fn method(
    attrs: &[Attribute],
    signature: &Signature,
    args: MethodArgs,
    rename_all: Option<Case>,
) -> Method {
    let name = match (&args.rename, rename_all) {
        (Some((_, name)), _) => Name { text: name.value(), span: name.span() },
        (None, case) => {
            let ident = signature.ident.unraw().to_string();
            let text = case.map_or_else(|| ident.clone(), |case| case.apply(&ident));
            Name { text, span: signature.ident.span() }
        }
    };
    let mut inputs: Vec<Input> = signature
        .inputs
        .iter()
        .filter_map(|parameter| match parameter {
            FnArg::Typed(typed) => {
                Some(Input { pattern: (*typed.pat).clone(), ty: (*typed.ty).clone() })
            }
            FnArg::Receiver(_) => None,
        })
        .collect();
    let context = match inputs.first().map(|first| ungrouped(&first.ty)) {
        Some(Type::Reference(reference)) => Some((*reference.elem).clone()),
        _ => None,
    };
    if context.is_some() {
        inputs.remove(0);
    }
    let deprecated = carried::named(attrs, "deprecated");
    let used = deprecated.iter().map(|it| it.attribute(parse_quote!(allow(deprecated))));
    Method {
        name,
        documentation: Documentation::of(attrs),
        cfgs: cfgs(attrs),
        allowed: allowed(attrs).into_iter().chain(used).collect(),
        run: run(signature, &args),
        args,
        signature: signature.clone(),
        context,
        inputs,
        returned: match &signature.output {
            ReturnType::Type(_, ty) => Some((**ty).clone()),
            ReturnType::Default => None,
        },
    }
}

fn run(signature: &Signature, args: &MethodArgs) -> Run {
    match (&signature.asyncness, &args.blocking, &args.no_cancel) {
        (Some(_), _, None) => Run::Async,
        (Some(_), _, Some(_)) => Run::AsyncToEnd,
        (None, None, _) => Run::Sync,
        (None, Some(_), _) => Run::Blocking,
    }
}

/// The given name, or else that of the type.
fn plugin_name(given: Option<syn::LitStr>, self_type: &Type) -> Name {
    if let Some(name) = given {
        return Name { text: name.value(), span: name.span() };
    }
    let ident = type_name(self_type);
    let text = ident.map(|ident| case::snake(&ident.unraw().to_string()));
    Name {
        text: text.unwrap_or_default(),
        span: ident.map_or_else(|| self_type.span(), Ident::span),
    }
}

impl Method {
    /// The method of this type, whose name stands for `Self` where other code needs the types.
    fn of(mut self, self_type: &Type) -> Self {
        let inputs = self.inputs.iter_mut().map(|input| &mut input.ty);
        for ty in inputs.chain(&mut self.context).chain(&mut self.returned) {
            *ty = named_self(ty, self_type);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens, quote};

    use super::*;

    fn parsed(args: TokenStream, mut block: ItemImpl) -> Plugin {
        let errors = Errors::new();
        let plugin = plugin(&errors, args, &mut block, parse_quote!(::brpc));
        errors.finish().unwrap();
        plugin
    }

    #[test]
    fn a_block_has_a_name_a_version_and_a_crate() {
        let plugin = parsed(
            quote!(),
            parse_quote!(
                impl<T> a::DiskWatcher<T> {}
            ),
        );
        assert_eq!(plugin.name.text, "disk_watcher");
        assert!(plugin.version.is_none());
        assert_eq!(plugin.facade.to_token_stream().to_string(), ":: brpc");
        let args = quote!(name = "disk", version = "2", crate = crate::renamed);
        let plugin = parsed(args, parse_quote!(impl DiskWatcher {}));
        assert_eq!(plugin.name.text, "disk");
        assert_eq!(plugin.version.unwrap().value(), "2");
        assert_eq!(plugin.facade.to_token_stream().to_string(), "crate :: renamed");
    }

    #[test]
    fn functions_are_sorted() {
        let plugin = parsed(
            quote!(),
            parse_quote! {
                impl Greeter {
                    const NAME: &str = "";
                    pub fn new() -> Self {}
                    fn private(&self) {}
                    pub(crate) fn of_the_crate(&self) {}
                    #[brpc(skip)]
                    pub fn skipped(self) {}
                    #[brpc(hook)]
                    fn hook(&mut self, hook: AsyncHook) {}
                    pub fn exposed(&mut self) {}
                }
            },
        );
        let reasons: Vec<Reason> =
            plugin.unexposed.iter().map(|function| function.reason).collect();
        assert_eq!(reasons, [Reason::NoSelf, Reason::Private, Reason::Private, Reason::Skipped]);
        assert_eq!(plugin.hooks.len(), 1);
        assert_eq!(plugin.methods.len(), 1);
        assert_eq!(plugin.methods[0].name.text, "exposed");
        assert!(!plugin.block.to_token_stream().to_string().contains("brpc"));
    }

    #[test]
    fn the_first_reference_is_the_context() {
        let plugin = parsed(
            quote!(),
            parse_quote! {
                impl Greeter {
                    pub fn both(&self, cx: (&a::Context), (a, b): Pair, mut c: u8, _: u8) {}
                    pub fn neither(&self) -> u8 {}
                }
            },
        );
        let [both, neither] = &plugin.methods[..] else { panic!("two methods") };
        assert_eq!(both.context.to_token_stream().to_string(), "a :: Context");
        let names = |method: &Method| -> Vec<Option<String>> {
            method.inputs.iter().map(|input| input.name().map(ToString::to_string)).collect()
        };
        assert_eq!(names(both), [None, Some("c".to_owned()), None]);
        assert!(both.returned.is_none());
        assert!(neither.context.is_none() && neither.inputs.is_empty());
        assert_eq!(neither.returned.to_token_stream().to_string(), "u8");
    }

    #[test]
    fn settings_of_methods() {
        let plugin = parsed(
            quote!(rename_all = "camelCase"),
            parse_quote! {
                impl Greeter {
                    pub fn say_hello(&self) {}
                    #[brpc(rename = "hi", blocking)]
                    pub fn say_hi(&self) {}
                    pub async fn r#type(&self) {}
                    #[brpc(no_cancel)]
                    pub async fn to_the_end(&self) {}
                }
            },
        );
        let rows: Vec<(&str, Run)> =
            plugin.methods.iter().map(|method| (&*method.name.text, method.run)).collect();
        let expected = [
            ("sayHello", Run::Sync),
            ("hi", Run::Blocking),
            ("type", Run::Async),
            ("toTheEnd", Run::AsyncToEnd),
        ];
        assert_eq!(rows, expected);
    }
}
