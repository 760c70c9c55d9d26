//! A plugin's description: its name, and its functions with their schemas.
//!
//! Properties of a schema are in the order of their names. In a program that builds `serde_json` with
//! its feature `preserve_order`, whose maps then keep their insertion order, they keep that of the
//! described type, up to the hub's `PluginInfo`.

#[cfg(feature = "schemas")]
mod compare;
#[cfg(feature = "schemas")]
mod definitions;
#[cfg(feature = "schemas")]
mod exact;
#[cfg(feature = "schemas")]
mod field;
#[cfg(not(feature = "schemas"))]
mod plain;
#[cfg(feature = "schemas")]
mod schema;

use std::collections::BTreeMap;
use std::time::Duration;

#[cfg(feature = "schemas")]
pub use schemars::Schema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "schemas")]
pub(crate) use self::compare::compare;
#[cfg(feature = "schemas")]
pub use self::compare::mismatches;
#[cfg(feature = "schemas")]
pub use self::field::{Field, FieldError};
#[cfg(not(feature = "schemas"))]
pub use self::plain::Schema;
#[cfg(feature = "schemas")]
pub use self::schema::{describe, describe_output, inputs, outputs};
use crate::wire::Wire;

/// A connected plugin, as the hub knows it.
///
/// As JSON it has its members in the order of this type, and a schema has its properties in the
/// order of their names. So the same plugin is always the same text, while nothing blocks it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PluginInfo {
    /// The name under which it is called; unique among those connected.
    pub name: String,
    /// Its own version, for people; may be empty.
    pub version: String,
    /// The wire that it speaks. In JSON the native one is left out.
    #[serde(default, skip_serializing_if = "Wire::is_native")]
    pub wire: Wire,
    /// Its labels, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The number of its connection among all that the hub has had; rises.
    pub generation: u64,
    /// The name of its identity, if the hub has found out who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// For how long already something blocks it, so that it starts no handlers; `None` if nothing
    /// does, as far as its heartbeats tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<Duration>,
    /// Its functions, in the order in which it described them.
    pub functions: Vec<Function>,
}

impl PluginInfo {
    /// A plugin of the native wire with this name and version, without labels.
    pub fn new(name: &str, version: &str, generation: u64, functions: Vec<Function>) -> Self {
        let (name, version, labels) = (name.to_owned(), version.to_owned(), BTreeMap::new());
        Self {
            name,
            version,
            wire: Wire::Native,
            labels,
            generation,
            identity: None,
            stuck: None,
            functions,
        }
    }
}

/// A function that a plugin offers: a method with the schemas of its input and output.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Function {
    /// The name by which it is called.
    pub name: String,
    /// What it does, for people; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The JSON Schema of its input; `None` if it takes none, and `true` if it doesn't describe it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Schema>,
    /// The JSON Schema of its output; `None` if it returns none, and `true` if it doesn't describe
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Schema>,
    /// Whether running it twice has the same effect as running it once, so that a caller may retry a
    /// call of which it doesn't know whether it ran. In JSON left out if not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
}

impl Function {
    /// A function of this name, without a description or schemas.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// What is wrong with a description.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// More methods than are allowed.
    #[error("more than {} methods", crate::limits::MAX_METHODS)]
    TooManyMethods,
    /// More bytes than are allowed.
    #[error(
        "{size} bytes, and the limit is {}; have several plugins, or hide methods with \
         `#[brpc(hidden)]`",
        crate::limits::MAX_DESCRIPTION
    )]
    TooLarge {
        /// The bytes of it.
        size: usize,
    },
    /// A method's name breaks the rule.
    #[error("method number {index}: {}", crate::name::METHOD_NAME_RULE)]
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
    /// The schemas have more values than are allowed, counted as the arrays, objects, members and
    /// elements in them.
    #[error(
        "the schemas of all methods have {values} values together, and the limit is {limit}; have \
         several plugins, or hide methods with `#[brpc(hidden)]`"
    )]
    TooManyValues {
        /// How many they have.
        values: usize,
        /// The limit.
        limit: usize,
    },
    /// A method's schema is not a JSON Schema, or is too deep.
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
