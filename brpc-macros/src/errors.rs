//! Collects mistakes, so that all are reported at once.

use std::cell::RefCell;
use std::fmt::Display;

use proc_macro2::Span;
use quote::ToTokens;

/// The mistakes found so far. Dropping it without [`finish`](Self::finish) is a bug of this crate.
#[derive(Debug)]
pub(crate) struct Errors {
    /// In the order found; `None` once finished.
    found: RefCell<Option<Vec<syn::Error>>>,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self { found: RefCell::new(Some(Vec::new())) }
    }

    /// Adds a mistake at `tokens`.
    pub(crate) fn on(&self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds a mistake at one token.
    pub(crate) fn at(&self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Adds a mistake that a parser found.
    pub(crate) fn push(&self, error: syn::Error) {
        self.found.borrow_mut().get_or_insert_default().push(error);
    }

    /// Whether nothing was found so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.borrow().as_ref().is_none_or(Vec::is_empty)
    }

    /// All of them as one error.
    pub(crate) fn finish(self) -> syn::Result<()> {
        let found = self.found.borrow_mut().take().into_iter().flatten();
        match found.reduce(|mut all, next| {
            all.combine(next);
            all
        }) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        let is_finished = self.found.borrow().is_none();
        assert!(is_finished || std::thread::panicking(), "forgot to report errors");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_reported() {
        let errors = Errors::new();
        assert!(errors.is_empty());
        errors.at(Span::call_site(), "one");
        errors.at(Span::call_site(), "two");
        let found = errors.finish().unwrap_err();
        assert_eq!(found.into_iter().map(|e| e.to_string()).collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    #[should_panic(expected = "forgot")]
    fn they_cannot_be_forgotten() {
        drop(Errors::new());
    }
}
