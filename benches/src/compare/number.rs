//! Numbers as people read them.

/// As many digits as are significant, and the thousands apart.
pub(super) fn number(value: f64) -> String {
    if value.abs() < 10.0 {
        return format!("{value:.2}");
    }
    if value.abs() < 100.0 {
        return format!("{value:.1}");
    }
    apart(&format!("{value:.0}"))
}

/// A whole number with its thousands apart.
pub(super) fn apart(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        let left = digits.len() - place;
        if left.is_multiple_of(3) && place > 0 && digits.as_bytes()[place - 1].is_ascii_digit() {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        let texts = [0.123, 12.34, 123.4, 1_234.5, 1_234_567.0, -1_234.0].map(number);
        assert_eq!(texts, ["0.12", "12.3", "123", "1,234", "1,234,567", "-1,234"]);
    }
}
