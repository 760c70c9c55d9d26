//! What names may be. ASCII only, so that no two names look alike and none breaks a log line.

/// The longest name of a plugin or a method, in bytes.
pub const MAX_NAME: usize = 128;

/// The longest version text, in bytes.
pub const MAX_VERSION: usize = 64;

/// The longest key of a label, in bytes.
pub const MAX_LABEL_KEY: usize = 64;

/// The longest value of a label, in bytes.
pub const MAX_LABEL_VALUE: usize = 128;

/// What the name of a plugin may be, for messages.
pub const PLUGIN_NAME_RULE: &str =
    "a name is 1 to 128 characters of A-Z a-z 0-9 . _ - and does not start with a dot";

/// What the version of a plugin may be, for messages.
pub const VERSION_RULE: &str = "a version is at most 64 printable ASCII characters";

/// What the name of a method may be, for messages.
pub const METHOD_NAME_RULE: &str = "a method's name is 1 to 128 characters of A-Z a-z 0-9 . _ - / \
                                    and does not start with a dot or with `brpc.`";

/// What the key of a label may be, for messages.
pub const LABEL_KEY_RULE: &str = "a label's key is 1 to 64 characters of A-Z a-z 0-9 . _ - / and \
                                  does not start with a dot or with `brpc.`";

/// What the value of a label may be, for messages.
pub const LABEL_VALUE_RULE: &str = "a label's value is at most 128 printable ASCII characters";

/// Names of methods and keys of labels that start so are kept for the protocol itself.
const RESERVED: &str = "brpc.";

/// Whether a plugin may have this name.
pub fn is_plugin_name(name: &str) -> bool {
    is_name(name, |byte| matches!(byte, b'.' | b'_' | b'-'))
}

/// Whether a plugin may have this version; it may be empty.
pub fn is_version(version: &str) -> bool {
    is_printable(version, MAX_VERSION)
}

/// Whether a method may have this name.
pub fn is_method_name(name: &str) -> bool {
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
        assert!(is_version(""));
        assert!(is_version("v1.2.3-rc.1+build 7"));
        assert!(!is_version("1\t2"));
        assert!(!is_version(&"1".repeat(65)));
    }
}
