//! The rules for names and versions. The hub checks the same rules when a plugin registers.

/// Why something can't be a plugin's name.
pub(crate) fn plugin(name: &str) -> Result<(), String> {
    alphabet("plugin", name, "")
}

/// Why something can't be a method's name.
pub(crate) fn method(name: &str) -> Result<(), String> {
    alphabet("method", name, "/")?;
    if name.starts_with(RESERVED) {
        return Err(format!("names that start with `{RESERVED}` are reserved"));
    }
    Ok(())
}

/// Why something can't be a plugin's version.
pub(crate) fn version(version: &str) -> Result<(), String> {
    if version.len() > 64 || !version.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err("a version has at most 64 characters, all of them printable ASCII".to_owned());
    }
    Ok(())
}

fn alphabet(whose: &str, name: &str, more: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c) || more.contains(c);
    if name.is_empty() || name.len() > 128 || !name.chars().all(allowed) {
        let slash = if more.is_empty() { "" } else { ", `/`" };
        return Err(format!(
            "a {whose}'s name has 1 to 128 characters from `A-Z`, `a-z`, `0-9`, `.`, `_`, `-`{slash}"
        ));
    }
    if name.starts_with('.') {
        return Err(format!("a {whose}'s name doesn't start with `.`"));
    }
    Ok(())
}

/// The prefix of the protocol's own methods.
const RESERVED: &str = "brpc.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_plugins() {
        for good in ["a", "A-z_0.9", &"n".repeat(128)] {
            assert_eq!(plugin(good), Ok(()));
        }
        for bad in ["", ".a", "a/b", "a b", "ä", "a\n", &"n".repeat(129)] {
            assert!(plugin(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_of_methods() {
        for good in ["a", "files/list", "a.b", "brpc", &"n".repeat(128)] {
            assert_eq!(method(good), Ok(()));
        }
        for bad in ["", ".a", "brpc.describe", "a b", "ä", &"n".repeat(129)] {
            assert!(method(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn versions() {
        for good in ["", "1.0.0-rc.1+x", "spring 26", &"v".repeat(64)] {
            assert_eq!(version(good), Ok(()));
        }
        for bad in ["1\n", "ä", &"v".repeat(65)] {
            assert!(version(bad).is_err(), "{bad:?}");
        }
    }
}
