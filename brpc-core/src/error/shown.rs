//! Texts of a peer as they are shown.

use std::fmt;

/// A text as it is shown, in one line: what doesn't print, such as a newline or the escape that
/// begins a command to a terminal, is escaped. Quotes and backslashes stay as they are.
///
/// Any text of a peer or a method may reach a log or a terminal, by the `Display` of its error.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PLAIN: [char; 3] = ['"', '\'', '\\'];
        for part in self.0.split_inclusive(PLAIN) {
            let text = part.strip_suffix(PLAIN).unwrap_or(part);
            write!(f, "{}{}", text.escape_debug(), &part[text.len()..])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a18_what_does_not_print_is_escaped_and_all_else_is_not() {
        for text in ["", "no", r#"C:\new "it's" \"#, "Größe: 5 µm, 日本, cafe\u{301}"] {
            assert_eq!(Shown(text).to_string(), text);
        }
        let shown = Shown("a\r\nb\t\u{1b}[31m\u{202e}\0").to_string();
        assert_eq!(shown, r"a\r\nb\t\u{1b}[31m\u{202e}\0");
    }
}
