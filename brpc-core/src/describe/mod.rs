//! What a plugin says of itself: its name, and its functions with their schemas.
//!
//! Properties of a schema keep their order, from the type that is described to what a hub says of
//! it. For that `serde_json` is built with its feature `preserve_order`, for the whole program: its
//! maps keep the order in which they are filled.

mod compare;
mod definitions;
mod exact;
mod field;
mod schema;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use schemars::Schema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::compare::mismatches;
pub use self::field::{Field, FieldError};
pub use self::schema::{describe, describe_output, inputs, outputs};
use crate::name::{is_method_name, is_text};
use crate::wire;

/// A connected plugin, as the hub knows it.
///
/// As JSON it has its members in the order of this type, and a schema its properties in the order in
/// which the plugin described them. So the same plugin is always the same text.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PluginInfo {
    /// The name under which it is called; unique among those connected.
    pub name: String,
    /// Its own version, for people; may be empty.
    pub version: String,
    /// What it says of where and what it is, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The number of its connection among all that the hub has had; rises.
    pub generation: u64,
    /// Its functions, in the order in which it described them.
    pub functions: Vec<Function>,
}

impl PluginInfo {
    /// A plugin of this name and version, without labels.
    pub fn new(name: &str, version: &str, generation: u64, functions: Vec<Function>) -> Self {
        let (name, version, labels) = (name.to_owned(), version.to_owned(), BTreeMap::new());
        Self { name, version, labels, generation, functions }
    }
}

/// A function that a plugin offers: a method, with what it takes and gives.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Function {
    /// The name by which it is called.
    pub name: String,
    /// What it does, for people; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The JSON Schema of its input; `None` if it takes none, and `true` if it doesn't say what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Schema>,
    /// The JSON Schema of its output; `None` if it gives none, and `true` if it doesn't say what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Schema>,
}

impl Function {
    /// A function of this name that says nothing else of itself.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// The functions of a plugin, as they travel: encoded once, kept as they came, and shared by all
/// replicas that describe themselves alike.
#[derive(Clone)]
pub struct Description {
    /// The body of the `Describe` frame.
    encoded: Bytes,
    /// Its SHA-256.
    digest: [u8; 32],
    /// The names, in their order; a method's number is its place here.
    names: Arc<[Box<str>]>,
    /// Places in `names`, sorted by name.
    by_name: Arc<[u32]>,
    /// Whether the native wire allows all names.
    is_native: bool,
}

/// What is wrong with a description.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// More methods than are allowed.
    #[error("more than {} methods", crate::limits::MAX_METHODS)]
    TooManyMethods,
    /// More bytes than are allowed.
    #[error("{size} bytes, and the limit is {}", crate::limits::MAX_DESCRIPTION)]
    TooLarge {
        /// The bytes of it.
        size: usize,
    },
    /// A method's name breaks the rule.
    #[error("method number {index}: {}", crate::name::METHOD_RULE)]
    BadName {
        /// Which method, from 0.
        index: usize,
    },
    /// Two methods have the same name.
    #[error("two methods are named `{}`", name.escape_debug())]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A method's schema is not a JSON Schema, or is too deep or too large.
    #[error("a schema of method `{}` is not usable: {problem}", name.escape_debug())]
    BadSchema {
        /// The method's name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The bytes are not those of a description.
    #[error("malformed")]
    Malformed,
}

impl Description {
    /// The description of these functions.
    ///
    /// # Errors
    /// Which limit or rule they break.
    pub fn new(functions: &[Function]) -> Result<Self, DescriptionError> {
        Self::decode(wire::encode_description(functions)?)
    }

    /// The description of the functions of a plugin of another wire, whose methods have
    /// [names](crate::name::is_text) that the native one doesn't allow.
    ///
    /// # Errors
    /// Which limit or rule they break.
    pub fn foreign(functions: &[Function]) -> Result<Self, DescriptionError> {
        Self::checked(wire::encode_description(functions)?, is_text)
    }

    /// Checks and keeps what a plugin sent.
    pub(crate) fn decode(encoded: Bytes) -> Result<Self, DescriptionError> {
        Self::checked(encoded, is_method_name)
    }

    fn checked(encoded: Bytes, is_name: fn(&str) -> bool) -> Result<Self, DescriptionError> {
        let functions = wire::decode_description(&encoded, is_name)?;
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
        let is_native = names.iter().all(|name| is_method_name(name));
        Ok(Self { encoded, digest, names, by_name: by_name.into(), is_native })
    }

    /// Whether a plugin of the native wire may have it, and not only one of another wire.
    pub(crate) fn is_native(&self) -> bool {
        self.is_native
    }

    /// Its SHA-256, by which a hub knows it again.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The body of the `Describe` frame.
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

    /// The number by which a method goes on the wire.
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

    /// The functions, decoded.
    pub fn functions(&self) -> Vec<Function> {
        let schema = |text: Option<&str>| text.and_then(|text| serde_json::from_str(text).ok());
        wire::decode_description(&self.encoded, is_text)
            .into_iter()
            // One that doesn't decode is never made.
            .flatten()
            .map(|function| Function {
                name: function.name.to_owned(),
                description: function.description.to_owned(),
                input: schema(function.input),
                output: schema(function.output),
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
    use serde_json::json;

    use super::*;

    fn schema(value: serde_json::Value) -> Option<Schema> {
        value.try_into().ok()
    }

    #[test]
    fn functions_survive_the_wire() {
        let functions = vec![
            Function {
                description: "Adds.".to_owned(),
                input: schema(json!({"type": "object"})),
                output: schema(json!({"type": "integer"})),
                ..Function::new("zeta/add")
            },
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
    fn methods_are_counted_before_they_are_decoded() {
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
            Description::new(&[Function { input: schema(value), ..Function::new("f") }])
        };
        assert!(nested(32).is_ok());
        assert!(matches!(nested(33).unwrap_err(), DescriptionError::BadSchema { .. }));
        let many = |count: usize| {
            let value = json!({ "enum": vec![0; count] });
            Description::new(&[Function { input: schema(value), ..Function::new("f") }])
        };
        assert!(many(16_000).is_ok());
        assert!(many(17_000).is_err());
    }

    #[test]
    fn a_bomb_of_brackets_does_not_reach_the_decoder() {
        let bomb = wire::encode_raw_description("f", &"[".repeat(24_000));
        assert!(matches!(
            Description::decode(bomb).unwrap_err(),
            DescriptionError::BadSchema { .. }
        ));
    }
}
