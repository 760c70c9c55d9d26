//! The description of a plugin's functions, as it is sent and as a hub stores it.

mod body;
mod idempotent;

use std::fmt;
use std::sync::Arc;

use brpc_core::Function;
use brpc_core::describe::DescriptionError;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

pub use self::idempotent::Idempotent;
use crate::names::NameRules;

/// The functions of a plugin: encoded once, stored as they arrived, and shared by all replicas with
/// the same description.
#[derive(Clone)]
pub struct Description {
    /// The body of the `Describe` message.
    encoded: Bytes,
    /// Its SHA-256.
    digest: [u8; 32],
    /// The names, in order; a method's number is its index here.
    names: Arc<[Box<str>]>,
    /// Indices into `names`, sorted by name.
    by_name: Arc<[u32]>,
    /// Whether the native wire allows all names.
    is_native: bool,
    /// At the plugin: which of its methods are idempotent. A hub knows that from the Hello.
    idempotent: Idempotent,
}

impl Description {
    /// The description of these functions.
    ///
    /// # Errors
    /// Which limit or rule they break.
    pub fn new(functions: &[Function]) -> Result<Self, DescriptionError> {
        Self::with_names(functions, &NameRules::NATIVE)
    }

    /// The same for a wire whose methods may have names that the native one doesn't allow.
    ///
    /// # Errors
    /// Which limit or rule they break.
    pub fn with_names(functions: &[Function], names: &NameRules) -> Result<Self, DescriptionError> {
        let described = Self::checked(body::encode(functions)?, names)?;
        Ok(Self { idempotent: Idempotent::of(functions), ..described })
    }

    /// Checks and stores a description that a plugin sent.
    pub(crate) fn decode(encoded: Bytes) -> Result<Self, DescriptionError> {
        Self::checked(encoded, &NameRules::NATIVE)
    }

    fn checked(encoded: Bytes, rules: &NameRules) -> Result<Self, DescriptionError> {
        let functions = body::decode(&encoded, rules)?;
        let names: Arc<[Box<str>]> =
            functions.iter().map(|function| function.name.into()).collect();
        let mut by_name: Vec<u32> = (0..).take(names.len()).collect();
        by_name.sort_unstable_by_key(|&place| &names[place as usize]);
        for pair in by_name.windows(2) {
            let name = &names[pair[0] as usize];
            if name == &names[pair[1] as usize] {
                return Err(DescriptionError::Duplicate { name: name.to_string() });
            }
        }
        drop(functions);
        let digest = Sha256::digest(&encoded).into();
        let is_native = names.iter().all(|name| NameRules::NATIVE.method.allows(name));
        let (by_name, idempotent) = (by_name.into(), Idempotent::default());
        Ok(Self { encoded, digest, names, by_name, is_native, idempotent })
    }

    /// Whether a plugin of the native wire may have it, and not only one of another wire.
    pub(crate) fn is_native(&self) -> bool {
        self.is_native
    }

    /// Its SHA-256, by which a hub recognizes it.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Which of its methods are idempotent, at the plugin that has them.
    pub fn idempotent(&self) -> &Idempotent {
        &self.idempotent
    }

    /// The body of the `Describe` message.
    pub(crate) fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    /// How many methods there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no method.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The number of a method on the wire.
    pub fn method(&self, name: &str) -> Option<u32> {
        let found = self.by_name.binary_search_by(|&place| (*self.names[place as usize]).cmp(name));
        found.ok().map(|index| self.by_name[index])
    }

    /// The name of a method.
    pub fn name(&self, method: u32) -> Option<&str> {
        self.names.get(method as usize).map(|name| &**name)
    }

