//! Why a client doesn't match the plugins that it calls.

use std::fmt;

use thiserror::Error;

use super::Shown;

/// Why calls of a typed client would fail, as far as can be told before the first one.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InterfaceError {
    /// No plugin of that name is connected.
    #[error("no plugin named `{}` is connected", name.escape_debug())]
    NoPlugin {
        /// The name that was asked for.
        name: String,
    },
    /// The plugin's connection has ended, or is one to another hub.
    #[error("the plugin is not connected any more")]
    Gone,
    /// The descriptions of plugins don't match what the client expects: the differences, never
    /// none, and at most 100 per plugin.
    #[error("the client doesn't match: {}", listed(.0))]
    Mismatch(Vec<Mismatch>),
    /// It can't be told whether plugins of the Go package match: their descriptions differ from
    /// what the client expects, but only where that package describes loosely. Once it has described
    /// a `[]T`, it may describe a `T` as `[]T`, too, and it describes an array without its length.
    /// The differences, never none; calls may work.
    #[error(
        "it can't be told whether the client matches, since the Go package describes lists loosely: {}",
        listed(.0)
    )]
    Untold(Vec<Mismatch>),
}

/// One difference between what a client expects and a plugin's description.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Mismatch {
    /// The plugin's name.
    pub plugin: String,
    /// The name by which the method is called.
    pub method: String,
    /// What differs.
    pub difference: Difference,
}

/// What differs about a method.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Difference {
    /// The plugin has no such method.
    NoMethod {
        /// Those that it has, in its order.
        known: Vec<String>,
    },
    /// The client sends values that the plugin doesn't accept.
    Input {
        /// The JSON path of the rejected part; `.` is the input as a whole, `[]` any element of an
        /// array, and `*` any member of a map.
        path: String,
        /// What is taken, and what is sent.
        problem: String,
    },
    /// The plugin sends values that the client doesn't accept.
    Output {
        /// The JSON path of the rejected part, as for an input.
        path: String,
        /// What is taken, and what is sent.
        problem: String,
    },
}

impl InterfaceError {
    /// Every difference; none if no plugin is connected, or if none is certain.
    pub fn mismatches(&self) -> &[Mismatch] {
        match self {
            Self::Mismatch(mismatches) => mismatches,
            Self::Untold(_) | Self::NoPlugin { .. } | Self::Gone => &[],
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, plugin) = (self.method.escape_debug(), self.plugin.escape_debug());
        write!(f, "`{method}` of `{plugin}`: {}", self.difference)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMethod { known } if known.is_empty() => {
                f.write_str("there is no method at all")
            }
            Self::NoMethod { known } => {
                let shown: Vec<_> = known
                    .iter()
                    .take(SHOWN)
                    .map(|name| format!("`{}`", name.escape_debug()))
                    .collect();
                let more = if known.len() > SHOWN { ", .." } else { "" };
                write!(f, "there is no such method, but {}{more}", shown.join(", "))
            }
            Self::Input { path, problem } => {
                write!(f, "input `{}`: {}", Shown(path), Shown(problem))
            }
            Self::Output { path, problem } => {
                write!(f, "output `{}`: {}", Shown(path), Shown(problem))
            }
        }
    }
}

/// The most methods that a text names: enough to spot a misspelled name.
const SHOWN: usize = 16;

fn listed(mismatches: &[Mismatch]) -> String {
    let lines: Vec<_> = mismatches.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_every_difference() {
        let mismatch = |difference| Mismatch {
            plugin: "ada".to_owned(),
            method: "greet".to_owned(),
            difference,
        };
        let error = InterfaceError::Mismatch(vec![
            mismatch(Difference::NoMethod { known: vec!["hello".to_owned(), "add".to_owned()] }),
            mismatch(Difference::Input { path: "name".to_owned(), problem: "no".to_owned() }),
            mismatch(Difference::Output { path: ".".to_owned(), problem: "none".to_owned() }),
        ]);
        assert_eq!(
            error.to_string(),
            "the client doesn't match: `greet` of `ada`: there is no such method, but `hello`, `add`; \
             `greet` of `ada`: input `name`: no; `greet` of `ada`: output `.`: none"
        );
        let many = Difference::NoMethod { known: vec!["m".to_owned(); 17] };
        assert!(many.to_string().ends_with("`m`, .."));
        let none = Difference::NoMethod { known: Vec::new() };
        assert_eq!(none.to_string(), "there is no method at all");
    }
}
