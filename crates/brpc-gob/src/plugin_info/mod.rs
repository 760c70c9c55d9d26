//! A plugin's introduction.

mod decode;
mod encode;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Entity;

/// A plugin's introduction, its first message.
///
/// Its JSON is that of the original: empty members are left out.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PluginInfo {
    /// The name under which it is called.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its own version, for people; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Its functions, by the name by which they are called.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, Function>,
}

impl PluginInfo {
    /// A plugin of this name and version.
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        functions: impl IntoIterator<Item = Function>,
    ) -> Self {
        let named = |function: Function| (function.name.clone(), function);
        Self {
            name: name.into(),
            version: version.into(),
            functions: functions.into_iter().map(named).collect(),
        }
    }
}

/// A function that a plugin offers.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Function {
    /// The name by which it is called.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its input; `None` if that has no fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Entity>,
    /// Its output; `None` if that has no fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Entity>,
}

impl Function {
    /// A function of this name.
    pub fn new(name: impl Into<String>, input: Option<Entity>, output: Option<Entity>) -> Self {
        Self { name: name.into(), input, output }
    }
}