    /// The names of the methods, in the order of their numbers.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// The functions, decoded. At a hub it isn't said here which are idempotent.
    pub fn functions(&self) -> Vec<Function> {
        let schema = |text: Option<&str>| text.and_then(|text| serde_json::from_str(text).ok());
        body::decode(&self.encoded, &NameRules::FREE)
            .into_iter()
            // A function that doesn't decode is never stored.
            .flatten()
            .zip(0..)
            .map(|(encoded, number)| {
                let mut function = Function::new(encoded.name);
                encoded.description.clone_into(&mut function.description);
                function.input = schema(encoded.input);
                function.output = schema(encoded.output);
                function.idempotent = self.idempotent.contains(number);
                function
            })
            .collect()
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description").field("names", &self.names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use brpc_core::describe::Schema;
    use serde_json::json;

    use super::*;

    fn described(
        name: &str,
        description: &str,
        input: serde_json::Value,
        output: serde_json::Value,
    ) -> Function {
        let schema = |value: serde_json::Value| Schema::try_from(value).ok();
        let mut function = Function::new(name);
        description.clone_into(&mut function.description);
        (function.input, function.output) = (schema(input), schema(output));
        function
    }

    #[test]
    fn functions_survive_the_wire() {
        let functions = vec![
            described("zeta/add", "Adds.", json!({"type": "object"}), json!({"type": "integer"})),
            Function::new("alpha"),
        ];
        let description = Description::new(&functions).unwrap();
        assert_eq!(description.functions(), functions);
        assert_eq!(description.method("zeta/add"), Some(0));
        assert_eq!(description.method("alpha"), Some(1));
        assert_eq!(description.method("beta"), None);
        assert_eq!(description.name(1), Some("alpha"));
    }

    #[test]
    fn names_are_unique_and_follow_the_rule() {
        let named = |names: &[&str]| {
            Description::new(&names.iter().copied().map(Function::new).collect::<Vec<_>>())
        };
        assert_eq!(
            named(&["b", "a", "b"]).unwrap_err(),
            DescriptionError::Duplicate { name: "b".to_owned() }
        );
        assert_eq!(named(&["a", "b b"]).unwrap_err(), DescriptionError::BadName { index: 1 });
    }

    #[test]
    fn h13_methods_are_counted_before_they_are_decoded() {
        let functions: Vec<_> = (0..1025).map(|n| Function::new(format!("m{n}"))).collect();
        assert!(Description::new(&functions[..1024]).is_ok());
        assert_eq!(Description::new(&functions).unwrap_err(), DescriptionError::TooManyMethods);
        // A count of 2^32 - 1 and nothing behind it.
        let bomb = Bytes::from_static(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);
        assert_eq!(Description::decode(bomb).unwrap_err(), DescriptionError::TooManyMethods);
    }

    #[test]
    fn schemas_are_bounded() {
        let nested = |depth| {
            let mut value = json!(true);
            for _ in 0..depth {
                value = json!({ "items": value });
            }
            Description::new(&[described("f", "", value, json!(true))])
        };
        assert!(nested(32).is_ok());
        assert!(matches!(nested(33).unwrap_err(), DescriptionError::BadSchema { .. }));
        let many = |count: usize| {
            let schema = || json!({ "enum": vec![0; count] });
            let functions = ["f", "g"].map(|name| described(name, "", schema(), schema()));
            Description::new(&functions)
        };
        assert!(many(32_000).is_ok());
        let error = many(33_000).unwrap_err();
        let values = 4 * (33_000 + 3);
        assert_eq!(error, DescriptionError::TooManyValues { values, limit: 131_072 });
        assert!(error.to_string().contains("132012 values together, and the limit is 131072"));
        let bad = body::encode_raw("f", "[]");
        assert!(matches!(
            Description::decode(bad).unwrap_err(),
            DescriptionError::BadSchema { problem, .. } if problem.starts_with("a schema is")
        ));
    }

    #[test]
    fn h15_a_bomb_of_brackets_does_not_reach_the_decoder() {
        let bomb = body::encode_raw("f", &"[".repeat(24_000));
        assert!(matches!(
            Description::decode(bomb).unwrap_err(),
            DescriptionError::BadSchema { .. }
        ));
    }
}
