//! The rules for names on a wire.

use brpc_core::name::{
    MAX_NAME, METHOD_NAME_RULE, PLUGIN_NAME_RULE, VERSION_RULE, is_method_name, is_plugin_name,
    is_version,
};

/// The rules for names on one wire.
#[derive(Clone, Copy, Debug)]
pub struct NameRules {
    /// The name of a plugin.
    pub plugin: Rule,
    /// The version of a plugin.
    pub version: Rule,
    /// The name of a method.
    pub method: Rule,
}

/// The rule for a text.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    is_kept: fn(&str) -> bool,
    words: &'static str,
}

impl Rule {
    /// Whether a text meets the rule.
    pub fn allows(&self, text: &str) -> bool {
        (self.is_kept)(text)
    }

    /// The rule in words, for messages.
    pub fn words(&self) -> &'static str {
        self.words
    }
}

impl NameRules {
    /// The rules of the native wire.
    pub const NATIVE: Self = Self {
        plugin: Rule { is_kept: is_plugin_name, words: PLUGIN_NAME_RULE },
        version: Rule { is_kept: is_version, words: VERSION_RULE },
        method: Rule { is_kept: is_method_name, words: METHOD_NAME_RULE },
    };

    /// The rules of wires whose names are free. Such a name may look like another, so it is shown
    /// with escapes.
    pub const FREE: Self = Self {
        plugin: Rule { is_kept: is_text, words: TEXT_RULE },
        version: Rule {
            is_kept: |text| text.is_empty() || is_text(text),
            words: "a version is at most 128 bytes of UTF-8 without control characters",
        },
        method: Rule { is_kept: is_text, words: TEXT_RULE },
    };
}

const TEXT_RULE: &str = "a name is 1 to 128 bytes of UTF-8 without control characters";

fn is_text(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && !name.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_names() {
        for good in ["a b", "../a", "Größe", "\u{202e}x", &"x".repeat(128)] {
            assert!(is_text(good), "{good:?}");
        }
        for bad in ["", "a\n", "a\0", "\u{1b}[31m", "\u{85}", &"x".repeat(129)] {
            assert!(!is_text(bad), "{bad:?}");
        }
    }
}
