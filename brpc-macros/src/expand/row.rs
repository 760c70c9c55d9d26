//! A method's row in the table.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use super::returned::Returned;
use super::{input, located};
use crate::model::{Method, Run};

/// ```text
/// /// Greets.
/// pub async fn greet(&self, cx: &Context, req: Greet) -> Greeting { .. }
/// // makes
/// __brpc::Method {
///     name: "greet",
///     description: &["Greets."],
///     input: |schemas| __brpc::Takes::<Greet>::input().schema(schemas),
///     output: |schemas| __brpc::Returns::<Greeting>::output().role().schema(schemas),
///     invoke: __brpc::Invoke::Async(..),
///     on_cancel: __brpc::OnCancel::Drop,
///     idempotent: false,
/// }
/// ```
pub(super) fn row(method: &Method) -> TokenStream {
    let Method { name, documentation, cfgs, allowed, .. } = method;
    let name = &name.text;
    let returned = Returned::of(method);
    // The code that decodes and encodes its types still checks that they suit.
    let (description, input, output) = if method.args.hidden.is_some() {
        (quote!(), input::hidden_schema(method), quote!(__brpc::any_schema))
    } else {
        let role = returned.role();
        let output = quote_spanned!(Span::mixed_site()=> |schemas| #role.schema(schemas));
        let parts = documentation.elements();
        (quote!(#(#parts),*), input::schema(method), output)
    };
    let invoke = invoke(method, &returned);
    let on_cancel = match method.run {
        Run::Async => quote!(Drop),
        Run::AsyncToEnd | Run::Sync | Run::Blocking => quote!(Finish),
    };
    let idempotent = method.args.idempotent.is_some();
    quote_spanned! {Span::mixed_site()=>
        #(#cfgs)*
        #(#allowed)*
        __brpc::Method {
            name: #name,
            description: &[#description],
            input: #input,
            output: #output,
            invoke: #invoke,
            on_cancel: __brpc::OnCancel::#on_cancel,
            idempotent: #idempotent,
        }
    }
}

/// ```text
/// pub async fn greet(&self, cx: &Context, req: Greet) -> Greeting { .. }
/// // makes
/// __brpc::Invoke::Async(|receiver, context, payload| __brpc::Box::pin(async move {
///     let req = __brpc::Takes::<Greet>::input().decode(&context, &payload)?;
///     __brpc::drop(payload);
///     let returned = Self::greet(&receiver, __brpc::context::<Context>(&context), req).await;
///     let returned = __brpc::Returns::<Greeting>::split(returned);
///     __brpc::answer(returned, |output| output.role(), |error| error.role())
/// }))
/// ```
fn invoke(method: &Method, returned: &Returned<'_>) -> TokenStream {
    let at = Span::mixed_site().located_at(method.signature.ident.span());
    let names = input::variables(method);
    let function = located(&method.signature.ident);
    let (decode, answer) = (input::decode(method, &names), returned.answer());
    let context = method.context.iter();
    match method.run {
        Run::Sync | Run::Blocking => {
            let kind = if method.run == Run::Sync { quote!(Sync) } else { quote!(Blocking) };
            quote_spanned! {at=>
                __brpc::Invoke::#kind(|receiver, context, payload| {
                    #decode
                    let returned = Self::#function(
                        receiver, #(__brpc::context::<#context>(context),)* #(#names),*
                    );
                    #answer
                })
            }
        }
        Run::Async | Run::AsyncToEnd => quote_spanned! {at=>
            __brpc::Invoke::Async(|receiver, context, payload| __brpc::Box::pin(async move {
                #decode
                __brpc::drop(payload);
                let returned = Self::#function(
                    &receiver, #(__brpc::context::<#context>(&context),)* #(#names),*
                ).await;
                #answer
            }))
        },
    }
}
