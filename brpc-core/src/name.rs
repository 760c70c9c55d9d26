//! The rules for names. ASCII only, so that no two names look alike and none breaks a log line.

/// The longest name of a plugin or a method, in bytes.
pub const MAX_NAME: usize = 128;

/// The longest version text, in bytes.
pub const MAX_VERSION: usize = 64;

/// The longest key of a label, in bytes.
pub const MAX_LABEL_KEY: usize = 64;

/// The longest value of a label, in bytes.
pub const MAX_LABEL_VALUE: usize = 128;

/// What names may be on one wire.
#[derive(Clone, Copy, Debug)]
pub struct NameRules {
    /// The name of a plugin.
    pub plugin: Rule,
    /// The version of a plugin.
    pub version: Rule,
    /// The name of a method.
    pub method: Rule,
}

/// What a text may be.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    is_kept: fn(&str) -> bool,
    words: &'static str,
}

impl Rule {
    /// Whether a text keeps the rule.
    pub fn allows(&self, text: &str) -> bool {
        (self.is_kept)(text)
    }

    /// The rule in words, for messages.
    pub fn words(&self) -> &'static str {
        self.words
    }
}

/// The rules of the native wire.
pub const NATIVE: NameRules = NameRules {
    plugin: Rule {
        is_kept: is_plugin_name,
        words: "a name is 1 to 128 characters of A-Z a-z 0-9 . _ - and does not start with a dot",
    },
    version: Rule {
        is_kept: |text| is_printable(text, MAX_VERSION),
        words: "a version is at most 64 printable ASCII characters",
    },
    method: Rule { is_kept: is_method_name, words: METHOD_RULE },
};

/// The rules of wires on which names are free. Such a name may look like another, so it is shown with
/// escapes.
pub const FREE: NameRules = NameRules {
    plugin: Rule { is_kept: is_text, words: TEXT_RULE },
    version: Rule {
        is_kept: |text| text.is_empty() || is_text(text),
        words: "a version is at most 128 bytes of UTF-8 without control characters",
    },
    method: Rule { is_kept: is_text, words: TEXT_RULE },
};

const METHOD_RULE: &str = "a method's name is 1 to 128 characters of A-Z a-z 0-9 . _ - / and does \
                           not start with a dot or with `brpc.`";

const TEXT_RULE: &str = "a name is 1 to 128 bytes of UTF-8 without control characters";

/// What the key of a label may be, for messages.
pub const LABEL_KEY_RULE: &str = "a label's key is 1 to 64 characters of A-Z a-z 0-9 . _ - / and \
                                  does not start with a dot or with `brpc.`";

/// What the value of a label may be, for messages.
pub const LABEL_VALUE_RULE: &str = "a label's value is at most 128 printable ASCII characters";

/// Names of methods and keys of labels that start so are kept for the protocol itself.
const RESERVED: &str = "brpc.";

fn is_text(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && !name.contains(char::is_control)
}

fn is_plugin_name(name: &str) -> bool {
    is_name(name, |byte| matches!(byte, b'.' | b'_' | b'-'))
}

fn is_method_name(name: &str) -> bool {
    is_name(name, |byte| matches!(byte, b'.' | b'_' | b'-' | b'/')) && !name.starts_with(RESERVED)
}

/// Whether a label may have this key.
pub fn is_label_key(key: &str) -> bool {
    key.len() <= MAX_LABEL_KEY && is_method_name(key)
}

/// Whether a label may have this value.
pub fn is_label_value(value: &str) -> bool {
    is_printable(value, MAX_LABEL_VALUE)
}

fn is_printable(text: &str, longest: usize) -> bool {
    text.len() <= longest && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

fn is_name(name: &str, also: impl Fn(u8) -> bool) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || also(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_plugins() {
        for good in ["a", "Greeter-2", "edge.eu_1", &"x".repeat(128)] {
            assert!(is_plugin_name(good), "{good}");
        }
        let long = "x".repeat(129);
        for bad in
            ["", ".a", "a/b", "a b", "a\n", "a\0", "a*", "../a", "\u{430}", "a\u{202e}", &long]
        {
            assert!(!is_plugin_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn names_of_other_wires() {
        for good in ["a b", "../a", "Größe", "\u{202e}x", &"x".repeat(128)] {
            assert!(is_text(good), "{good:?}");
        }
        for bad in ["", "a\n", "a\0", "\u{1b}[31m", "\u{85}", &"x".repeat(129)] {
            assert!(!is_text(bad), "{bad:?}");
        }
    }

    #[test]
    fn names_of_methods() {
        assert!(is_method_name("files/read"));
        assert!(!is_method_name("brpc.ping"));
        assert!(!is_method_name(""));
    }

    #[test]
    fn labels() {
        for good in ["a", "app.example/Zone_2", &"x".repeat(64)] {
            assert!(is_label_key(good), "{good}");
        }
        for bad in ["", ".a", "a b", "a=b", "brpc.x", "\u{430}", &"x".repeat(65)] {
            assert!(!is_label_key(bad), "{bad:?}");
        }
        assert!(is_label_value("") && is_label_value(&"~ ".repeat(64)));
        assert!(!is_label_value(&"x".repeat(129)));
        assert!(!is_label_value("\u{e4}") && !is_label_value("a\tb"));
    }

    #[test]
    fn versions() {
        assert!(NATIVE.version.allows(""));
        assert!(NATIVE.version.allows("v1.2.3-rc.1+build 7"));
        assert!(!NATIVE.version.allows("1\t2"));
        assert!(!NATIVE.version.allows(&"1".repeat(65)));
    }
}
