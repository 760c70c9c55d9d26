//! The rule for names on this wire.
//!
//! A program of Go names its plugin as it likes and its methods by any letters, so the rule of the
//! own wire is too narrow here. What would break a line of a log is refused all the same.

use brpc_core::name::MAX_NAME;

/// What a name of a plugin or a method may be on this wire, for messages.
pub const RULE: &str = "a name is 1 to 128 bytes of UTF-8 without control characters";

/// Whether a plugin or a method may have this name on this wire.
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let longest = "x".repeat(128);
        for good in ["a", "Größe", "Test Plugin", ".x", "brpc.ping", "a/b", &longest] {
            assert!(is_name(good), "{good}");
        }
        let (long, wide) = ("x".repeat(129), "\u{e4}".repeat(65));
        for bad in ["", "a\n", "\0", "\u{7f}", "a\u{85}b", "\u{1b}[1m", &long, &wide] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
